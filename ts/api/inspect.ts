/** What a checkpoint is, without loading it. */
import { throwIfAborted, untilAborted } from "../model/abort.js";
import { describeLocation } from "../model/describe-model.js";
import { checkSourceRequest, type ModelDescription, type ModelPart } from "../model/foreign-layout.js";
import type { ModelLocation } from "../model/model-folder.js";
import { checkFunction, checkOptions, checkSignal, checkText } from "../model/option-checks.js";
import { type Progress, toHubOptions } from "./options.js";

/** Options of inspectModel(). */
export interface InspectOptions {
  /** Audio streams to read, as of SpeechToText.load(). */
  codebooks?: number | undefined;
  /** As of SpeechToText.load(). */
  transformersCompat?: boolean | undefined;
  /** Of a model of the Hub: folder of downloaded models. Default: that of huggingface_hub. */
  cacheDir?: string | undefined;
  /** Aborting rejects with ERR_ABORTED. */
  signal?: AbortSignal | undefined;
  /** Of a model of the Hub configuration and vocabulary are downloaded first; of weights only names and shapes. */
  onDownload?: ((progress: Progress) => void) | undefined;
}

/** What inspectModel() found. */
export interface ModelSummary {
  /** The folder or file that was read; "hf://owner/name" for a model of the Hub that is not in the cache. */
  readonly path: string;
  /** "transformers", "original", "candle", "mlx", "gguf" or "moshi.cpp". */
  readonly layout: string;
  /** Paths read, weights first. */
  readonly files: readonly string[];
  /** The text decoder. */
  readonly decoder: ModelPart & {
    /** Transformer layers. */
    readonly layers: number;
    /** Width of a step. */
    readonly hiddenSize: number;
    /** Query heads per layer. */
    readonly heads: number;
    /** Attention, in steps and in seconds. */
    readonly window: number;
    /** The same in seconds. */
    readonly windowSeconds: number;
    /** Audio streams read per step. */
    readonly codebooks: number;
  };
  /** The Mimi encoder. */
  readonly codec: ModelPart & {
    /** Transformer layers. */
    readonly layers: number;
    /** Width of a column. */
    readonly hiddenSize: number;
    /** Entries per codebook. */
    readonly codebookSize: number;
    /** Hz. */
    readonly sampleRate: number;
    /** Frames per second. */
    readonly frameRate: number;
  };
  /** The vocabulary and its file. */
  readonly tokenizer: { readonly kind: "tokenizer_json" | "sentencepiece"; readonly file: string };
  /** Tokens that can come out. */
  readonly vocabSize: number;
  /** Heads that predict pauses; 0: none. */
  readonly pauseHeads: number;
  /** Seconds by which words come after their audio. */
  readonly delaySeconds: number;
  /** Seconds of silence fed before a recording. */
  readonly prefixSeconds: number;
  /** Weights, decoder and codec together. */
  readonly parameters: number;
  /** Weights, as stored; they are mapped, not copied, where the layout allows. */
  readonly bytes: number;
  /** Attention memory of one stream, which is nearly all it needs. */
  readonly bytesPerStream: number;
}

/**
 * Reads the headers of a checkpoint of any layout and checks them as loading does. Says what SpeechToText.load() makes of
 * it with the same options.
 *
 * Errors: those of SpeechToText.load.
 */
export async function inspectModel(location: ModelLocation, options: InspectOptions = {}): Promise<ModelSummary> {
  checkOptions("inspectModel", options, ["codebooks", "transformersCompat", "cacheDir", "signal", "onDownload"]);
  checkSourceRequest(options);
  const { codebooks, transformersCompat = false, cacheDir, signal, onDownload } = options;
  checkText("cacheDir", cacheDir);
  checkSignal(signal);
  checkFunction("onDownload", onDownload);
  throwIfAborted(signal);
  const request = { codebooks, transformersCompat };
  const found = describeLocation(location, request, toHubOptions({ cacheDir, signal, onProgress: onDownload }));
  const { path, description } = await untilAborted(found, signal);
  return summarize(path, description);
}

function summarize(path: string, description: ModelDescription): ModelSummary {
  const { layout, files, tokenizer, parameters, bytes, decoder, codec } = description;
  const config = numbersOf(description.config);
  const codecConfig = numbersOf(Object(description.config["codec_config"]));
  const audio = numbersOf(description.preprocessor_config);
  const window = config("sliding_window");
  const frameRate = codecConfig("frame_rate");
  return {
    path,
    layout,
    files,
    decoder: {
      ...decoder,
      layers: config("num_hidden_layers"),
      hiddenSize: config("hidden_size"),
      heads: config("num_attention_heads"),
      window,
      windowSeconds: window / frameRate,
      codebooks: description.n_codebooks,
    },
    codec: {
      ...codec,
      layers: codecConfig("num_hidden_layers"),
      hiddenSize: codecConfig("hidden_size"),
      codebookSize: codecConfig("codebook_size"),
      sampleRate: codecConfig("sampling_rate"),
      frameRate,
    },
    tokenizer,
    vocabSize: description.output_vocab_size,
    pauseHeads: description.extra_heads.count,
    delaySeconds: audio("audio_delay_seconds"),
    prefixSeconds: audio("audio_silence_prefix_seconds"),
    parameters,
    bytes,
    bytesPerStream:
      ringBytes(config, Object.keys(decoder.dtypes).every((type) => type === "f32") ? 4 : 2) +
      ringBytes(codecConfig, 4),
  };
}

type Numbers = (key: string) => number;

function numbersOf(object: object): Numbers {
  return (key) => Number((object as Record<string, unknown>)[key]);
}

/** Keys and values of a window in every layer. */
function ringBytes(config: Numbers, bytesPerValue: number): number {
  const width = config("num_key_value_heads") * config("head_dim");
  return 2 * config("num_hidden_layers") * config("sliding_window") * width * bytesPerValue;
}
