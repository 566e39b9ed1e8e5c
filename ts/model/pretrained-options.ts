/** Options of every from_pretrained, with the names of transformers.js, and what they mean for the Hub. */
import type { DownloadProgress, HubOptions } from "../hub/types.js";
import { checkBoolean, checkFunction, checkOptions, checkSignal, checkText } from "./option-checks.js";

/** Events of transformers.js: those of the files of a download, those of the download, and those of loading. */
export type ProgressInfo =
  | { readonly status: "initiate" | "download" | "done"; readonly name: string; readonly file: string }
  | {
      readonly status: "progress";
      /** The repository; while weights are loaded, where they are. */
      readonly name: string;
      /** Absent while weights are loaded. */
      readonly file?: string;
      /** Percent. */
      readonly progress: number;
      /** Bytes. */
      readonly loaded: number;
      readonly total: number;
    }
  | {
      readonly status: "progress_total";
      readonly name: string;
      readonly progress: number;
      readonly loaded: number;
      readonly total: number;
      /** Bytes per second. */
      readonly rate: number;
      /** Seconds; undefined while that cannot be said. */
      readonly eta: number | undefined;
    }
  | {
      readonly status: "ready";
      readonly name: string;
      readonly progress: number;
      readonly loaded: number;
      readonly total: number;
    };

/** Where a model comes from, with the names of transformers.js. */
export interface PretrainedOptions {
  /** Branch, tag or commit of a model on the Hub. Default: "main". */
  revision?: string | undefined;
  /** Folder of downloaded models. Default: that of huggingface_hub. */
  cache_dir?: string | undefined;
  /** Use what is in the cache, without asking the Hub. Default: false, or as HF_HUB_OFFLINE says. */
  local_files_only?: boolean | undefined;
  /** Of the Hub. Default: HF_TOKEN or the stored login; false: none. */
  token?: string | false | undefined;
  /** Events of transformers.js: files, downloads, loading. */
  progress_callback?: ((info: ProgressInfo) => void) | undefined;
  /** Aborting rejects with ERR_ABORTED. */
  signal?: AbortSignal | undefined;
}

export const PRETRAINED_OPTIONS: readonly (keyof PretrainedOptions)[] = [
  "revision",
  "cache_dir",
  "local_files_only",
  "token",
  "progress_callback",
  "signal",
];

/** Checked options, for a class that needs no weights. */
export function smallFileOptions(options: PretrainedOptions): HubOptions {
  checkOptions("from_pretrained", options, PRETRAINED_OPTIONS);
  return { ...hubOptions(options), weights: false };
}

/** Checks the values; unknown keys are the caller's to refuse. */
export function hubOptions(options: PretrainedOptions): HubOptions {
  const { progress_callback: callback, signal } = options;
  checkFunction("progress_callback", callback);
  checkSignal(signal);
  checkText("revision", options.revision);
  checkText("cache_dir", options.cache_dir);
  if (options.token !== false) {
    checkText("token", options.token);
  }
  checkBoolean("local_files_only", options.local_files_only);
  return {
    revision: options.revision,
    cache_dir: options.cache_dir,
    local_files_only: options.local_files_only,
    token: options.token,
    signal,
    onProgress: callback === undefined ? undefined : (progress) => report(progress, callback),
  };
}

function report(progress: DownloadProgress, callback: (info: ProgressInfo) => void): void {
  const { status, model: name, file, loaded, total, overall } = progress;
  if (status !== "progress") {
    callback({ status, name, file });
    return;
  }
  callback({ status, name, file, progress: percent(loaded, total), loaded, total });
  callback({ status: "progress_total", name, progress: percent(overall.loaded, overall.total), ...overall });
}

export function percent(part: number, whole: number): number {
  return whole > 0 ? (100 * part) / whole : 100;
}
