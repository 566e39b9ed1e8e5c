/** What was heard, and what was made of it. */
import type { LiveEvent } from "kyutai-stt";

export interface HeardWord {
  text: string;
  start: number;
  end: number;
  confidence: number;
  final: boolean;
}

/** The model's rate: everything is kept at it. */
export const RATE = 24_000;
/** Samples per line of the waveform. */
export const LINE = 800;
/** Of the pause heads (0.5, 1, 2 and 3 s) the one that is drawn. */
const HEAD = 2;

export class Recording {
  readonly words: HeardWord[] = [];
  /** Loudest sample of each line, 0 to 1. */
  readonly lines: number[] = [];
  /** Probability of a pause from each time on. */
  readonly pauses: { readonly time: number; readonly probability: number }[] = [];
  readonly #chunks: Float32Array[] = [];
  #samples = 0;
  #peak = 0;

  get seconds(): number {
    return this.#samples / RATE;
  }

  /** Audio as it comes, at RATE. */
  add(samples: Float32Array): void {
    this.#chunks.push(samples);
    for (const sample of samples) {
      this.#peak = Math.max(this.#peak, Math.abs(sample));
      this.#samples++;
      if (this.#samples % LINE === 0) {
        this.lines.push(this.#peak);
        this.#peak = 0;
      }
    }
  }

  /** All of it, for playing. */
  samples(): Float32Array<ArrayBuffer> {
    const all = new Float32Array(this.#samples);
    let at = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  }

  /** Returns whether the words have changed. */
  take(event: LiveEvent): boolean {
    switch (event.type) {
      case "word": {
        const { index, text, start, end, confidence, final } = event;
        this.words[index] = { text, start, end, confidence, final };
        return true;
      }
      case "vad":
        this.pauses.push({ time: event.heard, probability: event.probabilities[HEAD] ?? 0 });
        return false;
      case "speech":
      case "pause":
        // Models without pause heads tell turns only.
        if (event.source === "tokens") {
          const { type, time, probability } = event;
          this.pauses.push({ time, probability: type === "pause" ? probability : 1 - probability });
        }
        return false;
      default:
        return false;
    }
  }

  wordAt(seconds: number): number {
    return this.words.findIndex(({ start, end }) => seconds >= start && seconds < end + 0.05);
  }
}
