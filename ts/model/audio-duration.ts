import { SttError } from "../contract/errors.js";

/** Less than this holds no speech sound; most likely the file is not what the caller believes. */
const MIN_SECONDS = 0.01;

export function checkDuration(seconds: number): void {
  if (seconds < MIN_SECONDS) {
    throw new SttError(
      "ERR_INVALID_AUDIO",
      `the audio is ${(seconds * 1000).toFixed(2)} ms long, too short to hold speech`,
      { remedy: "Check that the recording is complete." },
    );
  }
}
