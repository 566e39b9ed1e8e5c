import { Tensor } from "../tensor/tensor.js";
import type { BatchFeature } from "./batch-feature.js";
import { Callable } from "./callable.js";
import type { BackendReport } from "./engine-loader.js";
import { EngineRunner } from "./engine-runner.js";
import { runForward } from "./forward-call.js";
import { type CausalLMForwardOptions, CausalLMOutputWithPast } from "./forward-options.js";
import { GenerationConfig } from "./generation-config.js";
import { generationParams } from "./generation-options.js";
import type { KyutaiSpeechToTextConfig } from "./kyutai-speech-to-text-config.js";
import { KyutaiSpeechToTextModel } from "./kyutai-speech-to-text-model.js";
import { type LoadedModel, loadModel, type PretrainedModelOptions } from "./load-model.js";
import { MimiModel } from "./mimi-model.js";
import type { ModelLocation, ModelSource } from "./model-folder.js";
import { readModelInput, wholeFrames } from "./model-input.js";
import { checkFunction, checkSignal, invalidArgument, show } from "./option-checks.js";

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
  /** Aborting rejects with ERR_ABORTED. */
  signal?: AbortSignal | undefined;
  /** Frames done and in total. */
  onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined;
  [option: string]: unknown;
}

/**
 * A loaded model: audio to text tokens, exactly as transformers' generate(), and its decoder over known inputs. Calling
 * the object is calling `forward`.
 */
export class KyutaiSpeechToTextForConditionalGeneration extends Callable<
  [options: CausalLMForwardOptions],
  Promise<CausalLMOutputWithPast | unknown[]>
> {
  /** The model's configuration. */
  readonly config: KyutaiSpeechToTextConfig;
  /** Defaults of generate(). */
  generation_config: GenerationConfig;
  /** The decoder without its head. */
  readonly model: KyutaiSpeechToTextModel;
  /** The Mimi codec inside the model. */
  readonly codec_model: MimiModel;
  /** Where it runs. */
  readonly backend: BackendReport;
  /** Where the weights come from; for a model of the Hub: which repository and commit, and why that one. */
  readonly source: ModelSource;
  readonly #runner: EngineRunner;

  private constructor({ config, generationConfig, source, engine, report }: LoadedModel) {
    super();
    this.config = config;
    this.generation_config = generationConfig;
    this.backend = report;
    this.source = source;
    this.#runner = new EngineRunner(engine);
    this.model = new KyutaiSpeechToTextModel(config, this.#runner);
    this.codec_model = new MimiModel(config.codec_config, this.#runner);
  }

  /** Loads a checkpoint folder, a model of the Hub, or the embedded model by its name. */
  static async from_pretrained(
    location: ModelLocation,
    options: PretrainedModelOptions = {},
  ): Promise<KyutaiSpeechToTextForConditionalGeneration> {
    return new KyutaiSpeechToTextForConditionalGeneration(await loadModel(location, options));
  }

  /**
   * Runs the decoder over the positions of the input, all in one pass, appends them to the cache, and computes logits
   * and, with labels, the loss. `model.forward` says what positions see.
   *
   * Rejects with ERR_INVALID_ARGUMENT (an argument of the wrong shape or type, an id outside the vocabulary),
   * ERR_INVALID_STATE (the cache is in use), ERR_ABORTED, ERR_OUT_OF_MEMORY, ERR_DISPOSED. The cache is then as before.
   */
  forward(options: CausalLMForwardOptions & { return_dict: false }): Promise<unknown[]>;
  forward(options: CausalLMForwardOptions & { return_dict?: true | null | undefined }): Promise<CausalLMOutputWithPast>;
  forward(options: CausalLMForwardOptions): Promise<CausalLMOutputWithPast | unknown[]>;
  async forward(options: CausalLMForwardOptions): Promise<CausalLMOutputWithPast | unknown[]> {
    const { loss, logits, cache, hiddenStates, attentions, returnDict } = await runForward(
      this.#runner,
      this.config,
      options,
      true,
    );
    const output = new CausalLMOutputWithPast({
      loss,
      logits,
      past_key_values: cache,
      hidden_states: hiddenStates,
      attentions,
    } as Partial<CausalLMOutputWithPast>);
    return returnDict ? output : output.to_tuple();
  }

  /** What calling the object does: forward(). */
  override _call(options: CausalLMForwardOptions): Promise<CausalLMOutputWithPast | unknown[]> {
    return this.forward(options);
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

  /** True from dispose() on. */
  get disposed(): boolean {
    return this.#runner.disposed;
  }

  /** Frees the model; work under way is aborted with ERR_DISPOSED. */
  async dispose(): Promise<void> {
    await this.#runner.dispose();
  }

  /** dispose(). */
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
