/** Options of generate(): which ones mean something here, which change nothing, and why the others are refused. */
import type { GenerationParams } from "../contract/backend.js";
import { SttError } from "../contract/errors.js";
import type { GenerationConfig } from "./generation-config.js";
import { warn } from "./logger.js";
import { checkInteger, invalidArgument, show } from "./option-checks.js";

/** Options that only matter with sampling or beam search; the reference ignores them with this warning, too. */
const IGNORED = new Set([
  "temperature",
  "top_k",
  "top_p",
  "min_p",
  "top_h",
  "typical_p",
  "epsilon_cutoff",
  "eta_cutoff",
  "length_penalty",
  "early_stopping",
  "output_scores",
  "output_logits",
  "output_attentions",
  "output_hidden_states",
]);

/** Options without an effect on greedy decoding of a fixed length without an end token. */
const NEUTRAL = new Set([
  "use_cache",
  "cache_implementation",
  "cache_config",
  "pad_token_id",
  "decoder_start_token_id",
  "min_length",
  "min_new_tokens",
  "forced_eos_token_id",
  "exponential_decay_length_penalty",
  "disable_compile",
  "compile_config",
  "low_memory",
  "is_assistant",
  "num_assistant_tokens",
  "num_assistant_tokens_schedule",
  "assistant_confidence_threshold",
  "prefill_chunk_size",
  "remove_invalid_values",
  "renormalize_logits",
  "transformers_version",
  "_from_model_config",
  "padding_mask",
  "sampling_rate",
]);

const LOGITS = "it would change the model's scores, which this package does not expose to generate()";
const ROWS = "one row of audio gives one row of tokens";
const LENGTH = "the length of the output follows the audio alone";
const INPUTS = "generation starts from audio (input_values) and the start token";
const RUNTIME = "generate() returns tokens only";

/** Values that are the same as leaving the option out, and the reason why no other value is taken. */
const REFUSED: Readonly<Record<string, { neutral: readonly unknown[]; reason: string }>> = {
  do_sample: { neutral: [false], reason: "decoding is greedy" },
  num_beams: { neutral: [1], reason: "decoding is greedy; audio state belongs to one hypothesis" },
  num_beam_groups: { neutral: [1], reason: "decoding is greedy" },
  diversity_penalty: { neutral: [0], reason: "decoding is greedy" },
  penalty_alpha: { neutral: [0], reason: "decoding is greedy" },
  dola_layers: { neutral: [], reason: "decoding is greedy" },
  constraints: { neutral: [], reason: "decoding is greedy" },
  force_words_ids: { neutral: [], reason: "decoding is greedy" },
  num_return_sequences: { neutral: [1], reason: ROWS },
  repetition_penalty: { neutral: [1], reason: LOGITS },
  encoder_repetition_penalty: { neutral: [1], reason: LOGITS },
  no_repeat_ngram_size: { neutral: [0], reason: LOGITS },
  encoder_no_repeat_ngram_size: { neutral: [0], reason: LOGITS },
  bad_words_ids: { neutral: [], reason: LOGITS },
  sequence_bias: { neutral: [], reason: LOGITS },
  suppress_tokens: { neutral: [], reason: LOGITS },
  begin_suppress_tokens: { neutral: [], reason: LOGITS },
  forced_bos_token_id: { neutral: [], reason: LOGITS },
  guidance_scale: { neutral: [1], reason: LOGITS },
  watermarking_config: { neutral: [], reason: LOGITS },
  logits_processor: { neutral: [], reason: LOGITS },
  prefix_allowed_tokens_fn: { neutral: [], reason: LOGITS },
  token_healing: { neutral: [false], reason: LOGITS },
  eos_token_id: { neutral: [], reason: LENGTH },
  stop_strings: { neutral: [], reason: LENGTH },
  stopping_criteria: { neutral: [], reason: `${LENGTH}; use max_new_tokens or signal` },
  max_time: { neutral: [], reason: `${LENGTH}; use signal: AbortSignal.timeout(ms)` },
  input_ids: { neutral: [], reason: INPUTS },
  inputs: { neutral: [], reason: INPUTS },
  inputs_embeds: { neutral: [], reason: INPUTS },
  decoder_input_ids: { neutral: [], reason: INPUTS },
  attention_mask: { neutral: [], reason: INPUTS },
  past_key_values: { neutral: [], reason: INPUTS },
  assistant_model: { neutral: [], reason: "there is no second model" },
  prompt_lookup_num_tokens: { neutral: [], reason: "there is no text prompt" },
  return_dict_in_generate: { neutral: [false], reason: RUNTIME },
  return_timestamps: { neutral: [false], reason: `${RUNTIME}; SpeechToText gives words with times` },
  streamer: { neutral: [], reason: `${RUNTIME}; SpeechToText is made for streams` },
};

const HANDLED = new Set([
  "max_new_tokens",
  "max_length",
  "audio_window_size",
  "bos_token_id",
  "generation_config",
  "signal",
  "onProgress",
]);

/** Frames of the input, and the start token of the model. */
export interface GenerationInput {
  readonly frames: number;
  readonly bosTokenId: number;
}

/** The core's parameters for `options` over the defaults in `config`. */
export function generationParams(
  options: Readonly<Record<string, unknown>>,
  config: GenerationConfig,
  input: GenerationInput,
): GenerationParams {
  const settings = { ...config.to_dict(), ...options };
  checkNames(options);
  checkRefused(settings);
  warnIgnored(options);
  const { bos_token_id: bos } = settings;
  if (bos !== undefined && bos !== null && bos !== input.bosTokenId) {
    throw refusal("bos_token_id", bos, `this model starts with ${input.bosTokenId}`);
  }
  return { maxNewTokens: newTokens(settings, input.frames), audioWindowSize: windowSize(settings) };
}

function checkNames(options: Readonly<Record<string, unknown>>): void {
  const unknown = Object.keys(options).filter(
    (name) => !HANDLED.has(name) && !IGNORED.has(name) && !NEUTRAL.has(name) && !Object.hasOwn(REFUSED, name),
  );
  if (unknown.length > 0) {
    throw invalidArgument(
      `The following \`model_kwargs\` are not used by the model: [${unknown.map((name) => `'${name}'`).join(", ")}]`,
      "Check the spelling, or leave them out.",
    );
  }
}

function checkRefused(settings: Readonly<Record<string, unknown>>): void {
  for (const [name, { neutral, reason }] of Object.entries(REFUSED)) {
    const value = settings[name];
    const isEmpty = Array.isArray(value) && value.length === 0;
    if (value !== undefined && value !== null && !isEmpty && !neutral.includes(value)) {
      throw refusal(name, value, reason);
    }
  }
}

function refusal(name: string, value: unknown, reason: string): SttError {
  return invalidArgument(`generate() does not support '${name}' = ${show(value)}: ${reason}`, `Leave out '${name}'.`);
}

function warnIgnored(options: Readonly<Record<string, unknown>>): void {
  const ignored = Object.keys(options).filter((name) => IGNORED.has(name) && isSet(options[name]));
  if (ignored.length > 0) {
    warn(
      `The following generation flags are not valid and may be ignored: [${ignored.map((name) => `'${name}'`).join(", ")}]`,
    );
  }
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false;
}

function newTokens(settings: Readonly<Record<string, unknown>>, frames: number): number {
  const { max_new_tokens: requested, max_length: maxLength } = settings;
  if (maxLength !== undefined && maxLength !== null) {
    warn("Both `max_new_tokens` and `max_length` seem to have been set. `max_new_tokens` will take precedence.");
  }
  if (frames < 1) {
    throw new SttError(
      "ERR_INVALID_AUDIO",
      "input_values hold less than one frame of audio, so there is nothing to generate",
      {
        remedy: "Pass what the processor returns: it adds the silence that the model needs.",
      },
    );
  }
  if (requested === undefined || requested === null) {
    return frames;
  }
  if (!Number.isInteger(requested) || Number(requested) <= 0) {
    throw invalidArgument(`\`max_new_tokens\` must be an integer greater than 0, but is ${show(requested)}`);
  }
  if (Number(requested) > frames) {
    warn(
      `\`max_new_tokens\` (${requested}) is greater than the maximum number of audio frames (${frames}). ` +
        `Setting \`max_new_tokens\` to ${frames}.`,
    );
  }
  return Math.min(Number(requested), frames);
}

/** Frames per codec call; 0 in the core's terms: everything in one call. */
function windowSize({ audio_window_size: size }: Readonly<Record<string, unknown>>): number {
  checkInteger("audio_window_size", size ?? undefined, 1, 2 ** 31 - 1);
  return typeof size === "number" ? size : 0;
}
