import type { HubModel, HubOptions, HubSource } from "../hub/types.js";

/** Name of the model that comes with the package. */
export const EMBEDDED_MODEL = "digits-en";

/** A file of the user in a browser: a File is one. */
export interface UserFile extends Blob {
  readonly name: string;
}

/** What the user has opened, or what lies in the page's own storage (OPFS): FileSystemHandles are some. */
export interface UserFileHandle {
  readonly kind: "file";
  getFile(): Promise<UserFile>;
}

export interface UserFolderHandle {
  readonly kind: "directory";
  values(): AsyncIterable<UserFileHandle | UserFolderHandle>;
}

/** A path, or the name of a model. */
export type NamedLocation = string | URL;

/**
 * In Node a folder or a file of weights (path or file: URL); in browsers a URL of the same, or files of the user; on both
 * the embedded model's name, or a model of the Hub ("org/name").
 */
export type ModelLocation =
  | NamedLocation
  | UserFile
  | Iterable<UserFile | UserFileHandle>
  | UserFileHandle
  | UserFolderHandle;

/** Where a model in use was taken from. */
export type ModelSource =
  | { readonly kind: "embedded" | "folder" | "url" | "files"; readonly path: string }
  | (HubSource & { readonly kind: "hub"; readonly path: string });

/** The part that needs a file system. */
export interface ModelFolderHost {
  /** What this platform takes beyond paths and names; undefined: the location is none of that. */
  open?(location: unknown, options: HubOptions): Promise<ModelSource | undefined>;
  /** An absolute path; rejects unless it is a readable folder or a file of weights. */
  resolvePath(location: NamedLocation): Promise<string>;
  /** An absolute path, whether there is something or not. */
  toPath(location: NamedLocation): string;
  embeddedFolder(): string;
  findHubModel(id: string, options: HubOptions): Promise<HubModel>;
  /** A file in the folder, or beside the file of weights; undefined: there is none. */
  readText(model: string, name: string): Promise<string | undefined>;
  write(folder: string, name: string, content: string | Uint8Array): Promise<void>;
  copyFiles(files: readonly string[], folder: string): Promise<void>;
  removeOldWeights(folder: string, kept: readonly string[]): Promise<void>;
}
