/** Cuts what codecs add before and behind a recording. */
import type { AudioChunk } from "./types.js";

/** The samples from `from` to before `to`. */
export function cutChunk(chunk: AudioChunk, from: number, to: number): AudioChunk {
  const { samples, rate, channels } = chunk;
  const cut = { samples: samples.slice(from, to), rate };
  return channels === undefined ? cut : { ...cut, channels: channels.map((channel) => channel.slice(from, to)) };
}

export class SampleTrimmer {
  #skip: number;
  #left: number;

  /** `skip` samples are dropped, then at most `keep` are let through. */
  constructor(skip: number, keep: number = Number.POSITIVE_INFINITY) {
    this.#skip = skip;
    this.#left = keep;
  }

  /** The part of the chunk that belongs to the recording. */
  trim(chunk: AudioChunk): AudioChunk {
    const from = Math.min(this.#skip, chunk.samples.length);
    const to = Math.min(chunk.samples.length, from + this.#left);
    this.#skip -= from;
    this.#left -= to - from;
    return from === 0 && to === chunk.samples.length ? chunk : cutChunk(chunk, from, to);
  }
}
