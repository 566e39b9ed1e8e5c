/** Which options of generate() mean nothing here, which change nothing, and why the others are refused. */
import { warn } from "./logger.js";
import { invalidArgument, show } from "./option-checks.js";

type Settings = Readonly<Record<string, unknown>>;

/** Options that only matter with sampling; without, the reference ignores them with this warning, too. */
const SAMPLING = [
  "temperature",
  "top_k",
  "top_p",
  "min_p",
  "top_h",
  "typical_p",
  "epsilon_cutoff",
  "eta_cutoff",
  "seed",
];

/** Options of beam search, which the reference ignores with the same warning. */
const BEAMS = ["length_penalty", "early_stopping"];

const EXTRA_OUTPUTS = ["output_attentions", "output_hidden_states", "output_scores", "output_logits"];

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
]);

const ONE = "audio state belongs to one hypothesis per sequence";
const PROMPT = "there is no text prompt";
const INPUTS = "generation starts from audio (input_values) and the start token";
const SECOND = "there is no second model";

/** Values that are the same as leaving the option out, and the reason why no other value is taken. */
const REFUSED: Readonly<Record<string, { neutral: readonly unknown[]; reason: string }>> = {
  num_beams: { neutral: [1], reason: ONE },
  num_beam_groups: { neutral: [1], reason: ONE },
  diversity_penalty: { neutral: [0], reason: ONE },
  constraints: { neutral: [], reason: ONE },
  force_words_ids: { neutral: [], reason: ONE },
  penalty_alpha: { neutral: [0], reason: "contrastive search needs several passes per token" },
  dola_layers: { neutral: [], reason: "every layer would need a head" },
  guidance_scale: { neutral: [1], reason: PROMPT },
  encoder_repetition_penalty: { neutral: [1], reason: PROMPT },
  encoder_no_repeat_ngram_size: { neutral: [0], reason: PROMPT },
  token_healing: { neutral: [false], reason: PROMPT },
  prompt_lookup_num_tokens: { neutral: [], reason: PROMPT },
  negative_prompt_ids: { neutral: [], reason: PROMPT },
  watermarking_config: { neutral: [], reason: "a transcript is no place for a watermark" },
  stop_strings: { neutral: [], reason: "the model has no tokenizer here; use stopping_criteria" },
  use_cache: { neutral: [true], reason: "without its cache the model would see beyond its window" },
  assistant_model: { neutral: [], reason: SECOND },
  assistant_early_exit: { neutral: [], reason: SECOND },
  assistant_ensemble_weight: { neutral: [], reason: SECOND },
  speculation_type: { neutral: [], reason: SECOND },
  use_mtp: { neutral: [false], reason: SECOND },
  custom_generate: { neutral: [], reason: "pass logits_processor and stopping_criteria instead" },
  synced_gpus: { neutral: [false], reason: "there is one device" },
  input_ids: { neutral: [], reason: INPUTS },
  inputs: { neutral: [], reason: INPUTS },
  inputs_embeds: { neutral: [], reason: INPUTS },
  decoder_input_ids: { neutral: [], reason: INPUTS },
  attention_mask: { neutral: [], reason: INPUTS },
  position_ids: { neutral: [], reason: INPUTS },
  past_key_values: { neutral: [], reason: INPUTS },
  return_timestamps: { neutral: [false], reason: "generate() gives tokens; SpeechToText gives words with times" },
};

/** Refuses what is unknown or cannot be honoured, and warns of what has no effect. */
export function checkSupport(options: Settings, settings: Settings, handled: ReadonlySet<string>): void {
  const known = new Set([...handled, ...NEUTRAL, ...SAMPLING, ...BEAMS, ...EXTRA_OUTPUTS, ...Object.keys(REFUSED)]);
  const unknown = Object.keys(options).filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw invalidArgument(
      `The following \`model_kwargs\` are not used by the model: ${listed(unknown)}`,
      "Check the spelling, or leave them out.",
    );
  }
  for (const [name, { neutral, reason }] of Object.entries(REFUSED)) {
    const value = settings[name];
    if (isSet(value) && value !== undefined && !neutral.includes(value)) {
      throw refusal(name, value, reason);
    }
    if (value === false && !neutral.includes(false)) {
      throw refusal(name, value, reason);
    }
  }
  const useless = settings["do_sample"] === true ? BEAMS : [...SAMPLING, ...BEAMS];
  const ignored = Object.keys(options).filter((name) => useless.includes(name) && isSet(options[name]));
  if (ignored.length > 0) {
    warn(`The following generation flags are not valid and may be ignored: ${listed(ignored)}`);
  }
  for (const name of EXTRA_OUTPUTS) {
    if (settings[name] === true && settings["return_dict_in_generate"] !== true) {
      warn(
        `\`return_dict_in_generate\` is NOT set to \`True\`, but \`${name}\` is. When \`return_dict_in_generate\` is not ` +
          `\`True\`, \`${name}\` is ignored.`,
      );
    }
  }
}

export function refusal(name: string, value: unknown, reason: string): Error {
  return invalidArgument(`generate() does not support '${name}' = ${show(value)}: ${reason}`, `Leave out '${name}'.`);
}

function listed(names: readonly string[]): string {
  return `[${names.map((name) => `'${name}'`).join(", ")}]`;
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && !(Array.isArray(value) && value.length === 0);
}
