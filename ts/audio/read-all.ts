/** A whole recording in memory. */
import { invalidAudio } from "./audio-errors.js";
import { decodeAudio } from "./decode.js";
import type { AudioChunk, AudioSource, DecodeOptions } from "./types.js";

/** All samples of `source`, mono. Errors as decodeAudio; also ERR_INVALID_AUDIO when the rate changes inside. */
export async function readAudio(source: AudioSource, options: DecodeOptions = {}): Promise<AudioChunk> {
  const parts: Float32Array[] = [];
  let rate: number | undefined;
  for await (const chunk of decodeAudio(source, options)) {
    if (rate !== undefined && chunk.rate !== rate) {
      throw invalidAudio(
        `the sample rate changes from ${rate} to ${chunk.rate} Hz inside the recording`,
        "Split the file, or transcribe it, which follows such changes.",
      );
    }
    rate = chunk.rate;
    parts.push(chunk.samples);
  }
  // decodeAudio gives at least one sample or throws, so the rate is known here.
  return { samples: joinSamples(parts), rate: rate ?? 0 };
}

export function joinSamples(parts: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const samples = new Float32Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    samples.set(part, offset);
    offset += part.length;
  }
  return samples;
}
