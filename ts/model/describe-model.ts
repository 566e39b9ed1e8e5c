/** What a checkpoint is, without loading it. */
import { headBytes } from "../contract/file-head.js";
import type { HubOptions } from "../hub/types.js";
import { checkSourceRequest, describePath, type ModelDescription, type SourceRequest } from "./foreign-layout.js";
import { findModelPath, type ModelLocation } from "./model-folder.js";
import { checkOptions, checkText } from "./option-checks.js";

export type { ModelDescription } from "./foreign-layout.js";

/** Options of describeModel(). */
export interface DescribeOptions {
  /** Audio streams to read, as unmute does with 20 of 32. Default: all. */
  codebooks?: number | undefined;
  /** As of SpeechToText.load(). */
  transformersCompat?: boolean | undefined;
  /** Of a model on the Hub: folder of downloaded models. Default: that of huggingface_hub. */
  cacheDir?: string | undefined;
}

/**
 * Layout, files, configuration, types and sizes of a checkpoint: a folder or a file of weights; without a location, of
 * the embedded model. Says what SpeechToText.load() would take it for. Reads no weights, and fetches none of a model on
 * the Hub.
 *
 * Errors: ERR_INVALID_ARGUMENT, ERR_FILE_NOT_FOUND, ERR_FILE_ACCESS, ERR_MODEL_FORMAT, ERR_MODEL_UNSUPPORTED,
 * ERR_BACKEND_UNAVAILABLE; of the Hub those of downloadModel.
 */
export async function describeModel(
  location?: ModelLocation,
  options: DescribeOptions = {},
): Promise<ModelDescription> {
  checkOptions("describeModel", options, ["codebooks", "transformersCompat", "cacheDir"]);
  checkSourceRequest(options);
  const { codebooks, transformersCompat = false, cacheDir } = options;
  checkText("cacheDir", cacheDir);
  const request = { codebooks, transformersCompat };
  return (await describeLocation(location, request, { cache_dir: cacheDir })).description;
}

/** Where a model is, and what the core says of it. Of one on the Hub that is not here no weights are fetched. */
export async function describeLocation(
  location: ModelLocation | undefined,
  request: SourceRequest,
  hub: HubOptions,
): Promise<{ readonly path: string; readonly description: ModelDescription }> {
  const place = { folder: "", remove: async (): Promise<void> => {} };
  const onFolder = (folder: string, remove: () => Promise<void>): void => void Object.assign(place, { folder, remove });
  try {
    const source = await findModelPath(location, { ...hub, heads: { bytesOf: headBytes, onFolder } });
    const description = await describePath(source.path, request);
    if (place.folder === "" || source.kind !== "hub") {
      return { path: source.path, description };
    }
    // Files of a folder that is gone by then are named by where they are.
    const toHub = (path: string): string =>
      path.startsWith(place.folder)
        ? `hf://${source.repository}${path.slice(place.folder.length).replaceAll("\\", "/")}`
        : path;
    const { files, tokenizer } = description;
    return {
      path: toHub(source.path),
      description: {
        ...description,
        files: files.map(toHub),
        tokenizer: { ...tokenizer, file: tokenizer.file.replace(place.folder, `hf://${source.repository}`) },
      },
    };
  } finally {
    await place.remove();
  }
}
