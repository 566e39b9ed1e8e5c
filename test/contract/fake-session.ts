/** The fake backend's session: queues frames, makes one event or two per step. */
import type { Lifecycle } from "../../ts/backend/lifecycle.js";
import { codedError } from "../../ts/backend/status-error.js";
import type { EngineInfo, SessionEvent, SessionHandle, SessionParams } from "../../ts/contract/backend.js";
import { FakeResampler } from "./fake-resampler.js";

const FIRST_WORD_TOKEN = 64;

export class FakeSession implements SessionHandle {
  readonly #info: EngineInfo;
  readonly #params: SessionParams;
  readonly #tokenOf: (frame: Float32Array) => number;
  readonly #life: Lifecycle;
  #samples: number[] = [];
  #events: SessionEvent[] = [];
  #resampler: { rate: number; it: FakeResampler } | undefined;
  #seconds = 0;
  #step = 0;
  #state: "open" | "ended" | "done" = "open";

  constructor(
    info: EngineInfo,
    params: SessionParams,
    tokenOf: (frame: Float32Array) => number,
    makeLife: (release: () => void) => Lifecycle,
  ) {
    this.#info = info;
    this.#params = params;
    this.#tokenOf = tokenOf;
    this.#life = makeLife(() => this.#clear());
    this.#clear();
  }

  pushPcm(pcm: Float32Array, rate: number): Promise<number> {
    return this.#life.run(() => {
      if (this.#state !== "open") {
        throw codedError("ERR_INVALID_STATE", "audio was pushed after end()");
      }
      if (rate < 1000 || rate > 768_000 || !pcm.every(Number.isFinite)) {
        throw codedError("ERR_INVALID_AUDIO", `a sample is not a finite number, or the rate ${rate} is impossible`);
      }
      if (this.#resampler?.rate !== rate) {
        this.#flush();
        this.#resampler = { rate, it: new FakeResampler(rate, this.#info.sampleRate) };
      }
      this.#append(this.#resampler.it.take(pcm));
      this.#seconds += pcm.length / rate;
      return this.ready;
    });
  }

  end(): Promise<void> {
    return this.#life.run(() => {
      if (this.#state !== "open") {
        throw codedError("ERR_INVALID_STATE", "end() was called twice");
      }
      this.#flush();
      const { delaySeconds, frameSize, sampleRate } = this.#info;
      const tail = this.#params.tailSeconds < 0 ? delaySeconds + 1 : this.#params.tailSeconds;
      this.#appendSilence(Math.ceil(tail * sampleRate));
      this.#appendSilence((frameSize - (this.#samples.length % frameSize)) % frameSize);
      this.#state = "ended";
    });
  }

  reset(): Promise<void> {
    return this.#life.run(() => this.#clear());
  }

  get ready(): number {
    return this.#life.disposed ? 0 : Math.floor(this.#samples.length / this.#info.frameSize);
  }

  poll(): SessionEvent[] {
    this.#life.assertOpen();
    return this.#events.splice(0);
  }

  dispose(): Promise<void> {
    return this.#life.dispose();
  }

  /** One decoder step; false when no frame was ready. */
  step(): boolean {
    const { frameSize, frameRate } = this.#info;
    const ready = this.ready > 0;
    if (ready) {
      const token = this.#tokenOf(Float32Array.from(this.#samples.splice(0, frameSize)));
      if (this.#params.emitTokens) {
        this.#events.push({ type: "token", token, step: this.#step });
      }
      if (token >= FIRST_WORD_TOKEN) {
        const start = this.#step / frameRate;
        this.#events.push({ type: "word", text: `w${token}`, start, end: start + 1 / frameRate, confidence: 0.5 });
      }
      this.#step++;
    }
    if (this.#state === "ended" && this.ready === 0) {
      this.#events.push({ type: "end", duration: this.#seconds });
      this.#state = "done";
    }
    return ready;
  }

  #clear(): void {
    this.#samples = [];
    this.#events = [];
    this.#resampler = undefined;
    this.#seconds = 0;
    this.#step = 0;
    this.#state = "open";
  }

  #flush(): void {
    this.#append(this.#resampler?.it.finish() ?? []);
  }

  #append(samples: Iterable<number>): void {
    for (const sample of samples) {
      this.#samples.push(sample);
    }
  }

  #appendSilence(n: number): void {
    this.#append(new Float32Array(n));
  }
}
