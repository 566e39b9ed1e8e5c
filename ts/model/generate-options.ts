/** Arguments and results of generate(), with the names of transformers. */
import type { Tensor, TensorLike } from "../tensor/tensor.js";
import type { DynamicCache } from "./dynamic-cache.js";
import type { GenerationConfig } from "./generation-config.js";

/** The tokens of every row so far, start token first. */
export type TokenRows = bigint[][];

/**
 * Changes the scores [rows, vocabulary] of the next token; -Infinity: it cannot come. May change the tensor it gets. An
 * object that can be called will do, as transformers.js has them.
 */
export type LogitsProcessor = (
  input_ids: TokenRows,
  scores: Tensor<"float32">,
) => TensorLike<"float32"> | Promise<TensorLike<"float32">>;

/** Called after every token: true for each row, or for all, that is done. */
export type StoppingCriteria = (
  input_ids: TokenRows,
  scores: Tensor<"float32">,
) => boolean | boolean[] | Promise<boolean | boolean[]>;

/** The tokens that may come next in row `batch_id`. */
export type PrefixAllowedTokens = (batch_id: number, input_ids: bigint[]) => readonly (number | bigint)[];

/** Gets the start tokens, then every step's token of each row, as they come. */
export interface Streamer {
  /** [rows][1]: the next token of each row; first of all the start tokens. */
  put(value: TokenRows): void | Promise<void>;
  /** No token follows. */
  end(): void | Promise<void>;
}

/** Options of generate() that sampling and rules on the scores take; unset ones come from `generation_config`. */
export interface GenerationOptions {
  /** Default and limit: one per whole frame of audio. Counts in the call alone, as in transformers. */
  max_new_tokens?: number | null | undefined;
  /** Start token included. `max_new_tokens` takes precedence, as in transformers, where it is always set. */
  max_length?: number | null | undefined;
  /** Frames per call of the codec; default: all. */
  audio_window_size?: number | null | undefined;
  /** Choose by the probabilities instead of the best score. Default: false. */
  do_sample?: boolean | null | undefined;
  /** Of sampling: a whole number; the same one gives the same tokens. Default: another one each time. */
  seed?: number | bigint | null | undefined;
  /** Of sampling, above 0. Default: 1. */
  temperature?: number | null | undefined;
  /** Of sampling: only the k best tokens. 0: all. Default: 50, as in transformers. */
  top_k?: number | null | undefined;
  /** Of sampling: the likeliest tokens that make up this share. Default: 1. */
  top_p?: number | null | undefined;
  /** Of sampling: tokens with at least this share of the likeliest one's probability. */
  min_p?: number | null | undefined;
  /** Of sampling: the tokens nearest to the expected surprise that make up this share. */
  typical_p?: number | null | undefined;
  /** Of sampling: the likeliest tokens up to this share of the entropy of the 100 best. */
  top_h?: number | null | undefined;
  /** Of sampling: tokens of at least this probability. */
  epsilon_cutoff?: number | null | undefined;
  /** Of sampling: tokens of at least this probability, or less where many are likely (eta sampling). */
  eta_cutoff?: number | null | undefined;
  /** Sequences per row of audio, next to each other; needs do_sample. Default: 1. */
  num_return_sequences?: number | null | undefined;
  /** Above 1: tokens that were there become less likely. Default: 1. */
  repetition_penalty?: number | null | undefined;
  /** Length of what may come only once; 0: anything may repeat. */
  no_repeat_ngram_size?: number | null | undefined;
  /** Sequences that may not come. */
  bad_words_ids?: readonly (readonly number[])[] | null | undefined;
  /** Pairs of a sequence and what is added to the score of its last token. */
  sequence_bias?: readonly (readonly [readonly number[], number])[] | null | undefined;
  /** Tokens that never come. */
  suppress_tokens?: readonly number[] | null | undefined;
  /** Not as the first new token. */
  begin_suppress_tokens?: readonly number[] | null | undefined;
  /** The first new token. */
  forced_bos_token_id?: number | null | undefined;
  /** One of these is the last token where the length is reached. */
  forced_eos_token_id?: number | readonly number[] | null | undefined;
  /** End a row, which gets `pad_token_id` from then on. Default: none. */
  eos_token_id?: number | readonly number[] | null | undefined;
  /** What rows get that have ended before others. Default: the first end token. */
  pad_token_id?: number | null | undefined;
  /** No end before this many tokens, the start token included; `min_new_tokens` takes precedence. */
  min_length?: number | null | undefined;
  /** No end before this many tokens, the start token left out. */
  min_new_tokens?: number | null | undefined;
  /** New tokens and a factor: from so many on an end gets likelier. */
  exponential_decay_length_penalty?: readonly [number, number] | null | undefined;
  /** Scores that are no numbers become 0, infinite ones the largest there are. */
  remove_invalid_values?: boolean | null | undefined;
  /** Scores become log probabilities. */
  renormalize_logits?: boolean | null | undefined;
  /** Seconds after which no further token is begun. */
  max_time?: number | null | undefined;
  /** Resolve to an object instead of the tokens alone. */
  return_dict_in_generate?: boolean | null | undefined;
  /** With return_dict_in_generate: what each token was chosen from. */
  output_scores?: boolean | null | undefined;
  /** With return_dict_in_generate: each step's logits before any rule. */
  output_logits?: boolean | null | undefined;
  /** With return_dict_in_generate: each step's hidden states of all layers. */
  output_hidden_states?: boolean | null | undefined;
  /** With return_dict_in_generate: each step's attention weights of all layers. */
  output_attentions?: boolean | null | undefined;
}

/**
 * Options of generate(): the processor's output and those of transformers. What cannot be honoured is refused by name.
 */
export interface GenerateOptions extends GenerationOptions {
  /** [batch, 1, samples] at the model's rate. */
  input_values: Tensor<"float32">;
  /** Accepted and not used, as in the reference. */
  padding_mask?: Tensor | undefined;
  /** Goes before `model.generation_config`, value by value. */
  generation_config?: GenerationConfig | Readonly<Record<string, unknown>> | null | undefined;
  /** After the rules named here, before sampling's. */
  logits_processor?: LogitsProcessor | readonly LogitsProcessor[] | null | undefined;
  /** Asked after every token; generation ends when all rows are done. */
  stopping_criteria?: StoppingCriteria | readonly StoppingCriteria[] | null | undefined;
  /** The only tokens that may come next, per row. */
  prefix_allowed_tokens_fn?: PrefixAllowedTokens | null | undefined;
  /** Gets tokens as they come. */
  streamer?: Streamer | null | undefined;
  /** Aborting rejects with ERR_ABORTED. */
  signal?: AbortSignal | undefined;
  /** Frames done and in total. */
  onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined;
  [option: string]: unknown;
}

/** Result with return_dict_in_generate. N new tokens; R rows: batch times num_return_sequences. */
export class GenerateDecoderOnlyOutput {
  /** [R, 1 + N], start token first. */
  declare readonly sequences: Tensor<"int64">;
  /** With output_scores: N of [R, vocabulary], what the choice was made from. */
  declare readonly scores?: readonly Tensor<"float32">[];
  /** With output_logits: N of [R, vocabulary], as the model gave them. */
  declare readonly logits?: readonly Tensor<"float32">[];
  /** With output_attentions: N times num_hidden_layers of [R, heads, 1, keys]. */
  declare readonly attentions?: readonly (readonly Tensor<"float32">[])[];
  /** With output_hidden_states: N times num_hidden_layers + 1 of [R, 1, hidden_size]. */
  declare readonly hidden_states?: readonly (readonly Tensor<"float32">[])[];
  /** Keys and values of all steps, for `forward` to go on from. */
  declare readonly past_key_values: DynamicCache;

  constructor(fields: Partial<GenerateDecoderOnlyOutput>) {
    Object.assign(this, Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)));
  }
}
