/** Options of the facade and their checks. */
import { type AudioSource, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, type RawAudio } from "../audio/types.js";
import { SttError } from "../contract/errors.js";
import { checkEngineOptions } from "../model/engine-loader.js";
import { checkFunction, checkOptions, checkSignal, invalidArgument, show } from "../model/option-checks.js";
import type { BackendPreference } from "../model/runtime.js";

export interface Progress {
  readonly stage: "load" | "transcribe";
  /** Bytes of weights (load) or seconds of audio (transcribe). */
  readonly done: number;
  /** undefined while the length of the audio is not known yet. */
  readonly total: number | undefined;
}

export interface LoadOptions {
  /** Default "auto": the best one that works here. */
  backend?: BackendPreference | undefined;
  /** 1 to 256; default: chosen by the core. */
  threads?: number | undefined;
  /** Recordings transcribed at once, 1 to 4096, default 1; further ones wait. Each takes memory for its state. */
  slots?: number | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
}

export interface TranscribeOptions {
  /** Hz; needed for a bare Float32Array and for nothing else. */
  rate?: number | undefined;
  /** Transcribe what a file that ends early holds, with a warning. Default: an error. */
  acceptTruncated?: boolean | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** A path, URL, file bytes, a stream of file bytes, or samples (an array with `rate` in the options). */
export type TranscribeSource = AudioSource | Float32Array;

export function checkLoadOptions(options: LoadOptions): void {
  checkOptions("load", options, ["backend", "threads", "slots", "signal", "onProgress"]);
  checkEngineOptions(options);
}

export function checkTranscribeOptions(options: TranscribeOptions): void {
  checkOptions("transcribe", options, ["rate", "acceptTruncated", "signal", "onProgress"]);
  checkSignal(options.signal);
  checkFunction("onProgress", options.onProgress);
  const { acceptTruncated } = options;
  if (acceptTruncated !== undefined && typeof acceptTruncated !== "boolean") {
    throw invalidArgument(`'acceptTruncated' must be true or false, not ${show(acceptTruncated)}`);
  }
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
  checkRate(rate);
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
    checkRate(audio.rate);
  }
}

function isRaw(audio: object): audio is RawAudio {
  return "samples" in audio && "rate" in audio;
}

function checkRate(rate: unknown): void {
  if (!Number.isInteger(rate) || Number(rate) < MIN_SAMPLE_RATE || Number(rate) > MAX_SAMPLE_RATE) {
    throw new SttError(
      "ERR_INVALID_AUDIO",
      `sample rate ${show(rate)} is outside ${MIN_SAMPLE_RATE} to ${MAX_SAMPLE_RATE} Hz, or not a whole number`,
      { remedy: "State the rate of the recording in Hz, for example 16000." },
    );
  }
}
