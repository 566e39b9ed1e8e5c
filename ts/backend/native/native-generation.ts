/** Generations over the addon. */
import type { CacheHandle, GenerationHandle, StepResult, WorkProgress } from "../../contract/backend.js";
import type { ComputeGate } from "../compute-gate.js";
import { Lifecycle } from "../lifecycle.js";
import type { NativeGeneration } from "./addon-types.js";
import { Cache } from "./native-forward.js";

/** KSTT_STEP_*. */
const RESULTS: Readonly<Record<StepResult, number>> = { logits: 0, scores: 1, hiddenState: 2, attention: 3 };

export class Generation implements GenerationHandle {
  readonly #native: NativeGeneration;
  readonly #engine: Lifecycle;
  readonly #life: Lifecycle;
  readonly #gate: ComputeGate;

  constructor(native: NativeGeneration, engine: Lifecycle, gate: ComputeGate) {
    this.#native = native;
    this.#engine = engine;
    this.#life = new Lifecycle("generation", () => native.dispose(), engine);
    this.#gate = gate;
  }

  advance(maxFrames: number): Promise<WorkProgress> {
    return this.#life.run(() => this.#gate.run(() => this.#native.advance(maxFrames)));
  }

  tokens(): Int32Array[] {
    this.#life.assertOpen();
    return this.#native.tokens();
  }

  get waiting(): boolean {
    return !this.#life.disposed && this.#native.waiting();
  }

  read(result: StepResult, index: number): Promise<Float32Array> {
    return this.#life.run(() => this.#native.read(RESULTS[result], index));
  }

  setScores(scores: Float32Array): Promise<void> {
    return this.#life.run(() => this.#native.setScores(scores));
  }

  choose(): Promise<Int32Array> {
    return this.#life.run(() => this.#native.choose());
  }

  finishRows(rows: Uint8Array): Promise<void> {
    return this.#life.run(() => this.#native.finishRows(rows));
  }

  cache(): Promise<CacheHandle> {
    return this.#engine.make(
      () => this.#life.run(() => this.#native.cache()),
      (native) => new Cache(native, this.#engine),
    );
  }

  dispose(): Promise<void> {
    return this.#life.dispose();
  }
}
