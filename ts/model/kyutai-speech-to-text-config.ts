import { SttError } from "../contract/errors.js";
import {
  assignExtras,
  assignFields,
  boolean,
  type FieldOverrides,
  floatNames,
  GENERIC_FIELDS,
  integer,
  integerOrList,
  invalidConfig,
  nullable,
  number,
  type RopeParameters,
  splitOverrides,
  takeRopeParameters,
  text,
  updateFields,
  withoutGenericDefaults,
} from "./config-fields.js";
import { MIMI_FIELDS, MimiConfig } from "./mimi-config.js";
import {
  findModel,
  isObject,
  type ModelLocation,
  requireModelJson,
  toSortedJson,
  writeModelFile,
} from "./model-folder.js";
import { show } from "./option-checks.js";
import { type PretrainedOptions, smallFileOptions } from "./pretrained-options.js";

const MODEL_TYPE = "kyutai_speech_to_text";

// Defaults: the documented ones, which describe kyutai/stt-2.6b-en.
const FIELDS = {
  ...GENERIC_FIELDS,
  codebook_vocab_size: integer(2049),
  vocab_size: integer(4001),
  hidden_size: integer(2048),
  num_hidden_layers: integer(48),
  num_attention_heads: integer(32),
  num_key_value_heads: nullable(integer(0)),
  max_position_embeddings: integer(750),
  hidden_act: text("silu"),
  head_dim: nullable(integer(0)),
  initializer_range: number(0.02),
  use_cache: boolean(true),
  sliding_window: integer(375),
  attention_dropout: number(0),
  ffn_dim: integer(11264),
  rms_norm_eps: number(1e-8),
  num_codebooks: integer(32),
  audio_bos_token_id: nullable(integer(0), 2048),
  audio_pad_token_id: nullable(integer(0), 69569),
  tie_word_embeddings: boolean(false),
  pad_token_id: nullable(integer(0), 3),
  bos_token_id: nullable(integer(0), 48000),
  eos_token_id: nullable(integerOrList(null)),
};

// The documented default, which the published checkpoints use; the class of transformers 5 falls back to 10000.
const ROPE_THETA = 100_000;

/**
 * Configuration of a Kyutai speech-to-text model. Unknown entries are kept. The constructor, from_dict() and update()
 * throw ERR_INVALID_ARGUMENT for an entry of a wrong type, naming it.
 */
export class KyutaiSpeechToTextConfig {
  /** "kyutai_speech_to_text". */
  static readonly model_type = MODEL_TYPE;
  /** "kyutai_speech_to_text". */
  readonly model_type = MODEL_TYPE;

  /** Whether forward() returns an object; false: a tuple. */
  declare return_dict: boolean;
  /** Whether forward() returns the hidden states of all layers. */
  declare output_hidden_states: boolean;
  /** Whether forward() returns the attention weights of all layers. */
  declare output_attentions: boolean;
  /** Codebook entries plus the start row. */
  declare codebook_vocab_size: number;
  /** Rows of the text embedding and of the head: the pieces plus the start row. */
  declare vocab_size: number;
  /** Width of a decoder step. */
  declare hidden_size: number;
  /** Decoder layers. */
  declare num_hidden_layers: number;
  /** Query heads per layer. */
  declare num_attention_heads: number;
  /** Key and value heads per layer; default: as many as query heads. */
  declare num_key_value_heads: number;
  /** Carried; no limit. */
  declare max_position_embeddings: number;
  /** Rotary embedding: rope_theta and rope_type. */
  rope_parameters: RopeParameters;
  /** Of the gated layers. */
  declare hidden_act: string;
  /** Width of a head; default: hidden_size / num_attention_heads, rounded down. */
  declare head_dim: number;
  /** Of training; carried. */
  declare initializer_range: number;
  /** Whether forward() makes a cache unless told otherwise. */
  declare use_cache: boolean;
  /** Steps of 80 ms that an attention query may look back, itself included. */
  declare sliding_window: number;
  /** Of training; carried. */
  declare attention_dropout: number;
  /** Gate and value together, hence even. */
  declare ffn_dim: number;
  /** Added to the mean square before its root. */
  declare rms_norm_eps: number;
  /** Audio streams that the decoder reads. */
  declare num_codebooks: number;
  /** Code of every audio stream at the first step. */
  declare audio_bos_token_id: number | null;
  /** Row of the embedding table for no audio. */
  declare audio_pad_token_id: number | null;
  /** Carried; a model with tied heads is refused. */
  declare tie_word_embeddings: boolean;
  /** Token that says nothing. */
  declare pad_token_id: number | null;
  /** Token that generate() begins with; may be a row of another table. */
  declare bos_token_id: number | null;
  /** Carried: nothing ends a transcription but its audio. */
  declare eos_token_id: number | number[] | null;
  /** The codec's configuration; built from an object or null. */
  codec_config: MimiConfig;
  /** Samples per frame. */
  frame_size: number;
  /** Entries this class does not know are kept. */
  [extra: string]: unknown;

  constructor(values: Readonly<Record<string, unknown>> = {}) {
    const { codec_config: codec, ...rest } = values;
    const extras = assignFields(this, FIELDS, rest);
    this.codec_config = codecConfig(codec);
    this.frame_size = this.codec_config.frame_size;
    this.num_key_value_heads ??= this.num_attention_heads;
    this.head_dim ??= Math.floor(this.hidden_size / this.num_attention_heads);
    this.rope_parameters = takeRopeParameters(extras, ROPE_THETA);
    if (this.ffn_dim % 2 !== 0) {
      throw invalidConfig(
        `\`ffn_dim=${this.ffn_dim}\` must be even`,
        "It counts the gate and the value rows together.",
      );
    }
    assignExtras(this, extras);
  }

  /** `overrides`: entries that take the place of those in `values`. */
  static from_dict(
    values: Readonly<Record<string, unknown>>,
    overrides: Readonly<Record<string, unknown>> = {},
  ): KyutaiSpeechToTextConfig {
    return new KyutaiSpeechToTextConfig({ ...values, ...overrides });
  }

  /**
   * Reads config.json of a checkpoint folder. Fields among the options take the place of those in the file.
   *
   * Rejects with ERR_INVALID_ARGUMENT, ERR_FILE_NOT_FOUND, ERR_FILE_ACCESS, ERR_MODEL_FORMAT, ERR_MODEL_UNSUPPORTED; for
   * a model of the Hub as downloadModel does.
   */
  static async from_pretrained(
    location: ModelLocation,
    options: PretrainedOptions & FieldOverrides<typeof FIELDS> = {},
  ): Promise<KyutaiSpeechToTextConfig> {
    const { options: where, overrides } = splitOverrides(options, FIELDS);
    const folder = await findModel(location, smallFileOptions(where));
    const values = await requireModelJson(folder, "config.json");
    if (values["model_type"] !== MODEL_TYPE) {
      throw new SttError(
        "ERR_MODEL_UNSUPPORTED",
        `${folder}: config.json has model_type ${show(values["model_type"])}, not "${MODEL_TYPE}"`,
        { remedy: "Pass a Kyutai speech-to-text checkpoint in the transformers layout." },
      );
    }
    try {
      return KyutaiSpeechToTextConfig.from_dict(values, overrides);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new SttError("ERR_MODEL_FORMAT", `${folder}: config.json: ${reason}`, {
        remedy: "Correct the file, or download it again.",
        cause,
      });
    }
  }

  /** rope_parameters.rope_theta. */
  get rope_theta(): number {
    return this.rope_parameters.rope_theta;
  }

  /** Sets entries, checked by type; what follows from others (head_dim, frame_size) is left as it is. */
  update(values: Readonly<Record<string, unknown>>): void {
    const { codec_config: codec, ...rest } = values;
    updateFields(this, FIELDS, rest);
    if (codec !== undefined) {
      this.codec_config = codecConfig(codec);
    }
  }

  /** All entries, kept ones included. */
  to_dict(): Record<string, unknown> {
    return structuredClone({ ...this, codec_config: this.codec_config.to_dict() });
  }

  /** to_dict() without generic entries that have their default. */
  to_diff_dict(): Record<string, unknown> {
    return withoutGenericDefaults({ ...this.to_dict(), codec_config: this.codec_config.to_diff_dict() });
  }

  /** to_dict(). */
  toJSON(): Record<string, unknown> {
    return this.to_dict();
  }

  /** JSON of to_diff_dict(), or of to_dict(), with sorted keys. */
  to_json_string(use_diff = true): string {
    return toSortedJson(use_diff ? this.to_diff_dict() : this.to_dict(), floatNames(FIELDS, MIMI_FIELDS));
  }

  /** Writes config.json. Rejects with ERR_INVALID_ARGUMENT, ERR_FILE_ACCESS, ERR_DISK_FULL. */
  async save_pretrained(folder: string): Promise<void> {
    await writeModelFile(folder, "config.json", this.to_json_string());
  }
}

function codecConfig(value: unknown): MimiConfig {
  if (value === undefined || value === null) {
    return new MimiConfig();
  }
  if (value instanceof MimiConfig) {
    return value;
  }
  if (!isObject(value)) {
    throw invalidConfig(`field 'codec_config' expected a MimiConfig, dict or null, got ${show(value)}`);
  }
  const { model_type: type = MimiConfig.model_type } = value;
  if (type !== MimiConfig.model_type) {
    throw invalidConfig(
      `codec_config has model_type ${show(type)}; the only codec known is "${MimiConfig.model_type}"`,
    );
  }
  return new MimiConfig(value);
}
