import type { Tensor } from "../tensor/tensor.js";
import type { BatchFeature } from "./batch-feature.js";
import { Callable } from "./callable.js";
import type { BackendReport } from "./engine-loader.js";
import { EngineRunner } from "./engine-runner.js";
import type { SourceRequest } from "./foreign-layout.js";
import { runForward } from "./forward-call.js";
import { type CausalLMForwardOptions, CausalLMOutputWithPast } from "./forward-options.js";
import type { GenerateDecoderOnlyOutput, GenerateOptions } from "./generate-options.js";
import type { GenerationConfig } from "./generation-config.js";
import { planGeneration } from "./generation-options.js";
import type { KyutaiSpeechToTextConfig } from "./kyutai-speech-to-text-config.js";
import { KyutaiSpeechToTextModel } from "./kyutai-speech-to-text-model.js";
import { type LoadedModel, loadModel, type PretrainedModelOptions } from "./load-model.js";
import { MimiModel } from "./mimi-model.js";
import type { ModelLocation, ModelSource } from "./model-folder.js";
import { readModelInput, wholeFrames } from "./model-input.js";
import { checkFunction, checkSignal, invalidArgument, show } from "./option-checks.js";
import { checkPlacement, dtypeOf } from "./placement.js";
import { runGeneration } from "./run-generation.js";
import { type SavePretrainedOptions, saveModel } from "./save-model.js";

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
  readonly #request: SourceRequest;
  readonly #runner: EngineRunner;

  private constructor({ config, generationConfig, source, request, engine, report }: LoadedModel) {
    super();
    this.config = config;
    this.generation_config = generationConfig;
    this.backend = report;
    this.source = source;
    this.#request = request;
    this.#runner = new EngineRunner(engine);
    this.model = new KyutaiSpeechToTextModel(config, this.#runner);
    this.codec_model = new MimiModel(config.codec_config, this.#runner);
  }

  /**
   * Loads a checkpoint folder or file, a model of the Hub, or the embedded model by its name.
   *
   * Rejects with ERR_INVALID_ARGUMENT (an option, by name), ERR_FILE_NOT_FOUND, ERR_FILE_ACCESS, ERR_MODEL_FORMAT,
   * ERR_MODEL_UNSUPPORTED, ERR_OUT_OF_MEMORY, ERR_BACKEND_UNAVAILABLE, ERR_ABORTED; for a model of the Hub as
   * downloadModel does.
   */
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

  /**
   * Decodes a batch, greedily unless `do_sample`. Resolves to token ids [batch, 1 + new tokens], start token first; with
   * `return_dict_in_generate` to an object that holds more.
   *
   * Rejects with ERR_INVALID_ARGUMENT (an option that is wrong, unknown or not supported, by name), ERR_INVALID_AUDIO,
   * ERR_INVALID_STATE (rules leave no token to sample from), ERR_ABORTED, ERR_OUT_OF_MEMORY, ERR_DISPOSED, or with
   * whatever a callback throws.
   */
  generate(options: GenerateOptions & { return_dict_in_generate: true }): Promise<GenerateDecoderOnlyOutput>;
  generate(options: GenerateOptions | BatchFeature): Promise<Tensor<"int64">>;
  async generate(options: GenerateOptions | BatchFeature): Promise<GenerateDecoderOnlyOutput | Tensor<"int64">> {
    if (typeof options !== "object" || options === null) {
      throw invalidArgument(`generate() takes an object with input_values, not ${show(options)}`);
    }
    const { input_values, signal, onProgress, generation_config: overrides, ...rest }: GenerateOptions = { ...options };
    checkSignal(signal);
    checkFunction("onProgress", onProgress);
    this.#runner.checkUsable(signal);
    const input = readModelInput(input_values);
    const { info } = this.#runner.engine;
    const plan = planGeneration(rest, overrides, this.generation_config, {
      frames: wholeFrames(input, info),
      bosTokenId: info.bosTokenId,
    });
    return runGeneration(this.#runner, input, plan, {
      heads: this.config.num_attention_heads,
      signal,
      onProgress,
    });
  }

  /**
   * Writes config.json, generation_config.json and the weights into a folder, which transformers and this package load,
   * and which give the same tokens. The processor has its own save_pretrained. A checkpoint in the transformers layout is
   * copied as it is stored unless an option asks for something else; any other is rewritten: docs/api-model.md.
   *
   * Rejects with ERR_INVALID_ARGUMENT (an option, or the source's own folder), ERR_FILE_NOT_FOUND (the source is gone),
   * ERR_FILE_ACCESS, ERR_DISK_FULL, ERR_ABORTED. A file is there under its name only when it is whole.
   */
  async save_pretrained(folder: string, options: SavePretrainedOptions = {}): Promise<void> {
    const { source, config, generation_config: generationConfig } = this;
    await saveModel({ source, request: this.#request, config, generationConfig }, folder, options);
  }

  /** What it computes on: "cpu", or the name of a GPU. */
  get device(): string {
    return this.#runner.engine.info.device;
  }

  /** Of most weights: "float32", "bfloat16", "float16"; or the name of a quantized type. The codec is always float32. */
  get dtype(): string {
    return dtypeOf(this.#runner.engine.info);
  }

  /** For code that comes from Python: a model is always in evaluation mode. */
  eval(): this {
    return this;
  }

  /** For code that comes from Python. Throws ERR_INVALID_ARGUMENT any device or dtype but those the model has. */
  to(...places: unknown[]): this {
    checkPlacement(this.#runner.engine.info, places);
    return this;
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
