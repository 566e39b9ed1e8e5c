/** A checkpoint rewritten as one GGUF file. */
import {
  type ConversionHandle,
  type ConversionReport,
  type ConvertedTensor,
  WEIGHT_TYPES,
  type WeightType,
} from "../contract/conversion.js";
import { abortError, throwIfAborted, untilAborted } from "../model/abort.js";
import { findModelPath, type ModelLocation, toPath } from "../model/model-folder.js";
import {
  checkFunction,
  checkInteger,
  checkOptions,
  checkSignal,
  invalidArgument,
  show,
} from "../model/option-checks.js";
import { openBackend } from "../model/runtime.js";
import { type Progress, toHubOptions } from "./options.js";

/** How far a conversion is. */
export interface ConvertProgress {
  /** Bytes of the result. */
  readonly done: number;
  /** Bytes the result will have. */
  readonly total: number;
}

/** Options of convertModel(). */
export interface ConvertOptions {
  /** Of the decoder's weights. Default "q8_0". */
  dtype?: WeightType | undefined;
  /**
   * Tensors to keep in another type: "GLOB" (as in the source) or "GLOB=DTYPE", for names of the transformers layout,
   * such as "model.layers.0.*". * stands for any text, ? for a character; the first rule that fits counts.
   */
  keep?: readonly string[] | undefined;
  /** 1 to 256; default: all processors. */
  threads?: number | undefined;
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

/** Written between two looks at the signal: well under a second, but for q4_k, which takes some. */
const STEP_BYTES = 16 * 1024 * 1024;

/**
 * Writes the model as one GGUF file with everything in it: weights, configuration, vocabulary. The file appears under
 * its name when it is whole; an abort or a failure leaves nothing behind.
 *
 * The codec, norms and pause heads stay f32; embeddings and text head have 8 bits at least.
 *
 * Errors: ERR_INVALID_ARGUMENT, ERR_FILE_NOT_FOUND, ERR_FILE_ACCESS, ERR_DISK_FULL, ERR_MODEL_FORMAT,
 * ERR_MODEL_UNSUPPORTED (a source that is quantized already), ERR_OUT_OF_MEMORY, ERR_BACKEND_UNAVAILABLE, ERR_ABORTED;
 * those of downloadModel.
 */
export async function convertModel(
  source: ModelLocation,
  target: string | URL,
  options: ConvertOptions = {},
): Promise<ConvertResult> {
  checkConvertOptions(options);
  const { dtype = "q8_0", keep = [], threads = 0, signal, onProgress } = options;
  throwIfAborted(signal);
  const started = performance.now();
  const hub = toHubOptions({ signal, onProgress: options.onDownload });
  const { path: from } = await findModelPath(source, hub);
  const to = await toPath(target);
  // No GPU is of use here, so none is woken up unless the addon for the processor is missing.
  const opening = openBackend("cpu").catch(() => openBackend());
  const { backend } = await untilAborted(opening, signal);
  const conversion = await backend.createConversion(from, to, { dtype, keep, threads });
  try {
    await run(conversion, signal, onProgress);
    const report = await conversion.report();
    return {
      ...report,
      seconds: (performance.now() - started) / 1000,
      fallbacks: report.tensors.filter(({ reason }) => reason?.includes("whole blocks")),
    };
  } finally {
    await conversion.dispose();
  }
}

async function run(
  conversion: ConversionHandle,
  signal: AbortSignal | undefined,
  onProgress: ConvertOptions["onProgress"],
): Promise<void> {
  for (;;) {
    if (signal?.aborted) {
      throw abortError(signal);
    }
    const { done, total, finished } = await conversion.advance(STEP_BYTES);
    onProgress?.({ done, total });
    if (finished) {
      break;
    }
  }
  throwIfAborted(signal);
  await conversion.finish();
}

function checkConvertOptions(options: ConvertOptions): void {
  checkOptions("convertModel", options, ["dtype", "keep", "threads", "signal", "onProgress", "onDownload"]);
  checkInteger("threads", options.threads, 1, 256);
  checkSignal(options.signal);
  checkFunction("onProgress", options.onProgress);
  checkFunction("onDownload", options.onDownload);
  const { dtype, keep } = options;
  if (dtype !== undefined && !WEIGHT_TYPES.includes(dtype)) {
    throw invalidArgument(`'dtype' must be one of ${WEIGHT_TYPES.join(", ")}, not ${show(dtype)}`);
  }
  if (keep !== undefined && !(Array.isArray(keep) && keep.every((rule) => typeof rule === "string"))) {
    throw invalidArgument(`'keep' must be an array of patterns, not ${show(keep)}`);
  }
}
