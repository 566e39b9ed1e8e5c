/** Pipelines in the form of transformers.js. */
import type { RawAudio } from "../audio/types.js";
import { SttError } from "../contract/errors.js";
import { Callable } from "../model/callable.js";
import { checkDtype, readDtype } from "../model/load-model.js";
import { warn } from "../model/logger.js";
import type { ModelLocation } from "../model/model-folder.js";
import { checkFunction, checkOptions, checkSignal, invalidArgument, show } from "../model/option-checks.js";
import { type ProgressInfo, percent } from "../model/pretrained-options.js";
import { Tensor, type TensorLike } from "../tensor/tensor.js";
import type { LoadOptions, Progress } from "./options.js";
import { SpeechToText, type TranscriptionResult } from "./speech-to-text.js";

/** The task of these models, and the short name that transformers.js has for it. */
export type PipelineTask = "automatic-speech-recognition" | "asr";

/** A path or URL, samples at the model's rate, or samples with their rate, in the spellings in use. */
export type PipelineAudio =
  | string
  | URL
  | Blob
  | Float32Array
  | Float64Array
  | TensorLike<"float32">
  | { readonly array: Float32Array | Float64Array; readonly sampling_rate: number }
  | { readonly raw: Float32Array | Float64Array; readonly sampling_rate: number };

/** Options of `pipeline`: those of loading a model, with transformers.js's names beside. */
export interface PipelineOptions extends Omit<LoadOptions, "onProgress"> {
  /** Another name of `backend`. */
  device?: LoadOptions["backend"];
  /** Another name of `cacheDir`. */
  cache_dir?: string | undefined;
  /** Another name of `localFilesOnly`. */
  local_files_only?: boolean | undefined;
  /** Weights keep their own type: "auto", or its name, which is checked ("float32", "bf16", "fp16", ...). */
  dtype?: string | undefined;
  /** Told of downloads, of weights that are brought into memory, and when the model is ready. */
  progress_callback?: ((info: ProgressInfo) => void) | undefined;
}

/** Options of one call. */
export interface AsrOptions {
  /** Words with times; true and "word" are the same here. Default: false. */
  return_timestamps?: boolean | "word" | undefined;
  /** Without effect: the model hears audio of any length as a stream. A warning says so. */
  chunk_length_s?: number | undefined;
  /** As chunk_length_s. */
  stride_length_s?: number | readonly number[] | undefined;
  /** Aborting rejects with ERR_ABORTED. */
  signal?: AbortSignal | undefined;
}

/** A word. */
export interface AsrChunk {
  /** With the space before it, as in transformers.js. */
  readonly text: string;
  /** Seconds. */
  readonly timestamp: readonly [start: number, end: number];
}

/** What a call gives for one recording. */
export interface AsrResult {
  /** All that was said. */
  readonly text: string;
  /** With return_timestamps. */
  readonly chunks?: readonly AsrChunk[];
}

const CALL_OPTIONS: readonly (keyof AsrOptions)[] = [
  "return_timestamps",
  "chunk_length_s",
  "stride_length_s",
  "signal",
];

/** Why options of other models' pipelines are refused. */
const REFUSED: Readonly<Record<string, string>> = {
  language: "the model finds out by itself what is spoken",
  task: "these models transcribe and do not translate",
  generate_kwargs: "use KyutaiSpeechToTextForConditionalGeneration.generate for its options",
  max_new_tokens: "the length of the text follows the audio",
  top_k: "use KyutaiSpeechToTextForConditionalGeneration.generate for its options",
};

/** Calls are `await transcriber(audio)`; several may overlap, and run in one batch where the model has `slots`. */
export class AutomaticSpeechRecognitionPipeline extends Callable<
  [audio: PipelineAudio | readonly PipelineAudio[], options?: AsrOptions],
  Promise<AsrResult | AsrResult[]>
> {
  /** "automatic-speech-recognition". */
  readonly task = "automatic-speech-recognition";
  /** What does the work. */
  readonly model: SpeechToText;

  /** @internal Use `pipeline`. */
  constructor(model: SpeechToText) {
    super();
    this.model = model;
  }

  /**
   * What calling the object does: one result, or a list for a list of recordings. Rejects with ERR_INVALID_ARGUMENT (an
   * option, or what is no audio), and as SpeechToText.transcribe does.
   */
  override async _call(
    audio: PipelineAudio | readonly PipelineAudio[],
    options: AsrOptions = {},
  ): Promise<AsrResult | AsrResult[]> {
    checkCall(options);
    const list: readonly PipelineAudio[] = Array.isArray(audio) ? audio : [audio];
    const { sampleRate } = this.model.info;
    const sources = list.map((entry) => toSource(entry, sampleRate));
    const { signal } = options;
    const results = await Promise.all(sources.map((source) => this.model.transcribe(source, { signal })));
    const withChunks = options.return_timestamps === true || options.return_timestamps === "word";
    const outputs = results.map((result) => toResult(result, withChunks));
    return Array.isArray(audio) ? outputs : (outputs[0] as AsrResult);
  }

  /** Frees the model. */
  async dispose(): Promise<void> {
    await this.model.dispose();
  }

  /** As dispose(), for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }
}

/**
 * `await pipeline("automatic-speech-recognition", model)`: a function from recordings to text. `model` is a folder, an
 * id of the Hub, or absent for the embedded one. Rejects with ERR_INVALID_ARGUMENT (another task, an unknown option),
 * and as SpeechToText.load does.
 */
export async function pipeline(
  task: PipelineTask,
  model?: ModelLocation | null,
  options: PipelineOptions = {},
): Promise<AutomaticSpeechRecognitionPipeline> {
  if (task !== "automatic-speech-recognition" && task !== "asr") {
    throw invalidArgument(
      `pipeline: the task must be "automatic-speech-recognition", not ${show(task)}`,
      task === "feature-extraction"
        ? "For the decoder's hidden states call KyutaiSpeechToTextModel."
        : "Other tasks are those of other packages.",
    );
  }
  const { device, cache_dir, local_files_only, dtype, progress_callback: callback, ...rest } = options;
  checkFunction("progress_callback", callback);
  const type = readDtype({ dtype: dtype ?? undefined });
  const name = model === undefined || model === null ? "digits-en" : String(model);
  const stt = await SpeechToText.load(model ?? undefined, {
    ...rest,
    backend: rest.backend ?? device,
    cacheDir: rest.cacheDir ?? cache_dir ?? undefined,
    localFilesOnly: rest.localFilesOnly ?? local_files_only ?? undefined,
    onProgress: callback === undefined ? undefined : (progress) => report(progress, name, callback),
  });
  try {
    checkDtype(type, stt.info.weightType);
  } catch (error) {
    await stt.dispose();
    throw error;
  }
  const { weightBytes } = stt.info;
  callback?.({ status: "ready", name, progress: 100, loaded: weightBytes, total: weightBytes });
  return new AutomaticSpeechRecognitionPipeline(stt);
}

/** As events of transformers.js: of a download its file and the whole, then the weights on their way into memory. */
function report({ done, total = 0, download }: Progress, name: string, callback: (info: ProgressInfo) => void): void {
  const whole = { progress: percent(done, total), loaded: done, total };
  if (download === undefined) {
    callback({ status: "progress", name, ...whole });
    return;
  }
  const { repository, file, fileDone: loaded, fileTotal, rate, eta } = download;
  const part = { progress: percent(loaded, fileTotal), loaded, total: fileTotal };
  callback({ status: "progress", name: repository, file, ...part });
  callback({ status: "progress_total", name: repository, ...whole, rate, eta });
}

function checkCall(options: AsrOptions): void {
  const given = (typeof options === "object" && options !== null ? options : {}) as Readonly<Record<string, unknown>>;
  for (const [name, reason] of Object.entries(REFUSED)) {
    if (given[name] !== undefined && given[name] !== null) {
      throw invalidArgument(
        `the pipeline does not support '${name}' = ${show(given[name])}: ${reason}`,
        `Leave it out.`,
      );
    }
  }
  checkOptions("automatic-speech-recognition", options, [...CALL_OPTIONS, ...Object.keys(REFUSED)]);
  const { return_timestamps: timestamps, signal } = options;
  if (timestamps !== undefined && typeof timestamps !== "boolean" && timestamps !== "word") {
    throw invalidArgument(`'return_timestamps' must be true, false or "word", not ${show(timestamps)}`);
  }
  checkSignal(signal);
  const useless = (["chunk_length_s", "stride_length_s"] as const).filter((name) => Boolean(options[name]));
  if (useless.length > 0) {
    warn(
      `The pipeline needs no ${useless.map((name) => `\`${name}\``).join(" and ")}: audio of any length is one stream.`,
    );
  }
}

function toSource(audio: PipelineAudio, rate: number): string | URL | Blob | RawAudio {
  if (typeof audio === "string" || audio instanceof URL || audio instanceof Blob) {
    return audio;
  }
  if (audio instanceof Float32Array || audio instanceof Float64Array) {
    return { samples: Float32Array.from(audio), rate };
  }
  if (Tensor.isLike(audio)) {
    if (audio.type !== "float32" || audio.data.length !== audio.dims.at(-1)) {
      throw invalidArgument("a tensor of audio must be float32 and hold one recording, [samples] or [1, samples]");
    }
    return { samples: audio.data as Float32Array, rate };
  }
  if (typeof audio === "object" && audio !== null) {
    const samples: unknown = "array" in audio ? audio.array : "raw" in audio ? audio.raw : undefined;
    if (samples instanceof Float32Array || samples instanceof Float64Array) {
      return { samples: Float32Array.from(samples), rate: audio.sampling_rate };
    }
  }
  throw new SttError(
    "ERR_INVALID_ARGUMENT",
    `audio must be a path, a URL, samples, or { array, sampling_rate }, not ${show(audio)}`,
    { remedy: "Decode other formats first, for example with read_audio." },
  );
}

function toResult({ text, words }: TranscriptionResult, withChunks: boolean): AsrResult {
  if (!withChunks) {
    return { text };
  }
  return { text, chunks: words.map((word) => ({ text: ` ${word.text}`, timestamp: [word.start, word.end] })) };
}
