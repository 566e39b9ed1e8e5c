import type { Tensor } from "../tensor/tensor.js";
import type { AudioExample, AudioInput } from "./audio-input.js";
import type { BatchFeature } from "./batch-feature.js";
import { Callable } from "./callable.js";
import { type FieldOverrides, floatNames, splitOverrides } from "./config-fields.js";
import {
  FEATURE_EXTRACTOR_OPTIONS,
  FEATURE_FIELDS,
  type FeatureExtractorOptions,
  KyutaiSpeechToTextFeatureExtractor,
} from "./kyutai-speech-to-text-feature-extractor.js";
import { warn } from "./logger.js";
import { findModel, isObject, type ModelLocation, toSortedJson, writeModelFile } from "./model-folder.js";
import { invalidArgument, show } from "./option-checks.js";
import { type PretrainedOptions, smallFileOptions } from "./pretrained-options.js";
import { read_audio } from "./read-audio.js";
import { type DecodeOptions, KyutaiSpeechToTextTokenizer, type TokenIds } from "./tokenizer.js";

const CLASS_NAME = "KyutaiSpeechToTextProcessor";

/** Rate the processor assumes when none is given (class default of the reference). */
const DEFAULT_RATE = 24_000;

/** Samples as the feature extractor takes them; a string or URL is read as an audio file. */
export type ProcessorAudio = AudioInput | string | URL | readonly (AudioExample | string | URL)[];

/** Options of a call of the processor. */
export interface ProcessorOptions extends FeatureExtractorOptions {
  /** The same options in an object of their own; an option may be given in one of the two places. */
  audio_kwargs?: FeatureExtractorOptions | null | undefined;
}

/**
 * Feature extractor and tokenizer in one: recordings to model input, ids to text.
 * Call it: `await processor(audio)`.
 */
export class KyutaiSpeechToTextProcessor extends Callable<
  [audio: ProcessorAudio, options?: ProcessorOptions],
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
   * feature extractor among the options take the place of those in the file.
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

  /** Assumes 24000 Hz unless `sampling_rate` says otherwise. Options it does not know are ignored with a warning. */
  override async _call(audio: ProcessorAudio, options: ProcessorOptions = {}): Promise<BatchFeature> {
    if (audio === undefined || audio === null) {
      throw invalidArgument(
        `audio is required: You need to provide at least one input to call ${CLASS_NAME}`,
        "Pass samples at 24000 Hz, or a list of them.",
      );
    }
    if (typeof options !== "object" || options === null) {
      throw invalidArgument(`${CLASS_NAME}: options must be an object, not ${show(options)}`);
    }
    return this.feature_extractor._call(await this.#readFiles(audio), audioOptions(options));
  }

  /** Text of one sequence of ids. */
  decode(ids: TokenIds, options?: DecodeOptions): string {
    return this.tokenizer.decode(ids, options);
  }

  /** Texts of the rows of a batch. */
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
    return this.feature_extractor.model_input_names;
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
   * the tokenizer files.
   */
  async save_pretrained(folder: string): Promise<void> {
    await writeModelFile(folder, "processor_config.json", this.to_json_string());
    await this.feature_extractor.save_pretrained(folder);
    await this.tokenizer.save_pretrained(folder);
  }
}

/** Unknown options are ignored with a warning, those of audio_kwargs are the feature extractor's to refuse. */
function audioOptions({ audio_kwargs: nested, ...options }: ProcessorOptions): Record<string, unknown> {
  if (nested !== undefined && nested !== null && !isObject(nested)) {
    throw invalidArgument(`${CLASS_NAME}: audio_kwargs must be an object, not ${show(nested)}`);
  }
  const known: Record<string, unknown> = { sampling_rate: DEFAULT_RATE, ...nested };
  for (const [key, value] of Object.entries(options)) {
    if (Object.hasOwn(nested ?? {}, key)) {
      throw invalidArgument(
        `Keyword argument ${key} was passed two times: in a dictionary for audio_kwargs and as a **kwarg.`,
        "Give it in one place.",
      );
    }
    if ((FEATURE_EXTRACTOR_OPTIONS as readonly string[]).includes(key)) {
      known[key] = value;
    } else {
      warn(`Keyword argument \`${key}\` is not a valid argument for this processor and will be ignored.`);
    }
  }
  return known;
}

function isLocation(value: unknown): value is string | URL {
  return typeof value === "string" || value instanceof URL;
}
