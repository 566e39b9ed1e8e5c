/** Errors and checks that all decoders share. */
import { SttError } from "../contract/errors.js";
import { MAX_SAMPLE_RATE, MIN_SAMPLE_RATE } from "./types.js";

export const SUPPORTED_FORMATS = "wav, mp3, flac, ogg (vorbis, opus, flac), webm, m4a/mp4";

export function invalidAudio(message: string, remedy: string, cause?: unknown): SttError {
  return new SttError("ERR_INVALID_AUDIO", message, { remedy, cause });
}

export function unsupportedAudio(message: string, remedy: string, cause?: unknown): SttError {
  return new SttError("ERR_UNSUPPORTED_AUDIO", message, { remedy, cause });
}

export function noSamples(name: string): SttError {
  return invalidAudio(`${name}: holds no audio samples`, "Check that the recording is complete and not empty.");
}

export function checkRate(name: string, rate: number): void {
  if (!Number.isInteger(rate) || rate < MIN_SAMPLE_RATE || rate > MAX_SAMPLE_RATE) {
    throw invalidAudio(
      `${name}: sample rate ${rate} Hz is outside ${MIN_SAMPLE_RATE} to ${MAX_SAMPLE_RATE} Hz`,
      "The header is damaged or the rate was given wrongly: state the rate of the recording in whole Hz.",
    );
  }
}

/** `first`: index of samples[0] in the whole audio. */
export function checkFinite(name: string, samples: Float32Array, first: number, rate: number): void {
  // One pass without a branch per sample: x - x is 0 for finite x and NaN otherwise.
  let sum = 0;
  for (const sample of samples) {
    sum += sample - sample;
  }
  if (sum === 0) {
    return;
  }
  const index = samples.findIndex((sample) => !Number.isFinite(sample));
  const position = first + index;
  throw invalidAudio(
    `${name}: sample ${position} (at ${(position / rate).toFixed(3)} s) is ${samples[index]}, not a finite number`,
    "Repair or cut the recording there; a model cannot hear NaN or infinity.",
  );
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw new SttError("ERR_ABORTED", "decoding was aborted", { cause: signal.reason });
  }
}

export function errorText(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
