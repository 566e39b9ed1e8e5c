/** Models of the Hub by themselves: to have them before they are needed, to see what is here, to free the disk. */
import {
  type CachedModel,
  listCachedModels as listCache,
  removeCachedModel as removeFromCache,
} from "../hub/cache-contents.node.js";
import { findHubModel } from "../hub/hub-model.node.js";
import { warn } from "../model/logger.js";
import type { ModelSource } from "../model/model-folder.js";
import { checkOptions, checkText, invalidArgument, show } from "../model/option-checks.js";
import { checkHubOptions, type HubLoadOptions, toHubOptions } from "./options.js";

export type { CachedModel, CachedRevision } from "../hub/cache-contents.node.js";

/** Options of downloadModel(): those of loading from the Hub. */
export type DownloadOptions = HubLoadOptions;

/** Which cache of downloaded models. */
export interface CacheOptions {
  /** Folder of downloaded models. Default: that of huggingface_hub. */
  cacheDir?: string | undefined;
}

const DOWNLOAD_OPTIONS: readonly (keyof DownloadOptions)[] = [
  "revision",
  "cacheDir",
  "localFilesOnly",
  "token",
  "signal",
  "onProgress",
];

/**
 * Brings the files that a model needs into the cache, from which SpeechToText.load(id) then takes them.
 *
 * Errors: ERR_INVALID_ARGUMENT, ERR_HUB_NOT_FOUND, ERR_HUB_ACCESS, ERR_HUB_OFFLINE, ERR_NETWORK, ERR_DOWNLOAD,
 * ERR_DISK_FULL, ERR_FILE_ACCESS, ERR_MODEL_FORMAT, ERR_MODEL_UNSUPPORTED, ERR_ABORTED.
 */
export async function downloadModel(
  id: string,
  options: DownloadOptions = {},
): Promise<Extract<ModelSource, { kind: "hub" }>> {
  checkOptions("downloadModel", options, DOWNLOAD_OPTIONS);
  checkHubOptions(options);
  checkId(id);
  const { path, source } = await findHubModel(id, { onWarning: warn, ...toHubOptions(options) });
  return { kind: "hub", path, ...source };
}

/** Every model in the cache, also those that other programs have put there. Errors: ERR_FILE_ACCESS. */
export async function listCachedModels(options: CacheOptions = {}): Promise<CachedModel[]> {
  return listCache(toCacheOptions("listCachedModels", options));
}

/**
 * Removes a model ("org/name"), or one revision of it ("org/name@revision") with the files that no other revision has.
 * Resolves to the bytes freed.
 *
 * Errors: ERR_INVALID_ARGUMENT, ERR_HUB_NOT_FOUND (not in the cache), ERR_BUSY (being downloaded), ERR_FILE_ACCESS.
 */
export async function removeCachedModel(id: string, options: CacheOptions = {}): Promise<number> {
  checkId(id);
  return removeFromCache(id, toCacheOptions("removeCachedModel", options));
}

function toCacheOptions(where: string, options: CacheOptions): { cache_dir: string | undefined } {
  checkOptions(where, options, ["cacheDir"]);
  checkText("cacheDir", options.cacheDir);
  return { cache_dir: options.cacheDir };
}

function checkId(id: unknown): void {
  if (typeof id !== "string") {
    throw invalidArgument(`a model of the Hub is named by a string, not ${show(id)}`, 'Write it as "org/name".');
  }
}
