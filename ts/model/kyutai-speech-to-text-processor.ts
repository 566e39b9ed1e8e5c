import { SttError } from "../contract/errors.js";
import { Tensor } from "../tensor/tensor.js";
import type { AudioExample, AudioInput } from "./audio-input.js";
import { BatchFeature } from "./batch-feature.js";
import { Callable } from "./callable.js";
import { type FieldOverrides, floatNames, splitOverrides } from "./config-fields.js";
import {
  FEATURE_FIELDS,
  type FeatureExtractorOptions,
  KyutaiSpeechToTextFeatureExtractor,
} from "./kyutai-speech-to-text-feature-extractor.js";
import { findModel, isObject, type ModelLocation, toSortedJson, writeModelFile } from "./model-folder.js";
import { invalidArgument, show } from "./option-checks.js";
import { type PretrainedOptions, smallFileOptions } from "./pretrained-options.js";
import { splitProcessorCall } from "./processor-call.js";
import { read_audio } from "./read-audio.js";
import { type TextOptions, textFeatures } from "./text-features.js";
import { type DecodeOptions, KyutaiSpeechToTextTokenizer, type TokenIds } from "./tokenizer.js";

const CLASS_NAME = "KyutaiSpeechToTextProcessor";

/** Samples as the feature extractor takes them; a string or URL is read as an audio file. */
export type ProcessorAudio = AudioInput | string | URL | readonly (AudioExample | string | URL)[];

/** Options of a call of the processor. */
export interface ProcessorOptions extends FeatureExtractorOptions {
  /** The same options in an object of their own; an option may be given in one of the two places. */
  audio_kwargs?: FeatureExtractorOptions | null | undefined;
  /** A text, or a list of them, to give back as `input_ids` and `attention_mask`. */
  text?: string | readonly string[] | null | undefined;
  /** Options that are for `text` alone. */
  text_kwargs?: TextOptions | null | undefined;
  /** Options for both. */
  common_kwargs?: { readonly return_tensors?: string | null | undefined } | null | undefined;
}

/** The arguments of a call by name, as in version 5 of transformers. */
export interface ProcessorInputs extends ProcessorOptions {
  /** Recordings. */
  audio: ProcessorAudio;
}

/**
 * Feature extractor and tokenizer in one: recordings to model input, ids to text.
 * Call it: `await processor(audio)`.
 */
export class KyutaiSpeechToTextProcessor extends Callable<
  [audio: ProcessorAudio | ProcessorInputs, options?: ProcessorOptions],
  Promise<BatchFeature>
> {
  /** Makes the model's input of recordings. */
  readonly feature_extractor: KyutaiSpeechToTextFeatureExtractor;
  /** Makes text of token ids. */
  readonly tokenizer: KyutaiSpeechToTextTokenizer;

  constructor(feature_extractor: KyutaiSpeechToTextFeatureExtractor, tokenizer: KyutaiSpeechToTextTokenizer) {
    super();
    if (!(feature_extractor instanceof KyutaiSpeechToTextFeatureExtractor)) {
      throw invalidArgument(`${CLASS_NAME}: feature_extractor is ${show(feature_extractor)}`);
    }
    if (!(tokenizer instanceof KyutaiSpeechToTextTokenizer)) {
      throw invalidArgument(`${CLASS_NAME}: tokenizer is ${show(tokenizer)}`);
    }
    this.feature_extractor = feature_extractor;
    this.tokenizer = tokenizer;
  }

  /**
   * Reads the preprocessor configuration and the tokenizer of a checkpoint folder, or of a model on the Hub. Fields of the
   * feature extractor among the options take the place of those in the file. Rejects as
   * KyutaiSpeechToTextConfig.from_pretrained does.
   */
  static async from_pretrained(
    location: ModelLocation,
    options: PretrainedOptions & FieldOverrides<typeof FEATURE_FIELDS> = {},
  ): Promise<KyutaiSpeechToTextProcessor> {
    const { options: where, overrides } = splitOverrides(options, FEATURE_FIELDS);
    const folder = await findModel(location, smallFileOptions(where));
    const [extractor, tokenizer] = await Promise.all([
      KyutaiSpeechToTextFeatureExtractor.from_pretrained(folder, overrides),
      KyutaiSpeechToTextTokenizer.from_pretrained(folder),
    ]);
    return new KyutaiSpeechToTextProcessor(extractor, tokenizer);
  }

  /**
   * `await processor(audio, options)`, or all by name in one object. Assumes 24000 Hz unless `sampling_rate` says
   * otherwise. Options it does not know are ignored with a warning. Gives what the feature extractor gives, and with
   * `text` also `input_ids` and `attention_mask`, int64 [texts, ids]. Rejects with ERR_INVALID_ARGUMENT,
   * ERR_INVALID_AUDIO, and for paths and URLs as read_audio does.
   */
  override async _call(audio: ProcessorAudio | ProcessorInputs, options: ProcessorOptions = {}): Promise<BatchFeature> {
    const named = isNamed(audio) ? audio : { audio };
    if (typeof options !== "object" || options === null) {
      throw invalidArgument(`${CLASS_NAME}: options must be an object, not ${show(options)}`);
    }
    const { recordings, text, forAudio, forText } = splitProcessorCall({ ...options, ...named });
    const features = await this.feature_extractor._call(await this.#readFiles(recordings), forAudio);
    return text === undefined
      ? features
      : new BatchFeature({ ...features, ...textFeatures(this.tokenizer, text, forText) });
  }

  /** Always throws ERR_INVALID_ARGUMENT: models of this kind have no chat template. */
  apply_chat_template(..._args: unknown[]): never {
    throw new SttError(
      "ERR_INVALID_ARGUMENT",
      "Cannot use apply_chat_template because this processor does not have a chat template.",
      { remedy: "Pass the recording itself: speech to text needs no conversation." },
    );
  }

  /** Text of one sequence of ids, or a list of texts for a batch. Throws ERR_INVALID_ARGUMENT. */
  decode(ids: Exclude<TokenIds, Tensor>, options?: DecodeOptions): string;
  /** Of a list of sequences: a list of texts. */
  decode(batch: readonly TokenIds[], options?: DecodeOptions): string[];
  /** Of a tensor: one text or several, which its shape tells. */
  decode(ids: TokenIds | readonly TokenIds[], options?: DecodeOptions): string | string[];
  decode(ids: TokenIds | readonly TokenIds[], options?: DecodeOptions): string | string[] {
    return this.tokenizer.decode(ids, options);
  }

  /** Texts of the rows of a batch, a list or a tensor [rows, ids]. Throws ERR_INVALID_ARGUMENT. */
  batch_decode(batch: Tensor | readonly TokenIds[], options?: DecodeOptions): string[] {
    return this.tokenizer.batch_decode(batch, options);
  }

  async #readFiles(audio: ProcessorAudio): Promise<AudioInput> {
    const { sampling_rate: rate } = this.feature_extractor;
    if (isLocation(audio)) {
      return read_audio(audio, rate);
    }
    if (Array.isArray(audio) && audio.some(isLocation)) {
      const items: (AudioExample | string | URL)[] = audio;
      return Promise.all(items.map((item) => (isLocation(item) ? read_audio(item, rate) : item)));
    }
    return audio as AudioInput;
  }

  /** Names of what a call gives. */
  get model_input_names(): readonly string[] {
    return [...this.feature_extractor.model_input_names, "input_ids", "attention_mask"];
  }

  /** Entries of processor_config.json. */
  to_dict(): Record<string, unknown> {
    return { feature_extractor: this.feature_extractor.to_dict(), processor_class: CLASS_NAME };
  }

  /** to_dict(). */
  toJSON(): Record<string, unknown> {
    return this.to_dict();
  }

  /** JSON of to_dict() with sorted keys. */
  to_json_string(): string {
    return toSortedJson(this.to_dict(), floatNames(FEATURE_FIELDS));
  }

  /**
   * Writes processor_config.json, the same settings as preprocessor_config.json for transformers before version 5, and
   * the tokenizer files. Rejects with ERR_INVALID_ARGUMENT, ERR_FILE_ACCESS, ERR_DISK_FULL.
   */
  async save_pretrained(folder: string): Promise<void> {
    await writeModelFile(folder, "processor_config.json", this.to_json_string());
    await this.feature_extractor.save_pretrained(folder);
    await this.tokenizer.save_pretrained(folder);
  }
}

function isNamed(value: unknown): value is ProcessorInputs {
  return isObject(value) && !Tensor.isLike(value) && Object.getPrototypeOf(value) === Object.prototype;
}

function isLocation(value: unknown): value is string | URL {
  return typeof value === "string" || value instanceof URL;
}
