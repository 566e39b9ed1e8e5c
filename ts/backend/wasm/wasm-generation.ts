/** Generations in a worker; the tokens come with the answer that says that they are finished. */
import type { GenerationHandle, WorkProgress } from "../../contract/backend.js";
import type { ComputeGate } from "../compute-gate.js";
import { Lifecycle } from "../lifecycle.js";
import { codedError } from "../status-error.js";
import type { CoreChannel } from "./core-channel.js";
import { forgotten, releaseOf } from "./release.js";

export class WasmGeneration implements GenerationHandle {
  readonly #channel: CoreChannel;
  readonly #life: Lifecycle;
  readonly #gate: ComputeGate;
  readonly #id: number;
  #tokens: readonly Int32Array[] | undefined;

  constructor(channel: CoreChannel, engine: Lifecycle, gate: ComputeGate, id: number) {
    this.#channel = channel;
    this.#gate = gate;
    this.#id = id;
    this.#life = new Lifecycle("generation", releaseOf(channel, "freeGeneration", id), engine);
    forgotten.register(this, () => channel.tell("freeGeneration", [id]), this);
  }

  advance(maxFrames: number): Promise<WorkProgress> {
    return this.#life.run(() =>
      this.#gate.run(async () => {
        const { progress, tokens } = await this.#channel.call("advanceGeneration", [this.#id, maxFrames]);
        this.#tokens = progress.finished ? tokens : undefined;
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

  dispose(): Promise<void> {
    forgotten.unregister(this);
    return this.#life.dispose();
  }
}
