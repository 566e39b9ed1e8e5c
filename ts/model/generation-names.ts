/** Names of the options of generate(), by what becomes of them. */

/** Options that do what they say. */
const HANDLED = new Set([
  "max_new_tokens",
  "max_length",
  "audio_window_size",
  "bos_token_id",
  "do_sample",
  "num_return_sequences",
  "repetition_penalty",
  "no_repeat_ngram_size",
  "bad_words_ids",
  "sequence_bias",
  "suppress_tokens",
  "begin_suppress_tokens",
  "forced_bos_token_id",
  "forced_eos_token_id",
  "eos_token_id",
  "pad_token_id",
  "min_length",
  "min_new_tokens",
  "exponential_decay_length_penalty",
  "remove_invalid_values",
  "renormalize_logits",
  "max_time",
  "return_dict_in_generate",
  "logits_processor",
  "stopping_criteria",
  "prefix_allowed_tokens_fn",
  "streamer",
]);

/** Options that only matter with sampling, and what they are by default; without, the reference warns of them, too. */
export const SAMPLING: readonly (readonly [string, number | undefined])[] = [
  ["temperature", 1],
  ["top_k", 50],
  ["top_p", 1],
  ["min_p", undefined],
  ["top_h", undefined],
  ["typical_p", 1],
  ["epsilon_cutoff", 0],
  ["eta_cutoff", 0],
  ["seed", undefined],
];

/** Options of beam search, likewise. */
export const BEAMS: readonly (readonly [string, number | undefined])[] = [
  ["length_penalty", 1],
  ["early_stopping", undefined],
];

export const EXTRA_OUTPUTS = ["output_attentions", "output_hidden_states", "output_scores", "output_logits"];

/** Options without an effect on the tokens of one pass without beams. */
const NEUTRAL = new Set([
  "cache_implementation",
  "cache_config",
  "max_cache_len",
  "decoder_start_token_id",
  "disable_compile",
  "compile_config",
  "low_memory",
  "is_assistant",
  "num_assistant_tokens",
  "num_assistant_tokens_schedule",
  "assistant_confidence_threshold",
  "assistant_lookbehind",
  "target_lookbehind",
  "max_matching_ngram_size",
  "prefill_chunk_size",
  "transformers_version",
  "_from_model_config",
  "padding_mask",
  "sampling_rate",
  // Only the last position's are used, however many are asked for.
  "logits_to_keep",
  // Of stop_strings, which are refused.
  "tokenizer",
]);

const ONE = "audio state belongs to one hypothesis per sequence";
const PROMPT = "there is no text prompt";
const INPUTS = "generation starts from audio (input_values) and the start token";
const SECOND = "there is no second model";
const CODEC = "generate() makes the codec's state and codes itself; MimiModel.encode takes caches";

/** Values that are the same as leaving the option out, and the reason why no other value is taken. */
export const REFUSED: Readonly<Record<string, { neutral: readonly unknown[]; reason: string }>> = {
  num_beams: { neutral: [1], reason: ONE },
  num_beam_groups: { neutral: [1], reason: ONE },
  diversity_penalty: { neutral: [0], reason: ONE },
  constraints: { neutral: [], reason: ONE },
  force_words_ids: { neutral: [], reason: ONE },
  penalty_alpha: { neutral: [0], reason: "contrastive search needs several passes per token" },
  dola_layers: { neutral: [], reason: "every layer would need a head" },
  guidance_scale: { neutral: [1], reason: PROMPT },
  token_healing: { neutral: [false], reason: PROMPT },
  prompt_lookup_num_tokens: { neutral: [], reason: PROMPT },
  negative_prompt_ids: { neutral: [], reason: PROMPT },
  negative_prompt_attention_mask: { neutral: [], reason: PROMPT },
  watermarking_config: { neutral: [], reason: "a transcript is no place for a watermark" },
  stop_strings: { neutral: [], reason: "the model has no tokenizer here; use stopping_criteria" },
  use_cache: { neutral: [true], reason: "without its cache the model would see beyond its window" },
  assistant_model: { neutral: [], reason: SECOND },
  assistant_tokenizer: { neutral: [], reason: SECOND },
  assistant_early_exit: { neutral: [], reason: SECOND },
  assistant_ensemble_weight: { neutral: [], reason: SECOND },
  speculation_type: { neutral: [], reason: SECOND },
  use_mtp: { neutral: [false], reason: SECOND },
  custom_generate: { neutral: [], reason: "pass logits_processor and stopping_criteria instead" },
  synced_gpus: { neutral: [false], reason: "there is one device" },
  continuous_batching_config: { neutral: [], reason: "SpeechToText computes overlapping calls in one batch" },
  input_ids: { neutral: [], reason: INPUTS },
  inputs: { neutral: [], reason: INPUTS },
  inputs_embeds: { neutral: [], reason: INPUTS },
  decoder_input_ids: { neutral: [], reason: INPUTS },
  attention_mask: { neutral: [], reason: INPUTS },
  position_ids: { neutral: [], reason: INPUTS },
  past_key_values: { neutral: [], reason: INPUTS },
  cache_position: { neutral: [], reason: INPUTS },
  encoder_outputs: { neutral: [], reason: INPUTS },
  mm_encoder_outputs: { neutral: [], reason: INPUTS },
  labels: { neutral: [], reason: "losses are forward()'s" },
  audio_tokens: { neutral: [], reason: CODEC },
  current_window: { neutral: [], reason: CODEC },
  encoder_past_key_values: { neutral: [], reason: CODEC },
  padding_cache: { neutral: [], reason: CODEC },
  return_timestamps: { neutral: [false], reason: "generate() gives tokens; SpeechToText gives words with times" },
};

/** Of a prompt, which there is none of: the reference ignores them with a warning, too. */
export const OF_PROMPTS: Readonly<Record<string, number>> = {
  encoder_repetition_penalty: 1,
  encoder_no_repeat_ngram_size: 0,
};

const KNOWN: ReadonlySet<string> = new Set([
  ...HANDLED,
  ...NEUTRAL,
  ...SAMPLING.map(([name]) => name),
  ...BEAMS.map(([name]) => name),
  ...EXTRA_OUTPUTS,
  ...Object.keys(OF_PROMPTS),
  ...Object.keys(REFUSED),
]);

/** Whether generate() knows an option of this name, be it to refuse it. */
export function isGenerationOption(name: string): boolean {
  return KNOWN.has(name);
}
