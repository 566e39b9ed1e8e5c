import { Callable } from "./callable.js";
import { EngineRunner } from "./engine-runner.js";
import { runForward } from "./forward-call.js";
import { BaseModelOutputWithPast, type ForwardOptions } from "./forward-options.js";
import type { KyutaiSpeechToTextConfig } from "./kyutai-speech-to-text-config.js";
import { type LoadedModel, loadModel, type PretrainedModelOptions } from "./load-model.js";
import type { ModelLocation } from "./model-folder.js";
import { checkPlacement, dtypeOf } from "./placement.js";

/** The decoder without its head: ids to hidden states. Calling the object is calling `forward`. */
export class KyutaiSpeechToTextModel extends Callable<
  [options: ForwardOptions],
  Promise<BaseModelOutputWithPast | unknown[]>
> {
  /** The model's configuration. */
  readonly config: KyutaiSpeechToTextConfig;
  readonly #runner: EngineRunner;

  /** @internal Use from_pretrained, or `model` of KyutaiSpeechToTextForConditionalGeneration. */
  constructor(config: KyutaiSpeechToTextConfig, runner: EngineRunner) {
    super();
    this.config = config;
    this.#runner = runner;
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
  ): Promise<KyutaiSpeechToTextModel> {
    const { config, engine }: LoadedModel = await loadModel(location, options);
    return new KyutaiSpeechToTextModel(config, new EngineRunner(engine));
  }

  /**
   * Runs the decoder over the positions of the input, all in one pass, and appends them to the cache. Positions see all
   * before them in the same pass, and of earlier passes what the cache keeps; so a pass longer than the attention window
   * sees more than step-by-step decoding would, as in transformers.
   *
   * Rejects with ERR_INVALID_ARGUMENT (an argument of the wrong shape or type, an id outside the vocabulary),
   * ERR_INVALID_STATE (the cache is in use), ERR_ABORTED, ERR_OUT_OF_MEMORY, ERR_DISPOSED. The cache is then as before.
   */
  forward(options: ForwardOptions & { return_dict: false }): Promise<unknown[]>;
  forward(options: ForwardOptions & { return_dict?: true | null | undefined }): Promise<BaseModelOutputWithPast>;
  forward(options: ForwardOptions): Promise<BaseModelOutputWithPast | unknown[]>;
  async forward(options: ForwardOptions): Promise<BaseModelOutputWithPast | unknown[]> {
    const { last, cache, hiddenStates, attentions, returnDict } = await runForward(
      this.#runner,
      this.config,
      options,
      false,
    );
    const output = new BaseModelOutputWithPast({
      last_hidden_state: last,
      past_key_values: cache,
      hidden_states: hiddenStates,
      attentions,
    } as Partial<BaseModelOutputWithPast>);
    return returnDict ? output : output.to_tuple();
  }

  /** What calling the object does: forward(). */
  override _call(options: ForwardOptions): Promise<BaseModelOutputWithPast | unknown[]> {
    return this.forward(options);
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
