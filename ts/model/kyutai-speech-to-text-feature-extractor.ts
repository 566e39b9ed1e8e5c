import { SttError } from "../contract/errors.js";
import { type AudioInput, readAudioInput } from "./audio-input.js";
import { type BatchFeature, checkReturnTensors } from "./batch-feature.js";
import { Callable } from "./callable.js";
import {
  assignExtras,
  assignFields,
  boolean as bool,
  type FieldOverrides,
  floatNames,
  integer,
  nullable,
  number,
  splitOverrides,
  text,
} from "./config-fields.js";
import { assembleBatch } from "./feature-batch.js";
import {
  type FeaturesToPad,
  PAD_OPTIONS,
  type PaddedFeatures,
  type PadOptions,
  recordingsOf,
} from "./features-to-pad.js";
import { warn } from "./logger.js";
import {
  findModel,
  isObject,
  type ModelLocation,
  missingFile,
  readModelJson,
  toSortedJson,
  writeModelFile,
} from "./model-folder.js";
import { checkOptions, invalidArgument } from "./option-checks.js";
import { type PretrainedOptions, smallFileOptions } from "./pretrained-options.js";
import { type PaddingPlan, planRows, readPaddingPlan } from "./sequence-padding.js";

const TYPE_NAME = "KyutaiSpeechToTextFeatureExtractor";

export const FEATURE_FIELDS = {
  feature_size: integer(1),
  sampling_rate: integer(24000),
  padding_value: nullable(number(0), 0),
  chunk_length_s: nullable(number(0)),
  overlap: nullable(number(0)),
  audio_delay_seconds: number(0),
  audio_silence_prefix_seconds: number(0),
  padding_side: text("right"),
  return_attention_mask: bool(true),
};

/** Silence after the audio beyond the text delay, so that the last words come out (transformers 5.18, __call__). */
const TAIL_SECONDS = 1;

/** Options of a call of the feature extractor. */
export interface FeatureExtractorOptions {
  /** true or "longest" (default), "max_length", false or "do_not_pad". */
  padding?: boolean | string | null | undefined;
  /** Cuts to max_length; cannot be combined with padding. */
  truncation?: boolean | null | undefined;
  /** Samples, silence prefix and tail not counted. */
  max_length?: number | null | undefined;
  /** Rounds lengths up, before the silence is added. */
  pad_to_multiple_of?: number | null | undefined;
  /** Accepted for compatibility; results are always Tensors. */
  return_tensors?: string | null | undefined;
  /** Rate of the given audio, to be checked against the model's; a warning is given without it. */
  sampling_rate?: number | null | undefined;
}

export const FEATURE_EXTRACTOR_OPTIONS: readonly (keyof FeatureExtractorOptions)[] = [
  "padding",
  "truncation",
  "max_length",
  "pad_to_multiple_of",
  "return_tensors",
  "sampling_rate",
];

/**
 * Recordings to the model's input: a padded batch with the silence prefix and tail the model was trained with.
 * Call it: `await extractor(audio, { sampling_rate: 24000 })`.
 */
export class KyutaiSpeechToTextFeatureExtractor extends Callable<
  [audio: AudioInput, options?: FeatureExtractorOptions],
  Promise<BatchFeature>
> {
  /** Names of what a call gives. */
  static readonly model_input_names: readonly string[] = ["input_values", "padding_mask"];
  /** Names of what a call gives. */
  readonly model_input_names: readonly string[] = KyutaiSpeechToTextFeatureExtractor.model_input_names;

  /** 1: mono, 2: stereo. */
  declare feature_size: number;
  /** Hz. */
  declare sampling_rate: number;
  /** Sample that fills shorter recordings; null: padding is refused. */
  declare padding_value: number | null;
  /** Seconds per chunk; with `overlap` lengths follow a grid of chunks. */
  declare chunk_length_s: number | null;
  /** Part of a chunk that the next one repeats, 0 to 1. */
  declare overlap: number | null;
  /** Silence after the audio, beyond one second: the delay the model was trained with. */
  declare audio_delay_seconds: number;
  /** Silence before the audio. */
  declare audio_silence_prefix_seconds: number;
  /** "right" or "left" of shorter recordings. */
  declare padding_side: string;
  /** Whether pad() makes a mask. */
  declare return_attention_mask: boolean;

  constructor(values: Readonly<Record<string, unknown>> = {}) {
    super();
    const extras = assignFields(this, FEATURE_FIELDS, values);
    if (this.feature_size !== 1 && this.feature_size !== 2) {
      throw invalidArgument(`'feature_size' must be 1 (mono) or 2 (stereo), not ${this.feature_size}`);
    }
    assignExtras(this, extras);
  }

  /** `overrides`: entries that take the place of those in `values`. */
  static from_dict(
    values: Readonly<Record<string, unknown>>,
    overrides: Readonly<Record<string, unknown>> = {},
  ): KyutaiSpeechToTextFeatureExtractor {
    return new KyutaiSpeechToTextFeatureExtractor({ ...values, ...overrides });
  }

  /**
   * Reads processor_config.json (its "feature_extractor" part) or preprocessor_config.json of a checkpoint folder.
   * Fields among the options take the place of those in the file. Rejects as KyutaiSpeechToTextConfig.from_pretrained.
   */
  static async from_pretrained(
    location: ModelLocation,
    options: PretrainedOptions & FieldOverrides<typeof FEATURE_FIELDS> = {},
  ): Promise<KyutaiSpeechToTextFeatureExtractor> {
    const { options: where, overrides } = splitOverrides(options, FEATURE_FIELDS);
    const folder = await findModel(location, smallFileOptions(where));
    const nested = (await readModelJson(folder, "processor_config.json"))?.["feature_extractor"];
    const values = isObject(nested) ? nested : await readModelJson(folder, "preprocessor_config.json");
    if (values === undefined) {
      throw missingFile(folder, "preprocessor_config.json");
    }
    try {
      return KyutaiSpeechToTextFeatureExtractor.from_dict(values, overrides);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new SttError("ERR_MODEL_FORMAT", `${folder}: preprocessor configuration: ${reason}`, {
        remedy: "Correct the file, or download it again.",
        cause,
      });
    }
  }

  /** Samples per chunk; null without chunk_length_s. */
  get chunk_length(): number | null {
    return this.chunk_length_s === null ? null : Math.trunc(this.chunk_length_s * this.sampling_rate);
  }

  /** Samples from one chunk's start to the next; null unless chunk_length_s and overlap are both set. */
  get chunk_stride(): number | null {
    const length = this.chunk_length;
    return length === null || this.overlap === null ? null : Math.max(1, Math.trunc((1 - this.overlap) * length));
  }

  /**
   * What calling the object does: audio (-1 to 1, at `sampling_rate`) to `input_values` f32 [batch, channels, samples]
   * and, unless `padding` is false, `padding_mask` int32 [batch, samples]. Rejects with ERR_INVALID_ARGUMENT,
   * ERR_INVALID_AUDIO.
   */
  override async _call(audio: AudioInput, options: FeatureExtractorOptions = {}): Promise<BatchFeature> {
    checkOptions(TYPE_NAME, options, FEATURE_EXTRACTOR_OPTIONS);
    this.#checkRate(options.sampling_rate ?? undefined);
    checkReturnTensors(options.return_tensors);
    const { padding, truncation } = paddingArguments(options);
    const rows = readAudioInput(audio, this.feature_size);
    const plan = this.#plan(
      rows.map((row) => row.samples),
      padding,
      truncation,
      options,
    );
    return assembleBatch(
      rows,
      planRows(
        rows.map((row) => row.samples),
        plan,
      ),
      {
        prefix: Math.trunc(this.audio_silence_prefix_seconds * this.sampling_rate),
        tail: Math.trunc((this.audio_delay_seconds + TAIL_SECONDS) * this.sampling_rate),
        paddingValue: this.padding_value ?? 0,
        paddingSide: this.#paddingSide(),
        withMask: padding !== false,
      },
    );
  }

  /**
   * Pads recordings to one length without silence prefix and tail, as SequenceFeatureExtractor.pad: takes
   * `{ input_values: [...] }` or a list of `{ input_values }`, one recording each. Gives `input_values` f32
   * [batch, samples] (of stereo: [batch, 2, samples]) and `attention_mask` int32 [batch, samples]. Throws
   * ERR_INVALID_ARGUMENT, ERR_INVALID_AUDIO.
   */
  pad(processed_features: FeaturesToPad, options: PadOptions = {}): PaddedFeatures {
    checkOptions(`${TYPE_NAME}.pad`, options, PAD_OPTIONS);
    checkReturnTensors(options.return_tensors);
    const rows = readAudioInput(recordingsOf(processed_features), this.feature_size);
    const lengths = rows.map((row) => row.samples);
    const { input_values, padding_mask } = assembleBatch(
      rows,
      planRows(lengths, readPaddingPlan(options, this.padding_value)),
      {
        prefix: 0,
        tail: 0,
        paddingValue: this.padding_value ?? 0,
        paddingSide: this.#paddingSide(),
        withMask: options.return_attention_mask ?? this.return_attention_mask,
      },
    );
    return {
      input_values: this.feature_size === 1 ? input_values.squeeze(1) : input_values,
      ...(padding_mask === undefined ? {} : { attention_mask: padding_mask }),
    };
  }

  /** Entries of preprocessor_config.json, kept ones included. */
  to_dict(): Record<string, unknown> {
    const { model_input_names: _, ...values } = this as unknown as Record<string, unknown>;
    return { ...values, feature_extractor_type: TYPE_NAME };
  }

  /** to_dict(). */
  toJSON(): Record<string, unknown> {
    return this.to_dict();
  }

  /** JSON of to_dict() with sorted keys. */
  to_json_string(): string {
    return toSortedJson(this.to_dict(), floatNames(FEATURE_FIELDS));
  }

  /** Writes preprocessor_config.json. Rejects with ERR_INVALID_ARGUMENT, ERR_FILE_ACCESS, ERR_DISK_FULL. */
  async save_pretrained(folder: string): Promise<void> {
    await writeModelFile(folder, "preprocessor_config.json", this.to_json_string());
  }

  #checkRate(rate: number | undefined): void {
    if (rate === undefined) {
      warn(
        `It is strongly recommended to pass the \`sampling_rate\` argument to \`${TYPE_NAME}()\`. ` +
          "Failing to do so can result in silent errors that might be hard to debug.",
      );
    } else if (rate !== this.sampling_rate) {
      throw invalidArgument(
        `this feature extractor's model was trained using a sampling rate of ${this.sampling_rate} Hz; ` +
          `the provided audio input must be sampled with ${this.sampling_rate} and not ${rate}`,
        `Resample the audio first, for example with read_audio(source, ${this.sampling_rate}).`,
      );
    }
  }

  /** With a chunk plan and no max_length, lengths follow the chunk grid. */
  #plan(
    lengths: readonly number[],
    padding: boolean | string,
    truncation: boolean,
    options: FeatureExtractorOptions,
  ): PaddingPlan {
    const plan = readPaddingPlan({ ...options, padding, truncation }, this.padding_value);
    const { chunk_length: chunk, chunk_stride: stride } = this;
    if (chunk === null || stride === null || plan.maxLength !== undefined) {
      return plan;
    }
    const onGrid = (steps: number): number => (steps - 1) * stride + chunk;
    if (truncation) {
      return { ...plan, maxLength: onGrid(Math.floor(Math.min(...lengths) / stride)) };
    }
    if (padding !== false) {
      return { ...plan, strategy: "max_length", maxLength: onGrid(Math.ceil(Math.max(...lengths) / stride)) };
    }
    return plan;
  }

  #paddingSide(): "left" | "right" {
    if (this.padding_side !== "left" && this.padding_side !== "right") {
      throw invalidArgument(`Invalid padding strategy: ${this.padding_side}`, "Set padding_side to 'right' or 'left'.");
    }
    return this.padding_side;
  }
}

/** The order of checks is the reference's: truncation alone still pads to the longest row. */
function paddingArguments(options: FeatureExtractorOptions): { padding: boolean | string; truncation: boolean } {
  const { padding, truncation } = options;
  if (padding && truncation) {
    throw invalidArgument(
      "Both padding and truncation were set. Make sure you only set one.",
      "Leave out padding to truncate, or truncation to pad.",
    );
  }
  return { padding: padding ?? true, truncation: truncation ?? false };
}
