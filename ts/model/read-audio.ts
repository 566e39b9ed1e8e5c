import { readAudio } from "../audio/read-all.js";
import { resampleTo } from "../audio/resample.js";
import type { AudioSource } from "../audio/types.js";
import { checkDuration } from "./audio-duration.js";
import { strictNotes } from "./audio-notes.js";
import { warn } from "./logger.js";
import { checkInteger, checkOptions, checkSignal } from "./option-checks.js";
import { openBackend } from "./runtime.js";

/** Options of read_audio(). */
export interface ReadAudioOptions {
  /** Aborting rejects with ERR_ABORTED. */
  signal?: AbortSignal | undefined;
  /** Take what a file that ends early holds, with a warning. Default: an error. */
  acceptTruncated?: boolean | undefined;
}

const MAX_RATE = 768_000;
const MIN_RATE = 1_000;

/**
 * Audio of any supported kind to mono samples at `sampling_rate` Hz, for the processor (the name is transformers.js's).
 * Errors: those of decoding, ERR_INVALID_AUDIO and ERR_UNSUPPORTED_AUDIO among them.
 */
export async function read_audio(
  source: AudioSource,
  sampling_rate = 24_000,
  options: ReadAudioOptions = {},
): Promise<Float32Array> {
  checkInteger("sampling_rate", sampling_rate, MIN_RATE, MAX_RATE);
  checkOptions("read_audio", options, ["signal", "acceptTruncated"]);
  checkSignal(options.signal);
  const { signal } = options;
  const onNote = strictNotes(options.acceptTruncated ?? false, warn);
  const audio = await readAudio(source, { signal, onNote });
  checkDuration(audio.samples.length / audio.rate);
  if (audio.rate === sampling_rate) {
    return audio.samples;
  }
  const { backend } = await openBackend();
  return resampleTo(backend, audio, sampling_rate, { signal });
}
