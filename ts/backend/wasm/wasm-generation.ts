/** Generations in a worker; the tokens come with the answer that says that they are finished. */
import type { CacheHandle, GenerationHandle, StepResult, WorkProgress } from "../../contract/backend.js";
import type { ComputeGate } from "../compute-gate.js";
import { Lifecycle } from "../lifecycle.js";
import { codedError } from "../status-error.js";
import type { CoreChannel } from "./core-channel.js";
import { keepFromForgetting, releaseOf } from "./release.js";
import { WasmCache } from "./wasm-forward.js";

export class WasmGeneration implements GenerationHandle {
  readonly #channel: CoreChannel;
  readonly #engine: Lifecycle;
  readonly #life: Lifecycle;
  readonly #gate: ComputeGate;
  readonly #id: number;
  #tokens: readonly Int32Array[] | undefined;
  #waiting = false;

  constructor(channel: CoreChannel, engine: Lifecycle, gate: ComputeGate, id: number) {
    this.#channel = channel;
    this.#engine = engine;
    this.#gate = gate;
    this.#id = id;
    this.#life = new Lifecycle("generation", releaseOf(this, channel, "freeGeneration", id), engine);
  }

  advance(maxFrames: number): Promise<WorkProgress> {
    return this.#life.run(() =>
      this.#gate.run(async () => {
        const { progress, waiting, tokens } = await this.#channel.call("advanceGeneration", [this.#id, maxFrames]);
        this.#tokens = progress.finished ? tokens : undefined;
        this.#waiting = waiting;
        return progress;
      }),
    );
  }

  tokens(): Int32Array[] {
    this.#life.assertOpen();
    if (this.#tokens === undefined) {
      throw codedError("ERR_INVALID_STATE", "the generation is not finished");
    }
    return this.#tokens.map((row) => row.slice());
  }

  get waiting(): boolean {
    return this.#waiting && !this.#life.disposed;
  }

  read(result: StepResult, index: number): Promise<Float32Array> {
    return this.#life.run(() => this.#channel.call("readGeneration", [this.#id, result, index]));
  }

  setScores(scores: Float32Array): Promise<void> {
    return this.#life.run(() => this.#channel.call("setScores", [this.#id, scores]));
  }

  choose(): Promise<Int32Array> {
    return this.#life.run(async () => {
      const tokens = await this.#channel.call("chooseTokens", [this.#id]);
      this.#waiting = false;
      return tokens;
    });
  }

  finishRows(rows: Uint8Array): Promise<void> {
    return this.#life.run(() => this.#channel.call("finishRows", [this.#id, rows]));
  }

  cache(): Promise<CacheHandle> {
    return this.#life.run(async () => {
      const id = await this.#channel.call("generationCache", [this.#id]);
      this.#engine.assertOpen();
      return new WasmCache(this.#channel, this.#engine, id);
    });
  }

  dispose(): Promise<void> {
    keepFromForgetting(this);
    return this.#life.dispose();
  }
}
