/** A loaded model as a folder that transformers loads, too. */
import { describePath, type SourceRequest } from "./foreign-layout.js";
import type { GenerationConfig } from "./generation-config.js";
import type { KyutaiSpeechToTextConfig } from "./kyutai-speech-to-text-config.js";
import type { ModelSource } from "./model-folder.js";
import { checkFunction, checkInteger, checkOptions, checkSignal, invalidArgument, show } from "./option-checks.js";
import type { ConvertProgress } from "./run-conversion.js";
import { FLOAT_TYPES, type FloatType, readShardSize, writeTransformersFolder } from "./transformers-folder.js";

/** Options of save_pretrained() of a model. */
export interface SavePretrainedOptions {
  /**
   * Of the decoder's weights. Default "auto": as they are stored; quantized ones become bf16. The codec keeps its type.
   */
  dtype?: FloatType | "auto" | undefined;
  /** Bytes of one file, or a text such as "5GB"; a larger model comes in several files with an index. Default "50GB". */
  max_shard_size?: number | string | undefined;
  /** 1 to 256; default: all processors. */
  threads?: number | undefined;
  /** Aborting rejects with ERR_ABORTED. No file of weights is left behind. */
  signal?: AbortSignal | undefined;
  /** Called after every portion of the weights; not where they are copied as they are. */
  onProgress?: ((progress: ConvertProgress) => void) | undefined;
}

/** What is to be saved. */
export interface SavedModel {
  readonly source: ModelSource;
  /** How the source was taken when it was loaded. */
  readonly request: SourceRequest;
  readonly config: KyutaiSpeechToTextConfig;
  readonly generationConfig: GenerationConfig;
}

export async function saveModel(
  { source, request, config, generationConfig }: SavedModel,
  folder: unknown,
  options: SavePretrainedOptions,
): Promise<void> {
  if (typeof folder !== "string" || folder === "") {
    throw invalidArgument(`save_pretrained: the folder must be a path, not ${show(folder)}`, "Pass a path.");
  }
  checkOptions("save_pretrained", options, ["dtype", "max_shard_size", "threads", "signal", "onProgress"]);
  const { dtype = "auto", threads, signal, onProgress } = options;
  if (dtype !== "auto" && !FLOAT_TYPES.includes(dtype)) {
    throw invalidArgument(`'dtype' must be one of auto, ${FLOAT_TYPES.join(", ")}, not ${show(dtype)}`);
  }
  checkInteger("threads", threads, 1, 256);
  checkSignal(signal);
  checkFunction("onProgress", onProgress);
  // All streams are saved, however many are read here.
  const { transformersCompat } = request;
  const description = await describePath(source.path, { transformersCompat });
  await writeTransformersFolder(
    { path: source.path, description },
    folder,
    { config, generationConfig },
    {
      dtype: dtype === "auto" ? undefined : dtype,
      maxShardBytes: readShardSize("max_shard_size", options.max_shard_size),
      ...{ threads, transformersCompat, signal, onProgress },
    },
  );
}
