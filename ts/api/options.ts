/** Options of the facade and their checks. */
import type { AudioSource, RawAudio } from "../audio/types.js";
import type { DownloadProgress, HubOptions } from "../hub/types.js";
import { checkEngineOptions } from "../model/engine-loader.js";
import {
  checkBoolean,
  checkFunction,
  checkInteger,
  checkOptions,
  checkSignal,
  checkText,
  invalidArgument,
  show,
} from "../model/option-checks.js";
import type { BackendPreference } from "../model/runtime.js";
import { type Channels, checkChannels } from "./channel-labels.js";
import { checkSampleRate } from "./pcm-chunks.js";
import { checkSessionOptions, type SessionOptions } from "./session-options.js";
import type { TranscriptionEvent } from "./transcript.js";

const MAX_WAITING = 65_536;

/** How far loading or transcribing is. */
export interface Progress {
  /** What is being done. */
  readonly stage: "download" | "load" | "transcribe";
  /** Bytes of files (download) or weights (load), or seconds of audio (transcribe). */
  readonly done: number;
  /** undefined while the length of the audio is not known yet. */
  readonly total: number | undefined;
  /** Of a download: its files one by one, the bytes per second, and the seconds that remain if that can be said. */
  readonly download?: {
    /** "owner/name". */
    readonly repository: string;
    /** Its file under way. */
    readonly file: string;
    /** Bytes of the file. */
    readonly fileDone: number;
    /** Bytes of the file. */
    readonly fileTotal: number;
    /** Bytes per second. */
    readonly rate: number;
    /** Seconds. */
    readonly eta: number | undefined;
  };
}

/** Of a model on the Hub. */
export interface HubLoadOptions {
  /** Branch, tag or commit. Default: "main". */
  revision?: string | undefined;
  /** Folder of downloaded models. Default: that of huggingface_hub. */
  cacheDir?: string | undefined;
  /** Use what is in the cache, without asking the Hub. Default: false, or as HF_HUB_OFFLINE says. */
  localFilesOnly?: boolean | undefined;
  /** Default: HF_TOKEN or the stored login; false: none. */
  token?: string | false | undefined;
  /** Aborting rejects with ERR_ABORTED. */
  signal?: AbortSignal | undefined;
  /** Called often; what it throws ends the call. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** Options of SpeechToText.load(). */
export interface LoadOptions extends HubLoadOptions {
  /** Default "auto": the best one that works here. */
  backend?: BackendPreference | undefined;
  /** 1 to 256; default: chosen by the core. */
  threads?: number | undefined;
  /** Sessions and recordings computed at once, 1 to 4096, default 1; further ones wait. Each takes memory. */
  slots?: number | undefined;
  /** Audio streams to read, as unmute does with 20 of 32: cheaper, and a little less exact. Default: all. */
  codebooks?: number | undefined;
  /**
   * Take a checkpoint as transformers has it: one in Kyutai's own layout as its conversion would make it, and
   * `kyutai/stt-1b-en_fr-trfs` with its window of 375 steps instead of the 750 it was trained with (docs/layouts.md).
   * Default: false.
   */
  transformersCompat?: boolean | undefined;
  /** Live sessions that may wait for a slot, 0 to 65536, default 256; another one is refused with ERR_NO_SLOT. */
  maxWaiting?: number | undefined;
}

/** What transcribe() shares with live sessions. */
type SharedOptions = Pick<
  SessionOptions,
  "turns" | "refresh" | "prompt" | "bannedTokens" | "allowedTokens" | "priority" | "prefixSeconds" | "tailSeconds"
>;

/** As for live sessions, but `priority` is "file" and `turns` is off by default. */
export interface TranscribeOptions extends SharedOptions {
  /** Hz; needed for a bare Float32Array and for nothing else. */
  rate?: number | undefined;
  /** Transcribe what a file that ends early holds, with a warning. Default: an error. */
  acceptTruncated?: boolean | undefined;
  /** Transcribe each channel by itself, with its name at every word. Needs a slot per channel. Default: their mean. */
  channels?: Channels | undefined;
  /** Aborting rejects with ERR_ABORTED. */
  signal?: AbortSignal | undefined;
  /** Called after every portion of audio. */
  onProgress?: ((progress: Progress) => void) | undefined;
  /** Words as they come, growing ones included; turns, with `turns`; refreshes. What it throws ends the call. */
  onEvent?: ((event: TranscriptionEvent) => void) | undefined;
}

/** A path, URL, file bytes, a stream of file bytes, or samples (an array with `rate` in the options). */
export type TranscribeSource = AudioSource | Float32Array;

const LOAD_OPTIONS: readonly (keyof LoadOptions)[] = [
  "backend",
  "threads",
  "slots",
  "codebooks",
  "transformersCompat",
  "maxWaiting",
  "revision",
  "cacheDir",
  "localFilesOnly",
  "token",
  "signal",
  "onProgress",
];

export function checkLoadOptions(options: LoadOptions): void {
  checkOptions("load", options, LOAD_OPTIONS);
  checkEngineOptions(options);
  checkInteger("maxWaiting", options.maxWaiting, 0, MAX_WAITING);
  checkHubOptions(options);
}

export function checkHubOptions(options: HubLoadOptions): void {
  checkSignal(options.signal);
  checkFunction("onProgress", options.onProgress);
  checkText("revision", options.revision);
  checkText("cacheDir", options.cacheDir);
  checkBoolean("localFilesOnly", options.localFilesOnly);
  if (options.token !== false) {
    checkText("token", options.token);
  }
}

/** The options in the terms of the Hub layer. */
export function toHubOptions({ onProgress, ...options }: HubLoadOptions): HubOptions {
  return {
    revision: options.revision,
    cache_dir: options.cacheDir,
    local_files_only: options.localFilesOnly,
    token: options.token,
    signal: options.signal,
    onProgress: onProgress === undefined ? undefined : (progress) => onProgress(toProgress(progress)),
  };
}

function toProgress({ model, file, loaded, total, overall }: DownloadProgress): Progress {
  const { rate, eta } = overall;
  return {
    stage: "download",
    done: overall.loaded,
    total: overall.total,
    download: { repository: model, file, fileDone: loaded, fileTotal: total, rate, eta },
  };
}

const SHARED_KEYS = [
  "turns",
  "refresh",
  "prompt",
  "bannedTokens",
  "allowedTokens",
  "priority",
  "prefixSeconds",
  "tailSeconds",
] as const satisfies readonly (keyof SharedOptions)[];

export function checkTranscribeOptions(options: TranscribeOptions): void {
  const own = ["rate", "acceptTruncated", "channels", "signal", "onProgress", "onEvent"];
  checkOptions("transcribe", options, [...own, ...SHARED_KEYS]);
  checkSignal(options.signal);
  checkFunction("onProgress", options.onProgress);
  checkFunction("onEvent", options.onEvent);
  checkBoolean("acceptTruncated", options.acceptTruncated);
  checkChannels(options.channels);
  checkSessionOptions(sharedOptions(options), "transcribe");
}

/** What of the options goes to the session. */
export function sharedOptions(options: TranscribeOptions): SessionOptions {
  const shared = Object.fromEntries(SHARED_KEYS.map((key) => [key, options[key]])) as SharedOptions;
  return { ...shared, turns: options.turns ?? false, priority: options.priority ?? "file" };
}

/** The source in the terms of decodeAudio. */
export function toAudioSource(audio: TranscribeSource, rate: number | undefined): AudioSource {
  if (!(audio instanceof Float32Array)) {
    if (rate !== undefined) {
      throw invalidArgument(
        "'rate' goes with a Float32Array only; other sources state their own rate",
        "Leave out 'rate'.",
      );
    }
    checkSource(audio);
    return audio;
  }
  if (rate === undefined) {
    throw invalidArgument(
      "samples in a Float32Array need their sample rate",
      "Pass transcribe(samples, { rate }) or transcribe({ samples, rate }), rate in Hz.",
    );
  }
  checkSampleRate(rate);
  return { samples: audio, rate };
}

function checkSource(audio: unknown): void {
  const isKnown =
    (typeof audio === "string" && audio !== "") ||
    audio instanceof URL ||
    audio instanceof Uint8Array ||
    audio instanceof ArrayBuffer ||
    audio instanceof Blob ||
    (typeof audio === "object" &&
      audio !== null &&
      (Symbol.asyncIterator in audio || audio instanceof ReadableStream || isRaw(audio)));
  if (!isKnown) {
    throw invalidArgument(
      `audio is missing or of an unknown kind: ${show(audio)}`,
      "Pass a path, URL, Buffer, Blob, stream of bytes, { samples, rate }, or a Float32Array with the option 'rate'.",
    );
  }
  if (typeof audio === "object" && audio !== null && isRaw(audio)) {
    checkSampleRate(audio.rate);
  }
}

function isRaw(audio: object): audio is RawAudio {
  return "samples" in audio && "rate" in audio;
}
