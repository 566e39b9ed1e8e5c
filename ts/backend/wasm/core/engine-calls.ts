/** The one engine of a worker. */
import type { EngineInfo, EngineOptions, EngineStats, WorkProgress } from "../../../contract/backend.js";
import { CONSTANTS, STRUCTS } from "../layout.js";
import { CoreFailure, type CoreModule } from "./core-module.js";
import type { CoreMemory, Scratch } from "./memory.js";
import { writeEngineParams } from "./params.js";
import { readInfo, readProgress, readStats } from "./values.js";

export class CoreEngine {
  readonly #module: CoreModule;
  readonly #memory: CoreMemory;
  #pointer = 0;
  #quantizers = 0;
  #hiddenSize = 0;

  constructor(module: CoreModule, memory: CoreMemory) {
    this.#module = module;
    this.#memory = memory;
  }

  get exists(): boolean {
    return this.#pointer !== 0;
  }

  get pointer(): number {
    if (this.#pointer === 0) {
      throw new CoreFailure(CONSTANTS.KSTT_STATUS_INVALID_STATE, "no engine has been made");
    }
    return this.#pointer;
  }

  get quantizers(): number {
    return this.#quantizers;
  }

  get hiddenSize(): number {
    return this.#hiddenSize;
  }

  create(path: string, options: EngineOptions): EngineInfo {
    return this.#memory.scratch((scratch) => {
      const out = scratch.zeros(4);
      const params = writeEngineParams(this.#module, this.#memory, scratch, options);
      scratch.call("_kstt_engine_create", scratch.text(path).pointer, params, out);
      this.#pointer = this.#memory.pointerAt(out);
      const struct = scratch.struct(STRUCTS.kstt_engine_info);
      scratch.call("_kstt_engine_get_info", this.#pointer, struct);
      const info = readInfo(this.#memory, struct);
      this.#quantizers = info.numQuantizers;
      this.#hiddenSize = info.hiddenSize;
      return info;
    });
  }

  prefault(maxBytes: number): WorkProgress {
    return this.#progress((scratch, struct) =>
      scratch.call("_kstt_engine_prefault", this.pointer, BigInt(Math.trunc(maxBytes)), struct),
    );
  }

  stats(): EngineStats {
    return this.#memory.scratch((scratch) => {
      const struct = scratch.struct(STRUCTS.kstt_engine_stats);
      scratch.call("_kstt_engine_get_stats", this.pointer, struct);
      return readStats(this.#memory, struct);
    });
  }

  resetStats(): void {
    this.#memory.scratch((scratch) => scratch.call("_kstt_engine_reset_stats", this.pointer));
  }

  /** Steps done over all sessions. */
  step(maxSteps: number): number {
    return this.#memory.scratch((scratch) => {
      const count = scratch.zeros(8);
      scratch.call("_kstt_engine_step", this.pointer, maxSteps, count);
      return Number(this.#memory.view.getBigInt64(count, true));
    });
  }

  #progress(call: (scratch: Scratch, struct: number) => void): WorkProgress {
    return this.#memory.scratch((scratch) => {
      const struct = scratch.struct(STRUCTS.kstt_progress);
      call(scratch, struct);
      return readProgress(this.#memory, struct);
    });
  }
}

/** The core takes the caller's word for the size of the array. */
export function checkInput(input: Float32Array, rows: number, samples: number): void {
  if (!Number.isInteger(rows) || rows < 1 || !Number.isInteger(samples) || rows * samples !== input.length) {
    throw new CoreFailure(
      CONSTANTS.KSTT_STATUS_INVALID_ARGUMENT,
      `inputValues has ${input.length} elements, which are not ${rows} rows of ${samples} samples`,
    );
  }
}
