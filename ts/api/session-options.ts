/** Options of live sessions, their checks, and what they mean to the core. */
import type { PromptParams, RefreshParams, SessionParams, SessionPriority, TurnParams } from "../contract/session.js";
import { DEFAULT_REFRESH, DEFAULT_SESSION, DEFAULT_TURN } from "../contract/session.js";
import { checkFinite } from "../model/audio-input.js";
import {
  checkBoolean,
  checkInteger,
  checkOptions,
  checkSignal,
  invalidArgument,
  show,
} from "../model/option-checks.js";
import { checkFormat, checkSampleRate, type PcmFormat } from "./pcm-chunks.js";

/** What the model is told before the audio begins; the words of it are not reported. */
export interface PromptOptions {
  /** Hotwords, names, spellings. Needs a model whose tokenizer can encode. */
  text?: string | undefined;
  /** The same as token ids. */
  tokens?: readonly number[] | undefined;
  /** Audio in which the text is spoken, at most 60 s. */
  audio?: { readonly samples: Float32Array; readonly rate: number } | undefined;
}

/** Options of a live session. */
export interface SessionOptions {
  /** Hz, for write() calls that do not say it. */
  rate?: number | undefined;
  /** Of bytes, for write() calls that do not say it. */
  format?: PcmFormat | undefined;
  /** Words as they grow, with `final: false`. Default true. */
  partials?: boolean | undefined;
  /** Turn detection: `speech` and `pause` events. Default true. */
  turns?: boolean | Partial<TurnParams> | undefined;
  /** A `vad` event per frame, for models with pause heads. Default false. */
  vad?: boolean | undefined;
  /** A `token` event per step. Default false. */
  tokens?: boolean | undefined;
  /** A `progress` event per second of audio. Default false. */
  progress?: boolean | undefined;
  /** Renewal of the decoder's state, the remedy against stalls on long audio. Default true. */
  refresh?: boolean | Partial<RefreshParams> | undefined;
  /** Text or audio that the model is to have heard before. */
  prompt?: PromptOptions | undefined;
  /** Token ids that are never chosen; the pad cannot be among them. */
  bannedTokens?: readonly number[] | undefined;
  /** If any: only these ids, the word boundary and the pad are chosen. */
  allowedTokens?: readonly number[] | undefined;
  /** Files get what live sessions leave. Default "live". */
  priority?: SessionPriority | undefined;
  /** Audio that may wait before write() does: 0.1 to 3600 s, default 10. */
  maxQueuedSeconds?: number | undefined;
  /** "moshi_server": words as Kyutai's server reports them, as moshiWord and moshiEndWord. Default "engine". */
  times?: "engine" | "moshi_server" | undefined;
  /** The server's asr_delay_in_tokens; default: whole steps of the model's delay. */
  moshiDelaySteps?: number | undefined;
  /** Silence fed first, outside all times. Seconds; default: the model's. */
  prefixSeconds?: number | undefined;
  /** Silence fed by end(). Seconds; default: the model's delay + 1. */
  tailSeconds?: number | undefined;
  /** Aborts the session. */
  signal?: AbortSignal | undefined;
}

const SESSION_KEYS = [
  "rate",
  "format",
  "partials",
  "turns",
  "vad",
  "tokens",
  "progress",
  "refresh",
  "prompt",
  "bannedTokens",
  "allowedTokens",
  "priority",
  "maxQueuedSeconds",
  "times",
  "moshiDelaySteps",
  "prefixSeconds",
  "tailSeconds",
  "signal",
] as const satisfies readonly (keyof SessionOptions)[];

const DEFAULT_QUEUED_SECONDS = 10;
const MAX_QUEUED_SECONDS = 3600;
const MAX_SILENCE_SECONDS = 60;
const MAX_PROMPT_SECONDS = 60;
const MAX_STEPS = 2 ** 31 - 1;
const LAST_HEAD = 3;

export function maxQueuedSeconds(options: SessionOptions): number {
  return options.maxQueuedSeconds ?? DEFAULT_QUEUED_SECONDS;
}

/** `where`: the function whose options these are, for messages. */
export function checkSessionOptions(options: SessionOptions, where = "createSession"): void {
  checkOptions(where, options, SESSION_KEYS);
  checkSignal(options.signal);
  checkFormat(options.format);
  if (options.rate !== undefined) {
    checkSampleRate(options.rate);
  }
  for (const name of ["partials", "vad", "tokens", "progress"] as const) {
    checkBoolean(name, options[name]);
  }
  checkTurns(options.turns);
  checkRefresh(options.refresh);
  checkPrompt(options.prompt);
  checkTokens("bannedTokens", options.bannedTokens);
  checkTokens("allowedTokens", options.allowedTokens);
  checkChoice("priority", options.priority, ["live", "file"]);
  checkChoice("times", options.times, ["engine", "moshi_server"]);
  checkNumber("maxQueuedSeconds", options.maxQueuedSeconds, 0.1, MAX_QUEUED_SECONDS);
  checkNumber("prefixSeconds", options.prefixSeconds, 0, MAX_SILENCE_SECONDS);
  checkNumber("tailSeconds", options.tailSeconds, 0, MAX_SILENCE_SECONDS);
  checkInteger("moshiDelaySteps", options.moshiDelaySteps, 0, MAX_STEPS);
}

/** `encode`: text to token ids, asked for only when the prompt has text. */
export async function toSessionParams(
  options: SessionOptions,
  encode: (text: string) => Promise<readonly number[]>,
): Promise<SessionParams> {
  const { turns = true, refresh = true } = options;
  return {
    prefixSeconds: options.prefixSeconds ?? DEFAULT_SESSION.prefixSeconds,
    tailSeconds: options.tailSeconds ?? DEFAULT_SESSION.tailSeconds,
    priority: options.priority ?? "live",
    emitTokens: options.tokens ?? false,
    emitVad: options.vad ?? false,
    emitPartials: options.partials ?? true,
    times: options.times ?? "engine",
    moshiDelaySteps: options.moshiDelaySteps ?? DEFAULT_SESSION.moshiDelaySteps,
    turn: merge(DEFAULT_TURN, turns),
    refresh: merge(DEFAULT_REFRESH, refresh),
    prompt: options.prompt === undefined ? null : await toPrompt(options.prompt, encode),
    bannedTokens: Int32Array.from(options.bannedTokens ?? []),
    allowedTokens: Int32Array.from(options.allowedTokens ?? []),
  };
}

function merge<T extends object>(defaults: Readonly<T>, option: boolean | Partial<T>): T | null {
  if (option === false) {
    return null;
  }
  return { ...defaults, ...(option === true ? {} : withoutUndefined(option)) };
}

function withoutUndefined<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}

async function toPrompt(
  { text, tokens, audio }: PromptOptions,
  encode: (text: string) => Promise<readonly number[]>,
): Promise<PromptParams> {
  return {
    tokens: Int32Array.from(text === undefined ? (tokens ?? []) : await encode(text)),
    pcm: audio?.samples ?? new Float32Array(),
    // The core looks at the rate of a prompt that has audio only.
    rate: audio?.rate ?? 0,
  };
}

function checkTurns(turns: unknown): void {
  if (turns === undefined || typeof turns === "boolean") {
    return;
  }
  const known = Object.keys(DEFAULT_TURN) as (keyof TurnParams)[];
  checkOptions("turns", turns, known);
  const { head, pauseThreshold, speechThreshold, smoothingSeconds, pauseSeconds } = turns as Partial<TurnParams>;
  checkInteger("turns.head", head, 0, LAST_HEAD);
  checkNumber("turns.pauseThreshold", pauseThreshold, 0, 1);
  checkNumber("turns.speechThreshold", speechThreshold, 0, 1);
  checkNumber("turns.smoothingSeconds", smoothingSeconds, 0, MAX_SILENCE_SECONDS);
  checkNumber("turns.pauseSeconds", pauseSeconds, 0, MAX_SILENCE_SECONDS);
  if ((speechThreshold ?? DEFAULT_TURN.speechThreshold) > (pauseThreshold ?? DEFAULT_TURN.pauseThreshold)) {
    throw invalidArgument("'turns.speechThreshold' must not be above 'turns.pauseThreshold'");
  }
}

function checkRefresh(refresh: unknown): void {
  if (refresh === undefined || typeof refresh === "boolean") {
    return;
  }
  const known = Object.keys(DEFAULT_REFRESH) as (keyof RefreshParams)[];
  checkOptions("refresh", refresh, known);
  for (const name of known) {
    checkInteger(`refresh.${name}`, (refresh as Partial<RefreshParams>)[name], 0, MAX_STEPS);
  }
}

function checkPrompt(prompt: unknown): void {
  if (prompt === undefined) {
    return;
  }
  checkOptions("prompt", prompt, ["text", "tokens", "audio"]);
  const { text, tokens, audio } = prompt as PromptOptions;
  if (text !== undefined && typeof text !== "string") {
    throw invalidArgument(`'prompt.text' must be a string, not ${show(text)}`);
  }
  if (text !== undefined && tokens !== undefined) {
    throw invalidArgument("'prompt' takes 'text' or 'tokens', not both");
  }
  checkTokens("prompt.tokens", tokens);
  if (audio !== undefined) {
    if (!(audio?.samples instanceof Float32Array)) {
      throw invalidArgument("'prompt.audio' must be { samples, rate } with samples in a Float32Array");
    }
    checkSampleRate(audio.rate);
    checkFinite(audio.samples, "prompt.audio");
    if (audio.samples.length > MAX_PROMPT_SECONDS * audio.rate) {
      throw invalidArgument(`'prompt.audio' must not be longer than ${MAX_PROMPT_SECONDS} s`);
    }
  }
}

function checkTokens(name: string, tokens: unknown): void {
  if (tokens !== undefined && !(Array.isArray(tokens) && tokens.every((id) => Number.isInteger(id) && id >= 0))) {
    throw invalidArgument(`'${name}' must be an array of token ids`);
  }
}

function checkChoice(name: string, value: unknown, choices: readonly string[]): void {
  if (value !== undefined && !choices.some((choice) => choice === value)) {
    throw invalidArgument(
      `'${name}' must be ${choices.map((choice) => `"${choice}"`).join(" or ")}, not ${show(value)}`,
    );
  }
}

function checkNumber(name: string, value: unknown, min: number, max: number): void {
  if (value !== undefined && !(typeof value === "number" && value >= min && value <= max)) {
    throw invalidArgument(`'${name}' must be a number from ${min} to ${max}, not ${show(value)}`);
  }
}
