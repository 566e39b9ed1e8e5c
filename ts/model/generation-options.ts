/** What one call of generate() is to do: its options over the defaults, checked, and in the core's terms. */

import { SttError } from "../contract/errors.js";
import type { GenerationParams, GenerationRules } from "../contract/generation.js";
import type {
  GenerateOptions,
  LogitsProcessor,
  PrefixAllowedTokens,
  StoppingCriteria,
  Streamer,
} from "./generate-options.js";
import { GenerationConfig } from "./generation-config.js";
import { checkSupport, refusal } from "./generation-support.js";
import { warn } from "./logger.js";
import { checkBoolean, checkFunction, checkInteger, invalidArgument, show } from "./option-checks.js";
import { scoreRules } from "./score-settings.js";

/** Frames of the input, and the start token of the model. */
export interface GenerationInput {
  readonly frames: number;
  readonly bosTokenId: number;
}

/** What the caller takes part in between two steps. */
export interface StepCallbacks {
  readonly processors: readonly LogitsProcessor[];
  readonly criteria: readonly StoppingCriteria[];
  readonly prefixTokens: PrefixAllowedTokens | undefined;
  readonly streamer: Streamer | undefined;
  /** Seconds; undefined: no limit. */
  readonly maxTime: number | undefined;
}

/** What the result holds beside the tokens; undefined: the result is the tokens. */
export interface WantedOutputs {
  readonly scores: boolean;
  readonly logits: boolean;
  readonly hiddenStates: boolean;
  readonly attentions: boolean;
}

export interface GenerationPlan {
  readonly params: GenerationParams;
  /** Sequences per row of audio. */
  readonly sequences: number;
  readonly callbacks: StepCallbacks;
  readonly outputs: WantedOutputs | undefined;
  /** Whether something happens between a step's scores and its choice. */
  readonly stepwise: boolean;
}

/** `options` without the input, over `overrides` (the argument generation_config) and `defaults` (the model's). */
export function planGeneration(
  options: Readonly<Record<string, unknown>>,
  overrides: unknown,
  defaults: GenerationConfig,
  input: GenerationInput,
): GenerationPlan {
  const settings = mergeSettings(options, overrides, defaults);
  checkSupport(options, settings);
  const { bos_token_id: bos } = settings;
  if (bos !== undefined && bos !== null && bos !== input.bosTokenId) {
    throw refusal("bos_token_id", bos, `this model starts with ${input.bosTokenId}`);
  }
  const maxNewTokens = newTokens(settings, input.frames);
  const callbacks = readCallbacks(settings);
  const outputs = readOutputs(settings);
  const sequences = readSequences(settings);
  const stepwise =
    callbacks.processors.length > 0 ||
    callbacks.criteria.length > 0 ||
    callbacks.prefixTokens !== undefined ||
    callbacks.streamer !== undefined ||
    callbacks.maxTime !== undefined ||
    (outputs !== undefined && Object.values(outputs).includes(true));
  const rules: GenerationRules = {
    ...scoreRules(settings, maxNewTokens),
    sequences,
    seed: readSeed(settings["seed"]),
    pause: stepwise,
    record: outputs !== undefined,
    hiddenStates: outputs?.hiddenStates === true,
    attentions: outputs?.attentions === true,
  };
  const params = { maxNewTokens, audioWindowSize: windowSize(settings) };
  return {
    params: isPlain(rules) ? params : { ...params, rules },
    sequences,
    callbacks,
    outputs,
    stepwise,
  };
}

/** Of transformers' GenerationConfig, which apply where nothing else is said. */
const DEFAULTS = { top_k: 50 };

/**
 * Call over argument over model. In the two configurations null counts as unset; the call may say null and mean none.
 * Their `max_new_tokens` does not count, as in transformers, whose generate() always passes the number of frames: a limit
 * stored with a checkpoint must not cut off a recording.
 */
function mergeSettings(
  options: Readonly<Record<string, unknown>>,
  overrides: unknown,
  defaults: GenerationConfig,
): GenerateOptions {
  if (overrides !== undefined && overrides !== null && (typeof overrides !== "object" || Array.isArray(overrides))) {
    throw invalidArgument(`'generation_config' must be a GenerationConfig or an object, not ${show(overrides)}`);
  }
  const given = overrides instanceof GenerationConfig ? overrides.to_dict() : ((overrides ?? {}) as object);
  const configured: Record<string, unknown> = { ...DEFAULTS, ...setEntries(defaults.to_dict()), ...setEntries(given) };
  const { max_new_tokens: limit, ...rest } = configured;
  if (limit !== undefined && options["max_new_tokens"] === undefined) {
    warn(
      `\`max_new_tokens\` (${String(limit)}) of the generation config is overruled by the number of audio frames, as in ` +
        "transformers. Pass `max_new_tokens` in the call to generate fewer.",
    );
  }
  const called = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...rest, ...Object.fromEntries(called) } as GenerateOptions;
}

function setEntries(values: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null && value !== undefined));
}

/** Whether the best logit is the token, so that the core can do all steps in a row. */
function isPlain(rules: GenerationRules): boolean {
  const { seed, padId, decayFactor, ...rest } = rules;
  return Object.entries(rest).every(([name, value]) =>
    typeof value === "object" ? value.length === 0 : value === PLAIN[name as keyof typeof rest],
  );
}

const PLAIN: Partial<GenerationRules> = {
  sequences: 1,
  pause: false,
  record: false,
  hiddenStates: false,
  attentions: false,
  repetitionPenalty: 1,
  noRepeatNgram: 0,
  minLength: 0,
  minNewTokens: 0,
  forcedBos: -1,
  removeInvalid: false,
  decayStart: -1,
  sample: false,
  temperature: 1,
  topH: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  typicalP: 1,
  epsilonCutoff: 0,
  etaCutoff: 0,
  renormalize: false,
};

function newTokens(settings: GenerateOptions, frames: number): number {
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
function windowSize({ audio_window_size: size }: GenerateOptions): number {
  checkInteger("audio_window_size", size ?? undefined, 1, 2 ** 31 - 1);
  return typeof size === "number" ? size : 0;
}

function readSequences({ num_return_sequences: sequences, do_sample: sample }: GenerateOptions): number {
  checkInteger("num_return_sequences", sequences ?? undefined, 1, 4096);
  if (typeof sequences === "number" && sequences > 1 && sample !== true) {
    throw invalidArgument(
      "Greedy methods (do_sample != True) without beam search do not support `num_return_sequences` different than 1 " +
        `(got ${sequences})`,
      "Set do_sample: true.",
    );
  }
  return sequences ?? 1;
}

function readSeed(seed: unknown): bigint {
  if (seed === undefined || seed === null) {
    return globalThis.crypto.getRandomValues(new BigUint64Array(1))[0] ?? 0n;
  }
  const isWhole = typeof seed === "bigint" || Number.isSafeInteger(seed);
  if (!isWhole || BigInt(seed as number) < 0n || BigInt(seed as number) >= 2n ** 64n) {
    throw invalidArgument(`'seed' must be a whole number from 0 to 2^64 - 1, not ${show(seed)}`);
  }
  return BigInt(seed as number);
}

function readCallbacks(settings: GenerateOptions): StepCallbacks {
  const { streamer, prefix_allowed_tokens_fn: prefixTokens, max_time: maxTime } = settings;
  checkFunction("prefix_allowed_tokens_fn", prefixTokens ?? undefined);
  if (streamer !== undefined && streamer !== null) {
    const { put, end } = streamer as Partial<Streamer>;
    if (typeof put !== "function" || typeof end !== "function") {
      throw invalidArgument(`'streamer' must have the methods put and end, which ${show(streamer)} lacks`);
    }
  }
  if (maxTime !== undefined && maxTime !== null && !(typeof maxTime === "number" && maxTime > 0)) {
    throw invalidArgument(`'max_time' must be a number of seconds above 0, not ${show(maxTime)}`);
  }
  return {
    processors: readFunctions<LogitsProcessor>("logits_processor", settings.logits_processor),
    criteria: readFunctions<StoppingCriteria>("stopping_criteria", settings.stopping_criteria),
    prefixTokens: prefixTokens ?? undefined,
    streamer: streamer ?? undefined,
    maxTime: maxTime ?? undefined,
  };
}

/** One function, or whatever holds several (an array, or a list of transformers.js). */
function readFunctions<F>(name: string, value: unknown): F[] {
  if (value === undefined || value === null) {
    return [];
  }
  const isList = typeof value === "object" && Symbol.iterator in value;
  const list: unknown[] = isList ? [...(value as Iterable<unknown>)] : [value];
  for (const entry of list) {
    if (typeof entry !== "function") {
      throw invalidArgument(`'${name}' must be a function or a list of functions, not ${show(entry)}`);
    }
  }
  return list as F[];
}

function readOutputs(settings: GenerateOptions): WantedOutputs | undefined {
  const names = ["output_scores", "output_logits", "output_hidden_states", "output_attentions"] as const;
  for (const name of [...names, "return_dict_in_generate"] as const) {
    checkBoolean(name, settings[name] ?? undefined);
  }
  const [scores, logits, hiddenStates, attentions] = names.map((name) => settings[name] === true);
  return settings.return_dict_in_generate === true
    ? {
        scores: scores === true,
        logits: logits === true,
        hiddenStates: hiddenStates === true,
        attentions: attentions === true,
      }
    : undefined;
}
