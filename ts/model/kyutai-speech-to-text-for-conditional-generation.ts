import type { EngineHandle } from "../contract/backend.js";
import { Tensor } from "../tensor/tensor.js";
import type { BatchFeature } from "./batch-feature.js";
import { type BackendReport, checkEngineOptions, loadEngine } from "./engine-loader.js";
import { EngineRunner } from "./engine-runner.js";
import { GenerationConfig } from "./generation-config.js";
import { generationParams } from "./generation-options.js";
import type { KyutaiSpeechToTextConfig } from "./kyutai-speech-to-text-config.js";
import { loadConfigs } from "./load-configs.js";
import { MimiModel } from "./mimi-model.js";
import { findModelPath, type ModelLocation, type ModelSource } from "./model-folder.js";
import { readModelInput, wholeFrames } from "./model-input.js";
import { checkFunction, checkOptions, checkSignal, invalidArgument, show } from "./option-checks.js";
import { hubOptions, PRETRAINED_OPTIONS, type PretrainedOptions, percent } from "./pretrained-options.js";
import type { BackendPreference } from "./runtime.js";

export interface PretrainedModelOptions extends PretrainedOptions {
  /** Default "auto": the best one that works here. */
  backend?: BackendPreference | undefined;
  /** Another name of `backend`, as in transformers.js. */
  device?: BackendPreference | undefined;
  /** Weights always keep their own type. */
  dtype?: "auto" | undefined;
  /** Default: chosen by the core. */
  threads?: number | undefined;
  /** Audio streams to read, as unmute does with 20 of 32. Default: all. */
  num_codebooks?: number | undefined;
  /** Take a checkpoint in Kyutai's own layout as transformers' conversion would make it (docs/layouts.md). */
  transformers_compat?: boolean | undefined;
}

/**
 * Options of generate(): the processor's output and those of transformers. Options that greedy decoding cannot honour
 * are refused by name.
 */
export interface GenerateOptions {
  /** [batch, 1, samples] at the model's rate. */
  input_values: Tensor<"float32">;
  /** Accepted and not used, as in the reference. */
  padding_mask?: Tensor<"int32"> | undefined;
  /** Default and limit: one per whole frame of audio. */
  max_new_tokens?: number | null | undefined;
  /** Frames per call of the codec; default: all. */
  audio_window_size?: number | null | undefined;
  /** Defaults other than `model.generation_config`. */
  generation_config?: Readonly<Record<string, unknown>> | undefined;
  signal?: AbortSignal | undefined;
  /** Frames done and in total. */
  onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined;
  [option: string]: unknown;
}

const OPTIONS: readonly (keyof PretrainedModelOptions)[] = [
  ...PRETRAINED_OPTIONS,
  "backend",
  "device",
  "dtype",
  "threads",
  "num_codebooks",
  "transformers_compat",
];

/** A loaded model: audio to text tokens, exactly as transformers' generate(). */
export class KyutaiSpeechToTextForConditionalGeneration {
  readonly config: KyutaiSpeechToTextConfig;
  generation_config: GenerationConfig;
  /** The Mimi codec inside the model. */
  readonly codec_model: MimiModel;
  /** Where it runs. */
  readonly backend: BackendReport;
  /** Where the weights come from; for a model of the Hub: which repository and commit, and why that one. */
  readonly source: ModelSource;
  readonly #runner: EngineRunner;

  private constructor(
    config: KyutaiSpeechToTextConfig,
    generationConfig: GenerationConfig,
    source: ModelSource,
    engine: EngineHandle,
    report: BackendReport,
  ) {
    this.config = config;
    this.generation_config = generationConfig;
    this.backend = report;
    this.source = source;
    this.#runner = new EngineRunner(engine);
    this.codec_model = new MimiModel(config.codec_config, this.#runner);
  }

  /** Loads a checkpoint folder, a model of the Hub, or the embedded model by its name. */
  static async from_pretrained(
    location: ModelLocation,
    options: PretrainedModelOptions = {},
  ): Promise<KyutaiSpeechToTextForConditionalGeneration> {
    checkOptions("from_pretrained", options, OPTIONS);
    const { threads, signal, progress_callback: callback } = options;
    const backend = options.backend ?? options.device;
    const request = { codebooks: options.num_codebooks, transformersCompat: options.transformers_compat };
    checkEngineOptions({ backend, threads, signal, ...request });
    const forHub = hubOptions(options);
    if (options.dtype !== undefined && options.dtype !== "auto") {
      throw invalidArgument(
        `'dtype' must be "auto", not ${show(options.dtype)}: weights are used in the type they are stored in`,
        "Leave out dtype, or convert the checkpoint.",
      );
    }
    const source = await findModelPath(location, forHub);
    const { path: folder } = source;
    const { config, generationConfig } = await loadConfigs(folder, request);
    const name = source.kind === "hub" ? source.repository : folder;
    const report = (status: "progress" | "ready", loaded: number, total: number): void =>
      callback?.({ status, name, progress: percent(loaded, total), loaded, total });
    const loaded = await loadEngine({
      folder,
      backend,
      threads,
      signal,
      slots: 1,
      ...request,
      onProgress: (done, total) => report("progress", done, total),
    });
    const { weightBytes } = loaded.engine.info;
    report("ready", weightBytes, weightBytes);
    return new KyutaiSpeechToTextForConditionalGeneration(
      config,
      generationConfig,
      source,
      loaded.engine,
      loaded.report,
    );
  }

  /** Greedy decoding of a batch. Resolves to token ids [batch, 1 + new tokens], start token first. */
  async generate(options: GenerateOptions | BatchFeature): Promise<Tensor<"int64">> {
    if (typeof options !== "object" || options === null) {
      throw invalidArgument(`generate() takes an object with input_values, not ${show(options)}`);
    }
    const { input_values, signal, onProgress, generation_config: overrides, ...rest }: GenerateOptions = { ...options };
    checkSignal(signal);
    checkFunction("onProgress", onProgress);
    this.#runner.checkUsable(signal);
    const input = readModelInput(input_values);
    const { info } = this.#runner.engine;
    const defaults = overrides === undefined ? this.generation_config : new GenerationConfig(overrides);
    const params = generationParams(rest, defaults, {
      frames: wholeFrames(input, info),
      bosTokenId: info.bosTokenId,
    });
    const rows = await this.#runner.run(
      (engine) => engine.createGeneration(input.values, input.rows, input.samples, params),
      (generation) => generation.tokens(),
      { signal, onProgress },
    );
    return toInt64(rows);
  }

  get disposed(): boolean {
    return this.#runner.disposed;
  }

  /** Frees the model; work under way is aborted with ERR_DISPOSED. */
  async dispose(): Promise<void> {
    await this.#runner.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }
}

function toInt64(rows: readonly Int32Array[]): Tensor<"int64"> {
  const length = rows[0]?.length ?? 0;
  const data = new BigInt64Array(rows.length * length);
  for (const [index, row] of rows.entries()) {
    data.set(Array.from(row, BigInt), index * length);
  }
  return new Tensor("int64", data, [rows.length, length]);
}
