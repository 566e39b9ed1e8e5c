/** The fake session's audio: frames with their seconds, marks between them, silence that flushes and the end put in. */
import { codedError } from "../../ts/backend/status-error.js";
import { FakeResampler } from "./fake-resampler.js";

export type FakeItem =
  | { readonly kind: "frame"; readonly samples: number[]; readonly time: number; readonly isAudio: boolean }
  | { readonly kind: "flushed" | "end"; readonly time: number };

const FRESH = {
  items: [] as FakeItem[],
  partial: [] as number[],
  /** Of the first sample of `partial`. */
  partialTime: 0,
  partialIsAudio: true,
  /** At the model's rate. */
  audioSamples: 0,
  seconds: 0,
  /** Before the resampler in use began. */
  earlierSeconds: 0,
  hasNew: false,
  isEnded: false,
  /** Of the resampler in use, and what it has heard since it began. */
  rate: 0,
  heard: [] as number[],
};

export class FakeTimeline {
  readonly #frameSize: number;
  readonly #sampleRate: number;
  #resampler: FakeResampler | undefined;
  #state = structuredClone(FRESH);

  constructor(sampleRate: number, frameSize: number) {
    this.#sampleRate = sampleRate;
    this.#frameSize = frameSize;
  }

  get frames(): number {
    return this.#state.items.filter((item) => item.kind === "frame").length;
  }

  get state(): typeof FRESH {
    return this.#state;
  }

  set state(state: typeof FRESH) {
    this.#state = state;
    this.#resampler = undefined;
    if (state.rate > 0) {
      this.#resampler = new FakeResampler(state.rate, this.#sampleRate);
      this.#resampler.take(Float32Array.from(state.heard));
    }
  }

  clear(): void {
    this.state = structuredClone(FRESH);
  }

  push(pcm: Float32Array, rate: number): void {
    if (this.#state.isEnded) {
      throw codedError("ERR_INVALID_STATE", "audio was pushed after end()");
    }
    if (rate < 1000 || rate > 768_000 || !pcm.every(Number.isFinite)) {
      throw codedError("ERR_INVALID_AUDIO", `a sample is not a finite number, or the rate ${rate} is impossible`);
    }
    if (this.#state.rate !== rate) {
      this.#closeResampler();
      this.#resampler = new FakeResampler(rate, this.#sampleRate);
      this.#state.rate = rate;
    }
    this.#append(this.#resampler?.take(pcm) ?? [], true);
    for (const sample of pcm) {
      this.#state.heard.push(sample);
    }
    this.#state.seconds = this.#state.earlierSeconds + this.#state.heard.length / rate;
    this.#state.hasNew ||= pcm.length > 0;
  }

  /** So many samples of silence, completed to whole frames, then the mark. Nothing new: the mark alone. */
  mark(kind: "flushed" | "end", silence: number): void {
    if (this.#state.isEnded) {
      throw codedError("ERR_INVALID_STATE", `${kind === "end" ? "end" : "flush"}() was called after end()`);
    }
    this.#closeResampler();
    if (this.#state.hasNew) {
      const length = this.#state.partial.length + silence;
      this.#append(new Float32Array(silence + Math.ceil(length / this.#frameSize) * this.#frameSize - length), false);
      this.#state.hasNew = false;
    }
    this.#state.items.push({ kind, time: this.#state.seconds });
    this.#state.isEnded = kind === "end";
  }

  #closeResampler(): void {
    this.#append(this.#resampler?.finish() ?? [], true);
    this.#resampler = undefined;
    this.#state.rate = 0;
    this.#state.heard = [];
    this.#state.earlierSeconds = this.#state.seconds;
  }

  #append(samples: Iterable<number>, isAudio: boolean): void {
    const state = this.#state;
    for (const sample of samples) {
      if (state.partial.length === 0) {
        state.partialTime = state.audioSamples / this.#sampleRate;
        state.partialIsAudio = isAudio;
      }
      state.partial.push(sample);
      state.audioSamples += isAudio ? 1 : 0;
      if (state.partial.length === this.#frameSize) {
        const { partial: samples, partialTime: time, partialIsAudio } = state;
        state.items.push({ kind: "frame", samples, time, isAudio: partialIsAudio });
        state.partial = [];
      }
    }
  }
}
