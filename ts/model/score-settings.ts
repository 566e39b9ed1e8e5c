/** Settings of generate() that act on the scores of the next token: checked, and in the core's terms. */
import type { GenerationRules } from "../contract/generation.js";
import type { GenerationOptions } from "./generate-options.js";
import { warn } from "./logger.js";
import { checkBoolean, invalidArgument, show } from "./option-checks.js";

type ScoreRules = Omit<GenerationRules, "pause" | "record" | "hiddenStates" | "attentions" | "sequences" | "seed">;

/** Start token included. */
const PROMPT_LENGTH = 1;

export function scoreRules(settings: GenerationOptions, maxNewTokens: number): ScoreRules {
  const eos = readEos(settings.eos_token_id);
  const suppress = readList("suppress_tokens", settings.suppress_tokens);
  const forcedEos = readIds("forced_eos_token_id", settings.forced_eos_token_id);
  const forcedBos = readIds("forced_bos_token_id", settings.forced_bos_token_id);
  checkForced("forced_bos_token_id", forcedBos, suppress);
  checkForced("forced_eos_token_id", forcedEos, suppress);
  const [decayStart, decayFactor] = readDecay(settings.exponential_decay_length_penalty, eos);
  return {
    padId: readPad(settings.pad_token_id, eos),
    biases: readBiases(settings.sequence_bias),
    badWords: readBadWords(settings.bad_words_ids, eos),
    repetitionPenalty: read(
      settings.repetition_penalty,
      1,
      (value) => value > 0,
      (value) => `\`repetition_penalty\` has to be a strictly positive float, but is ${value}`,
    ),
    noRepeatNgram: readCount("no_repeat_ngram_size", settings.no_repeat_ngram_size),
    eos,
    ...readMinimum(settings, maxNewTokens),
    forcedBos: forcedBos[0] ?? -1,
    forcedEos,
    removeInvalid: readFlag("remove_invalid_values", settings.remove_invalid_values),
    decayStart,
    decayFactor,
    suppress,
    beginSuppress: readList("begin_suppress_tokens", settings.begin_suppress_tokens),
    ...readSampling(settings),
    renormalize: readFlag("renormalize_logits", settings.renormalize_logits),
  };
}

type Sampling = Pick<
  GenerationRules,
  "sample" | "temperature" | "topH" | "topK" | "topP" | "minP" | "typicalP" | "epsilonCutoff" | "etaCutoff"
>;

function readSampling(settings: GenerationOptions): Sampling {
  const sample = readFlag("do_sample", settings.do_sample);
  if (!sample) {
    const off = { topH: 0, topK: 0, topP: 1, minP: 0, typicalP: 1, epsilonCutoff: 0, etaCutoff: 0 };
    return { sample, temperature: 1, ...off };
  }
  return {
    sample,
    temperature: read(settings.temperature, 1, (value) => value > 0, temperatureMessage),
    topH: read(
      settings.top_h,
      0,
      (value) => value > 0 && value <= 1,
      (value) => `\`top_h\` must be in the range (0, 1], but is ${value}`,
    ),
    topK: read(
      settings.top_k,
      0,
      (value) => Number.isInteger(value) && value >= 0,
      (value) => `\`top_k\` has to be a strictly positive integer, but is ${value}`,
    ),
    topP: readShare("top_p", settings.top_p, 1, "has to be a float > 0 and < 1", (value) => value >= 0 && value <= 1),
    minP: readShare(
      "min_p",
      settings.min_p,
      0,
      "has to be a float in the [0, 1] interval",
      (value) => value >= 0 && value <= 1,
    ),
    typicalP: readShare(
      "typical_p",
      settings.typical_p,
      1,
      "has to be a float > 0 and < 1",
      (value) => value > 0 && value <= 1,
    ),
    epsilonCutoff: readCutoff("epsilon_cutoff", settings.epsilon_cutoff),
    etaCutoff: readCutoff("eta_cutoff", settings.eta_cutoff),
  };
}

function temperatureMessage(value: string): string {
  const hint = value === "0" ? " If you're looking for greedy decoding strategies, set `do_sample=False`." : "";
  return (
    `\`temperature\` (=${value}) has to be a strictly positive float, otherwise your next token scores will be ` +
    `invalid.${hint}`
  );
}

function readCutoff(name: string, value: unknown): number {
  return readShare(name, value, 0, "has to be a float > 0 and < 1", (number) => number >= 0 && number < 1);
}

function readShare(
  name: string,
  value: unknown,
  otherwise: number,
  wanted: string,
  fits: (value: number) => boolean,
): number {
  return read(value, otherwise, fits, (found) => `\`${name}\` ${wanted}, but is ${found}`);
}

function read(
  value: unknown,
  otherwise: number,
  fits: (value: number) => boolean,
  message: (found: string) => string,
): number {
  if (value === undefined || value === null) {
    return otherwise;
  }
  if (typeof value !== "number" || !Number.isFinite(value) || !fits(value)) {
    throw invalidArgument(message(show(value)));
  }
  return value;
}

function readCount(name: string, value: unknown): number {
  return read(
    value,
    0,
    (number) => Number.isInteger(number) && number >= 0,
    (found) => `\`${name}\` has to be a non-negative integer, but is ${found}`,
  );
}

function readFlag(name: string, value: unknown): boolean {
  checkBoolean(name, value ?? undefined);
  return value === true;
}

function isId(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) < 2 ** 31;
}

/** One id or a list. */
function readIds(name: string, value: unknown): Int32Array {
  return readList(name, typeof value === "number" ? [value] : value);
}

/** Ids below 0 end nothing, which transformers says in the same words. */
function readEos(value: unknown): Int32Array {
  const ids: unknown[] = Array.isArray(value) ? value : [value];
  const negative = ids.filter((id) => Number.isInteger(id) && Number(id) < 0);
  if (negative.length === 0) {
    return readIds("eos_token_id", value);
  }
  warn(
    `\`eos_token_id\` should consist of positive integers, but is ${listed(value)}. Your generation will not stop until ` +
      "the maximum length is reached.",
  );
  return readIds(
    "eos_token_id",
    ids.filter((id) => !negative.includes(id)),
  );
}

function readList(name: string, value: unknown): Int32Array {
  if (value === undefined || value === null) {
    return new Int32Array();
  }
  if (!Array.isArray(value) || !value.every(isId)) {
    throw invalidArgument(`\`${name}\` has to be a list of positive integers, but is ${listed(value)}`);
  }
  return Int32Array.from(value);
}

function listed(value: unknown): string {
  return Array.isArray(value) ? JSON.stringify(value) : show(value);
}

function readBadWords(value: unknown, eos: Int32Array): GenerationRules["badWords"] {
  if (value === undefined || value === null) {
    return [];
  }
  if (!Array.isArray(value) || value.length === 0) {
    throw invalidArgument(`\`bad_words_ids\` has to be a non-empty list, but is ${listed(value)}`);
  }
  if (value.some((word) => !Array.isArray(word))) {
    throw invalidArgument(`\`bad_words_ids\` has to be a list of lists, but is ${listed(value)}`);
  }
  if (value.some((word: unknown[]) => word.length === 0 || !word.every(isId))) {
    throw invalidArgument(
      `Each list in \`bad_words_ids\` has to be a list of positive integers, but is ${listed(value)}`,
    );
  }
  // As in the reference: an end cannot be forbidden this way.
  const words = (value as number[][]).filter((word) => word.length > 1 || !eos.includes(word[0] ?? -1));
  return words.map((ids) => ({ ids: Int32Array.from(ids) }));
}

function readBiases(value: unknown): GenerationRules["biases"] {
  if (value === undefined || value === null) {
    return [];
  }
  const isPair = (entry: unknown): entry is [number[], number] =>
    Array.isArray(entry) &&
    entry.length === 2 &&
    Array.isArray(entry[0]) &&
    entry[0].length > 0 &&
    entry[0].every(isId) &&
    typeof entry[1] === "number" &&
    !Number.isNaN(entry[1]);
  if (!Array.isArray(value) || value.length === 0 || !value.every(isPair)) {
    throw invalidArgument(
      "`sequence_bias` has to be a non-empty list of pairs, each a non-empty list of positive integers and a float, " +
        `but is ${listed(value)}`,
    );
  }
  // The last of equal sequences counts, as where they are keys.
  const bySequence = new Map(value.map(([ids, bias]) => [ids.join(), { ids: Int32Array.from(ids), bias }]));
  return [...bySequence.values()];
}

function readPad(value: unknown, eos: Int32Array): number {
  if (value === undefined || value === null) {
    return eos[0] ?? -1;
  }
  if (Number.isInteger(value) && Number(value) < 0 && eos.length === 0) {
    warn("The following generation flags are not valid and may be ignored: ['pad_token_id']");
    return -1;
  }
  if (!isId(value)) {
    throw invalidArgument(`\`pad_token_id\` should be a positive integer, but is ${show(value)}`);
  }
  return value;
}

function readMinimum(
  settings: GenerationOptions,
  maxNewTokens: number,
): Pick<GenerationRules, "minLength" | "minNewTokens"> {
  const { min_new_tokens: wanted } = settings;
  const asked = readCount("min_length", settings.min_length);
  const minNewTokens = readCount("min_new_tokens", wanted);
  const isOverruled = wanted !== undefined && wanted !== null && asked > 0;
  if (isOverruled) {
    warn(
      `Both \`min_new_tokens\` (=${minNewTokens}) and \`min_length\`(=${asked}) seem to have been set. ` +
        "`min_new_tokens` will take precedence.",
    );
  }
  const minLength = isOverruled ? 0 : asked;
  const most = maxNewTokens + PROMPT_LENGTH;
  if (minLength > most) {
    warn(
      `Unfeasible length constraints: \`min_length\` (${minLength}) is larger than the maximum possible length (${most}).`,
    );
  }
  if (minNewTokens > maxNewTokens) {
    warn(
      `Unfeasible length constraints: \`min_new_tokens\` (${minNewTokens}), when added to the prompt length ` +
        `(${PROMPT_LENGTH}), is larger than the maximum possible length (${most}).`,
    );
  }
  return { minLength, minNewTokens };
}

function readDecay(value: unknown, eos: Int32Array): [start: number, factor: number] {
  if (value === undefined || value === null) {
    return [-1, 1];
  }
  const [start, factor] = Array.isArray(value) ? value : [];
  if (!Array.isArray(value) || value.length !== 2 || !isId(start) || !Number.isFinite(factor)) {
    throw invalidArgument(
      `\`exponential_decay_length_penalty\` has to be [new tokens, factor], but is ${listed(value)}`,
    );
  }
  if (eos.length === 0) {
    throw invalidArgument(
      "`exponential_decay_length_penalty` makes an end likelier, but `eos_token_id` names none",
      "Give eos_token_id, too.",
    );
  }
  return [start, Number(factor)];
}

function checkForced(name: string, forced: Int32Array, suppressed: Int32Array): void {
  if (forced.length > 0 && forced.every((id) => suppressed.includes(id))) {
    throw invalidArgument(
      `Every token in \`${name}\` (${listed([...forced])}) is also in \`suppress_tokens\``,
      "Remove the overlapping tokens from either.",
    );
  }
}
