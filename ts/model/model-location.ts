import type { HubModel, HubOptions, HubSource } from "../hub/types.js";

/** Name of the model that comes with the package. */
export const EMBEDDED_MODEL = "digits-en";

/** A folder (path or file: URL), the name of the embedded model, or a model of the Hub ("org/name"). */
export type ModelLocation = string | URL;

/** Where a model in use was taken from. */
export type ModelSource =
  | { readonly kind: "embedded" | "folder"; readonly path: string }
  | (HubSource & { readonly kind: "hub"; readonly path: string });

/** The part that needs a file system. */
export interface ModelFolderHost {
  /** An absolute path; rejects unless it is a readable folder. */
  resolveFolder(location: ModelLocation): Promise<string>;
  /** An absolute path; rejects unless it is a readable folder or a file. */
  resolvePath(location: ModelLocation): Promise<string>;
  /** An absolute path, whether there is something or not. */
  toPath(location: ModelLocation): string;
  embeddedFolder(): string;
  findHubModel(id: string, options: HubOptions): Promise<HubModel>;
  /** undefined: there is no such file. */
  readText(folder: string, name: string): Promise<string | undefined>;
  writeText(folder: string, name: string, text: string): Promise<void>;
}
