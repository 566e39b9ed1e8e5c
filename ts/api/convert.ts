/** A checkpoint rewritten: as one GGUF file, or as a folder that transformers loads. */
import {
  CONVERSION_FORMATS,
  type ConversionFormat,
  type ConversionReport,
  type ConvertedTensor,
  WEIGHT_TYPES,
  type WeightType,
} from "../contract/conversion.js";
import { throwIfAborted } from "../model/abort.js";
import { describePath } from "../model/foreign-layout.js";
import { KyutaiSpeechToTextProcessor } from "../model/kyutai-speech-to-text-processor.js";
import { loadConfigs } from "../model/load-configs.js";
import { findModelPath, type ModelLocation, toPath } from "../model/model-folder.js";
import {
  checkBoolean,
  checkFunction,
  checkInteger,
  checkOptions,
  checkSignal,
  checkText,
  invalidArgument,
  show,
} from "../model/option-checks.js";
import { type ConvertProgress, runConversion } from "../model/run-conversion.js";
import { FLOAT_TYPES, type FloatType, readShardSize, writeTransformersFolder } from "../model/transformers-folder.js";
import { type Progress, toHubOptions } from "./options.js";

export type { ConvertProgress } from "../model/run-conversion.js";

const OPTIONS = [
  "format",
  "dtype",
  "keep",
  "small",
  "codecDecoder",
  "transformersCompat",
  "maxShardSize",
  "threads",
  "cacheDir",
  "signal",
  "onProgress",
  "onDownload",
] as const;

/** Options of convertModel(). */
export interface ConvertOptions {
  /** "gguf" (the default): `target` is a file. "safetensors": a folder in the transformers layout. */
  format?: ConversionFormat | undefined;
  /**
   * Of the decoder's weights. Default "q8_0"; for safetensors, which have f32, f16 and bf16 only, as in the source and
   * bf16 where that is quantized.
   */
  dtype?: WeightType | undefined;
  /**
   * Tensors to keep in another type: "GLOB" (as in the source) or "GLOB=DTYPE", for names of the transformers layout,
   * such as "model.layers.0.*". * stands for any text, ? for a character; the first rule that fits counts.
   */
  keep?: readonly string[] | undefined;
  /**
   * Of a GGUF: a smaller file, with the codec in f16 (f32 again once loaded) and, for q4_0 and q4_k, embeddings in q4_k.
   * Default: false. bench/results.md has what it costs.
   */
  small?: boolean | undefined;
  /** Of a GGUF: also the half of the codec that turns codes into audio. Transcription never reads it. Default: false. */
  codecDecoder?: boolean | undefined;
  /**
   * As of SpeechToText.load(). A GGUF keeps the window and the start token; the configuration of a source in
   * transformers' layout goes into a folder as it is, either way.
   */
  transformersCompat?: boolean | undefined;
  /** Of safetensors: bytes of one file, or a text such as "5GB". Default "50GB". */
  maxShardSize?: number | string | undefined;
  /** 1 to 256; default: all processors. */
  threads?: number | undefined;
  /** Of a source on the Hub: folder of downloaded models. Default: that of huggingface_hub. */
  cacheDir?: string | undefined;
  /** Aborting rejects with ERR_ABORTED. Nothing is left behind. */
  signal?: AbortSignal | undefined;
  /** Called after every portion written. */
  onProgress?: ((progress: ConvertProgress) => void) | undefined;
  /** A model of the Hub is downloaded first. */
  onDownload?: ((progress: Progress) => void) | undefined;
}

/** What convertModel() wrote. */
export interface ConvertResult extends ConversionReport {
  /** Time it took. */
  readonly seconds: number;
  /** Tensors that could not take the type asked for, because their rows are no whole blocks of it. */
  readonly fallbacks: readonly ConvertedTensor[];
}

/**
 * Writes the model as one GGUF file with everything in it: weights, configuration, vocabulary; or, with the format
 * "safetensors", as a folder that transformers loads. A file appears under its name when it is whole; an abort or a
 * failure leaves no weights behind.
 *
 * In a GGUF the codec, norms and pause heads stay f32; embeddings and text head have 8 bits at least. docs/gguf.md has
 * more; docs/api-model.md says what is in the folder.
 *
 * Errors: ERR_INVALID_ARGUMENT, ERR_FILE_NOT_FOUND, ERR_FILE_ACCESS, ERR_DISK_FULL, ERR_MODEL_FORMAT,
 * ERR_MODEL_UNSUPPORTED (a source that is quantized already, or without the decoder half of its codec where one is asked
 * for), ERR_OUT_OF_MEMORY, ERR_BACKEND_UNAVAILABLE, ERR_ABORTED; those of downloadModel.
 */
export async function convertModel(
  source: ModelLocation,
  target: string | URL,
  options: ConvertOptions = {},
): Promise<ConvertResult> {
  checkConvertOptions(options);
  const { format = "gguf", signal } = options;
  throwIfAborted(signal);
  const started = performance.now();
  const hub = toHubOptions({ signal, cacheDir: options.cacheDir, onProgress: options.onDownload });
  const { path: from } = await findModelPath(source, hub);
  const to = await toPath(target);
  const report = await (format === "gguf" ? toGguf(from, to, options) : toFolder(from, to, options));
  return {
    ...report,
    seconds: (performance.now() - started) / 1000,
    fallbacks: report.tensors.filter(({ reason }) => reason?.includes("whole blocks")),
  };
}

function toGguf(from: string, to: string, options: ConvertOptions): Promise<ConversionReport> {
  const { dtype = "q8_0", keep = [], threads = 0, small = false, codecDecoder = false } = options;
  const { transformersCompat = false } = options;
  const all = { dtype, keep, threads, small, codecDecoder, transformersCompat, maxShardBytes: 0 };
  return runConversion(from, to, { format: "gguf", ...all }, options);
}

async function toFolder(from: string, to: string, options: ConvertOptions): Promise<ConversionReport> {
  const { dtype, keep, threads, signal, onProgress } = options;
  // Without the flag a config.json counts as it is: loading the result, here or in transformers, decides anew.
  const transformersCompat = options.transformersCompat || undefined;
  const request = { transformersCompat };
  const description = await describePath(from, request);
  const documents = await loadConfigs(from, request);
  const processor = await KyutaiSpeechToTextProcessor.from_pretrained(from);
  const report = await writeTransformersFolder({ path: from, description }, to, documents, {
    dtype: dtype as FloatType | undefined,
    // Even a checkpoint in this layout is written anew, so that there is one way and a report.
    maxShardBytes: readShardSize("maxShardSize", options.maxShardSize ?? DEFAULT_SHARD_SIZE),
    ...{ keep, threads, transformersCompat, signal, onProgress },
  });
  await processor.save_pretrained(to);
  return report as ConversionReport;
}

/** As in transformers. */
const DEFAULT_SHARD_SIZE = "50GB";

function checkConvertOptions(options: ConvertOptions): void {
  checkOptions("convertModel", options, OPTIONS);
  checkInteger("threads", options.threads, 1, 256);
  checkText("cacheDir", options.cacheDir);
  checkSignal(options.signal);
  checkFunction("onProgress", options.onProgress);
  checkFunction("onDownload", options.onDownload);
  for (const name of ["small", "codecDecoder", "transformersCompat"] as const) {
    checkBoolean(name, options[name]);
  }
  const { format = "gguf", dtype, keep } = options;
  if (!CONVERSION_FORMATS.includes(format)) {
    throw invalidArgument(`'format' must be one of ${CONVERSION_FORMATS.join(", ")}, not ${show(format)}`);
  }
  const types: readonly WeightType[] = format === "gguf" ? WEIGHT_TYPES : FLOAT_TYPES;
  if (dtype !== undefined && !types.includes(dtype)) {
    throw invalidArgument(`'dtype' must be one of ${types.join(", ")} for ${format}, not ${show(dtype)}`);
  }
  if (keep !== undefined && !(Array.isArray(keep) && keep.every((rule) => typeof rule === "string"))) {
    throw invalidArgument(`'keep' must be an array of patterns, not ${show(keep)}`);
  }
  readShardSize("maxShardSize", options.maxShardSize);
  const foreign = format === "gguf" ? (["maxShardSize"] as const) : (["small", "codecDecoder"] as const);
  for (const name of foreign) {
    if (options[name] !== undefined) {
      throw invalidArgument(`'${name}' has no meaning for the format ${format}`);
    }
  }
}
