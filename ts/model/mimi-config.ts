import {
  assignExtras,
  assignFields,
  boolean,
  floatNames,
  GENERIC_FIELDS,
  integer,
  integerOrList,
  integers,
  invalidConfig,
  nullable,
  number,
  type RopeParameters,
  takeRopeParameters,
  text,
  updateFields,
  withoutGenericDefaults,
} from "./config-fields.js";
import { toSortedJson } from "./model-folder.js";

// Defaults: transformers 5.18, MimiConfig.
export const MIMI_FIELDS = {
  ...GENERIC_FIELDS,
  sampling_rate: integer(24000),
  audio_channels: integer(1),
  hidden_size: integer(512),
  num_filters: integer(64),
  num_residual_layers: integer(1),
  upsampling_ratios: nullable(integers([]), null),
  kernel_size: integer(7),
  last_kernel_size: integer(3),
  residual_kernel_size: integerOrList(3),
  dilation_growth_rate: integer(2),
  use_causal_conv: boolean(true),
  pad_mode: text("constant"),
  compress: integer(2),
  trim_right_ratio: number(1),
  codebook_size: integer(2048),
  codebook_dim: nullable(integer(256), 256),
  num_quantizers: integer(32),
  use_conv_shortcut: boolean(false),
  vector_quantization_hidden_dimension: integer(256),
  num_semantic_quantizers: integer(1),
  upsample_groups: integer(512),
  num_hidden_layers: integer(8),
  intermediate_size: integer(2048),
  num_attention_heads: integer(8),
  num_key_value_heads: integer(8),
  head_dim: nullable(integer(0)),
  hidden_act: text("gelu"),
  max_position_embeddings: integer(8000),
  initializer_range: number(0.02),
  norm_eps: number(1e-5),
  use_cache: boolean(false),
  use_streaming: boolean(false),
  sliding_window: integer(250),
  attention_dropout: number(0),
  layer_scale_initial_scale: number(0.01),
  attention_bias: boolean(false),
  tie_word_embeddings: boolean(true),
};

const DEFAULT_RATIOS = [8, 6, 5, 4];
const ROPE_THETA = 10_000;
/** Between the codec's transformer (25 Hz) and its quantizer (12.5 Hz). */
export const DOWNSAMPLE_STRIDE = 2;

/** Configuration of the Mimi codec. Unknown entries are kept. */
export class MimiConfig {
  /** "mimi". */
  static readonly model_type = "mimi";
  /** "mimi". */
  readonly model_type = "mimi";

  /** Whether forward() returns an object; false: a tuple. */
  declare return_dict: boolean;
  /** Carried. */
  declare output_hidden_states: boolean;
  /** Carried. */
  declare output_attentions: boolean;
  /** Hz. */
  declare sampling_rate: number;
  /** Only mono codecs can be run. */
  declare audio_channels: number;
  /** Width of a column. */
  declare hidden_size: number;
  /** Channels of the first convolution; doubled by every stage. */
  declare num_filters: number;
  /** Residual units per stage. */
  declare num_residual_layers: number;
  /** In decoder order; the encoder strides are the same numbers reversed. */
  declare upsampling_ratios: number[];
  /** Of the first convolution. */
  declare kernel_size: number;
  /** Of the last convolution. */
  declare last_kernel_size: number;
  /** Of the residual units. */
  declare residual_kernel_size: number | number[];
  /** Dilation of residual unit j of a stage: this to the power of j. */
  declare dilation_growth_rate: number;
  /** Only causal codecs can be run. */
  declare use_causal_conv: boolean;
  /** What is before a stream: "constant" (zeros) or "replicate". */
  declare pad_mode: string;
  /** Channels of a residual unit's inside: those outside, divided by this. */
  declare compress: number;
  /** Of a transposed convolution's excess; only 1 can be decoded. */
  declare trim_right_ratio: number;
  /** Entries per codebook, a power of two. */
  declare codebook_size: number;
  /** Width of an entry. */
  declare codebook_dim: number;
  /** Codebooks. */
  declare num_quantizers: number;
  /** Whether residual units have a convolution beside them. */
  declare use_conv_shortcut: boolean;
  /** Width that the codebooks search in. */
  declare vector_quantization_hidden_dimension: number;
  /** Codebooks that come first and are searched apart. */
  declare num_semantic_quantizers: number;
  /** Groups of the decoder's upsampling. */
  declare upsample_groups: number;
  /** Layers of each transformer. */
  declare num_hidden_layers: number;
  /** Width inside their feed-forward layers. */
  declare intermediate_size: number;
  /** Query heads per layer. */
  declare num_attention_heads: number;
  /** Key and value heads per layer. */
  declare num_key_value_heads: number;
  /** Width of a head. */
  declare head_dim: number;
  /** Of the feed-forward layers. */
  declare hidden_act: string;
  /** Carried; no limit. */
  declare max_position_embeddings: number;
  /** Of training; carried. */
  declare initializer_range: number;
  /** Added to the variance before its root. */
  declare norm_eps: number;
  /** Whether decode() returns a key-value cache unless told otherwise. */
  declare use_cache: boolean;
  /** Whether encode() returns caches unless told otherwise. */
  declare use_streaming: boolean;
  /** Rotary embedding: rope_theta and rope_type. */
  rope_parameters: RopeParameters;
  /** Columns of 40 ms that an attention query may look back, itself included. */
  declare sliding_window: number;
  /** Of training; carried. */
  declare attention_dropout: number;
  /** Of training; carried. */
  declare layer_scale_initial_scale: number;
  /** Whether the projections of attention have biases. */
  declare attention_bias: boolean;
  /** Carried. */
  declare tie_word_embeddings: boolean;
  /** A frame rate that the configuration stated itself; null: computed. */
  _frame_rate: number | null;
  /** Entries this class does not know are kept. */
  [extra: string]: unknown;

  constructor(values: Readonly<Record<string, unknown>> = {}) {
    const extras = assignFields(this, MIMI_FIELDS, values);
    if (!(this.upsampling_ratios?.length > 0)) {
      this.upsampling_ratios = [...DEFAULT_RATIOS];
    }
    this.codebook_dim ??= this.hidden_size;
    this.head_dim ||= Math.floor(this.hidden_size / this.num_attention_heads);
    if (this.num_semantic_quantizers >= this.num_quantizers) {
      throw invalidConfig(
        `The number of semantic quantizers should be lower than the total number of quantizers ${this.num_quantizers}, ` +
          `but is currently ${this.num_semantic_quantizers}.`,
      );
    }
    const rate = extras["frame_rate"] ?? extras["_frame_rate"] ?? null;
    if (rate !== null && typeof rate !== "number") {
      throw invalidConfig(`field 'frame_rate' expected float, got ${typeof rate}`);
    }
    this._frame_rate = rate;
    this.rope_parameters = takeRopeParameters(extras, ROPE_THETA);
    assignExtras(this, extras);
  }

  /** From the entries of a configuration. */
  static from_dict(values: Readonly<Record<string, unknown>>): MimiConfig {
    return new MimiConfig(values);
  }

  /** rope_parameters.rope_theta. */
  get rope_theta(): number {
    return this.rope_parameters.rope_theta;
  }

  /** Samples per frame: the product of all encoder strides. */
  get frame_size(): number {
    return this.upsampling_ratios.reduce((product, ratio) => product * ratio, DOWNSAMPLE_STRIDE);
  }

  /** Frames per second. */
  get frame_rate(): number {
    return this._frame_rate ?? this.sampling_rate / this.frame_size;
  }

  /** Columns per second before the downsampling, rounded up. */
  get encodec_frame_rate(): number {
    return Math.ceil(this.sampling_rate / (this.frame_size / DOWNSAMPLE_STRIDE));
  }

  /** num_quantizers. */
  get num_codebooks(): number {
    return this.num_quantizers;
  }

  /** Sets entries, checked by type; what follows from others (head_dim, ratios) is left as it is. */
  update(values: Readonly<Record<string, unknown>>): void {
    updateFields(this, MIMI_FIELDS, values);
  }

  /** All entries, kept ones included. */
  to_dict(): Record<string, unknown> {
    return structuredClone({ ...this });
  }

  /** to_dict() without generic entries that have their default. */
  to_diff_dict(): Record<string, unknown> {
    return withoutGenericDefaults(this.to_dict());
  }

  /** to_dict(). */
  toJSON(): Record<string, unknown> {
    return this.to_dict();
  }

  /** JSON of to_diff_dict(), or of to_dict(), with sorted keys. */
  to_json_string(use_diff = true): string {
    return toSortedJson(use_diff ? this.to_diff_dict() : this.to_dict(), floatNames(MIMI_FIELDS));
  }
}
