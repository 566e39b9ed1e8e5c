/** What the Hub layer takes and gives. */

/** A file that can be read in parts. */
export interface PartialFile {
  /** Bytes. */
  readonly size: number;
  read(start: number, end: number): Promise<Uint8Array>;
}

/** How to describe a model without its weights, on a platform with a disk. */
export interface ModelHeads {
  /** How many bytes of a file of weights are wanted, from its beginning. */
  bytesOf(file: PartialFile): Promise<number>;
  /** Told of the folder that holds such files, and how to remove it. Not called where all is in the cache. */
  onFolder(folder: string, remove: () => Promise<void>): void;
}

export interface HubOptions {
  /** Branch, tag or commit. Default: "main". */
  readonly revision?: string | undefined;
  /** The cache folder. Default: HF_HUB_CACHE, else "hub" in HF_HOME, as Python's huggingface_hub. */
  readonly cache_dir?: string | undefined;
  /** Use what the cache holds and ask nobody. Default: HF_HUB_OFFLINE. */
  readonly local_files_only?: boolean | undefined;
  /** Default: HF_TOKEN, else the file that `hf auth login` wrote; false: send none. */
  readonly token?: string | false | undefined;
  /** false: no weights where configuration and tokenizer can be read without. Default: true. */
  readonly weights?: boolean | undefined;
  /** Of weights that are not here only the beginning is fetched. Default: all of them, into the cache. */
  readonly heads?: ModelHeads | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Told what the user should know though it is no error. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** One step of a download; `progress` at most ten times a second. */
export interface DownloadProgress {
  /** initiate: the file is looked at; download: its bytes begin to come; done: it is in the cache. */
  readonly status: "initiate" | "download" | "progress" | "done";
  /** The repository. */
  readonly model: string;
  readonly file: string;
  /** Bytes of this file that are here, and all of them. */
  readonly loaded: number;
  readonly total: number;
  /** Seconds until this file is here; undefined while that cannot be said. */
  readonly eta: number | undefined;
  readonly overall: OverallProgress;
}

/** All files of the model together. */
export interface OverallProgress {
  readonly loaded: number;
  readonly total: number;
  /** Bytes per second over the last seconds. */
  readonly rate: number;
  /** Seconds. */
  readonly eta: number | undefined;
}

/** Where a model of the Hub came from. */
export interface HubSource {
  /** As the caller wrote it. */
  readonly id: string;
  /** The repository in use; another one than `id` if that is an alias. */
  readonly repository: string;
  readonly revision: string;
  readonly commit: string;
  /** Why this repository stands for the id; undefined: the id itself names it. */
  readonly reason: string | undefined;
}

export interface HubModel {
  /** What the loader opens: the snapshot's folder, or the file of a one-file model. */
  readonly path: string;
  readonly source: HubSource;
}
