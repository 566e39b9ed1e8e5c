/** The fake backend's resampler: takes the sample before each point in time, whatever the chunks. */
import { Lifecycle } from "../../ts/backend/lifecycle.js";
import { codedError } from "../../ts/backend/status-error.js";
import type { ResamplerHandle } from "../../ts/contract/backend.js";

export class FakeResampler implements ResamplerHandle {
  readonly #life = new Lifecycle("resampler", async () => {});
  readonly #ratio: number;
  #input: number[] = [];
  #made = 0;

  constructor(rateIn: number, rateOut: number) {
    this.#ratio = rateOut / rateIn;
  }

  push(pcm: Float32Array): Promise<Float32Array> {
    return this.#life.run(() => this.take(pcm));
  }

  flush(): Promise<Float32Array> {
    return this.#life.run(() => this.finish());
  }

  dispose(): Promise<void> {
    return this.#life.dispose();
  }

  take(pcm: Float32Array): Float32Array {
    if (!pcm.every(Number.isFinite)) {
      throw codedError("ERR_INVALID_AUDIO", "a sample is not a finite number");
    }
    for (const sample of pcm) {
      this.#input.push(sample);
    }
    return this.#make(Math.floor(this.#input.length * this.#ratio));
  }

  finish(): Float32Array {
    const rest = this.#make(Math.ceil(this.#input.length * this.#ratio));
    this.#input = [];
    this.#made = 0;
    return rest;
  }

  #make(end: number): Float32Array {
    const output: number[] = [];
    for (; this.#made < end; this.#made++) {
      output.push(this.#input[Math.floor(this.#made / this.#ratio)] ?? 0);
    }
    return Float32Array.from(output);
  }
}
