import type { HubModel, HubOptions, HubSource } from "../hub/types.js";

/** Name of the model that comes with the package. */
export const EMBEDDED_MODEL = "digits-en";

/** A folder or a file of weights (path or file: URL), the embedded model's name, or a model of the Hub ("org/name"). */
export type ModelLocation = string | URL;

/** Where a model in use was taken from. */
export type ModelSource =
  | { readonly kind: "embedded" | "folder"; readonly path: string }
  | (HubSource & { readonly kind: "hub"; readonly path: string });

/** The part that needs a file system. */
export interface ModelFolderHost {
  /** An absolute path; rejects unless it is a readable folder or a file of weights. */
  resolvePath(location: ModelLocation): Promise<string>;
  /** An absolute path, whether there is something or not. */
  toPath(location: ModelLocation): string;
  embeddedFolder(): string;
  findHubModel(id: string, options: HubOptions): Promise<HubModel>;
  /** A file in the folder, or beside the file of weights; undefined: there is none. */
  readText(model: string, name: string): Promise<string | undefined>;
  write(folder: string, name: string, content: string | Uint8Array): Promise<void>;
}
