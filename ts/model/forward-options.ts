/** Arguments of forward(), with the names and meanings of transformers. */
import type { Tensor, TensorLike } from "../tensor/tensor.js";
import type { DynamicCache, LegacyCache } from "./dynamic-cache.js";

/** Whole numbers. */
export type IdTensor = TensorLike<"int64"> | TensorLike<"int32"> | TensorLike<"uint32"> | TensorLike<"uint8">;

interface CommonForwardOptions {
  /**
   * 0: a position nobody sees. [batch, positions seen before + new ones]. Or, for full control, [batch or 1, heads or
   * 1, new positions, kept + new positions]: float32 is added to the attention scores, other types hide where they are
   * 0; later positions are then visible unless hidden.
   */
  attention_mask?: TensorLike | null | undefined;
  /** For the rotary embedding: [batch or 1, positions] or [positions]. Default: on from the cache. */
  position_ids?: IdTensor | null | undefined;
  /** What earlier calls have seen; changed by the call. Default: nothing, and a new cache. */
  past_key_values?: DynamicCache | LegacyCache | null | undefined;
  /** Whether a call without past_key_values makes and returns a cache. Default: as the configuration says. */
  use_cache?: boolean | null | undefined;
  /** Default: as the configuration says. */
  output_attentions?: boolean | null | undefined;
  /** Default: as the configuration says. */
  output_hidden_states?: boolean | null | undefined;
  /** Places of the new positions in the cache; they can only follow the ones before. [positions]. */
  cache_position?: IdTensor | null | undefined;
  /** false: a tuple, without the names. Default: as the configuration says. */
  return_dict?: boolean | null | undefined;
  signal?: AbortSignal | undefined;
  /** Positions done and in total. */
  onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined;
}

/** Ids or embeddings, never both. */
type ForwardInput =
  | {
      /**
       * `[batch, positions, 1 + num_codebooks]`: the text token, and one code per audio stream. Or [batch, positions]:
       * text alone, to which the audio streams add nothing.
       */
      input_ids: IdTensor;
      inputs_embeds?: null | undefined;
    }
  | {
      /** [batch, positions, hidden_size]: what the sum of embeddings would be. */
      inputs_embeds: TensorLike<"float32">;
      input_ids?: null | undefined;
    };

/** Of KyutaiSpeechToTextModel. */
export type ForwardOptions = CommonForwardOptions & ForwardInput;

/** Of KyutaiSpeechToTextForConditionalGeneration. */
export type CausalLMForwardOptions = ForwardOptions & {
  /** `[batch, positions]`: label i + 1 is the answer to position i, as in transformers; -100 does not count. */
  labels?: IdTensor | null | undefined;
  /** Instead of `labels`' shift: label i is the answer to position i. */
  shift_labels?: IdTensor | null | undefined;
  /** Divides the sum of the losses; default: the number of labels. */
  num_items_in_batch?: number | null | undefined;
  /** The label that does not count. Default: -100. */
  ignore_index?: number | null | undefined;
  /** Positions whose logits are computed: the last n, 0: all; or these, from the end where negative. */
  logits_to_keep?: number | IdTensor | readonly number[] | null | undefined;
};

/** Every argument, for code that does not know which were given. */
export type AnyForwardOptions = CommonForwardOptions & {
  input_ids?: IdTensor | null | undefined;
  inputs_embeds?: TensorLike<"float32"> | null | undefined;
  labels?: IdTensor | null | undefined;
  shift_labels?: IdTensor | null | undefined;
  num_items_in_batch?: number | null | undefined;
  ignore_index?: number | null | undefined;
  logits_to_keep?: number | IdTensor | readonly number[] | null | undefined;
};

/** Fields that were asked for are there, in this order; `to_tuple()` leaves the others out. */
export class BaseModelOutputWithPast {
  /** [batch, positions, hidden_size], behind the final norm. */
  declare readonly last_hidden_state: Tensor<"float32">;
  /** The cache, with the new positions; absent without one. */
  declare readonly past_key_values?: DynamicCache;
  /** num_hidden_layers + 1 of [batch, positions, hidden_size]: the embeddings, then every layer's output, the last one
   *  behind the final norm. */
  declare readonly hidden_states?: readonly Tensor<"float32">[];
  /** num_hidden_layers of [batch, heads, positions, kept + new positions]: weights that add up to 1; 0 where hidden. */
  declare readonly attentions?: readonly Tensor<"float32">[];

  constructor(fields: Partial<BaseModelOutputWithPast>) {
    assignGiven(this, fields);
  }

  /** The fields that are there, in their order. */
  to_tuple(): unknown[] {
    return Object.values(this);
  }
}

/** Fields that were asked for are there, in this order; `to_tuple()` leaves the others out. */
export class CausalLMOutputWithPast {
  /** Mean of the negative log likelihood over the labels, one element; NaN where no label counts. */
  declare readonly loss?: Tensor<"float32">;
  /** [batch, kept positions, vocab_size]. */
  declare readonly logits: Tensor<"float32">;
  /** The cache, with the new positions; absent without one. */
  declare readonly past_key_values?: DynamicCache;
  /** As BaseModelOutputWithPast has them. */
  declare readonly hidden_states?: readonly Tensor<"float32">[];
  /** As BaseModelOutputWithPast has them. */
  declare readonly attentions?: readonly Tensor<"float32">[];

  constructor(fields: Partial<CausalLMOutputWithPast>) {
    assignGiven(this, fields);
  }

  /** The fields that are there, in their order. */
  to_tuple(): unknown[] {
    return Object.values(this);
  }
}

function assignGiven(target: object, fields: object): void {
  Object.assign(target, Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)));
}
