/** The one engine of a worker, with its generations and encodings. */
import type {
  EngineInfo,
  EngineOptions,
  EngineStats,
  GenerationParams,
  WorkProgress,
} from "../../../contract/backend.js";
import { CONSTANTS, STRUCTS } from "../layout.js";
import { CoreFailure, type CoreModule } from "./core-module.js";
import type { CoreMemory, Scratch } from "./memory.js";
import { writeEngineParams } from "./params.js";
import { readInfo, readProgress, readStats } from "./values.js";

interface Work {
  readonly pointer: number;
  readonly rows: number;
}

export class CoreEngine {
  readonly #module: CoreModule;
  readonly #memory: CoreMemory;
  readonly #works = new Map<number, Work>();
  #pointer = 0;
  #quantizers = 0;
  #made = 0;

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

  createGeneration(input: Float32Array, rows: number, samples: number, params: GenerationParams): number {
    checkInput(input, rows, samples);
    return this.#memory.scratch((scratch) => {
      const struct = scratch.struct(STRUCTS.kstt_generation_params);
      this.#module._kstt_generation_default_params(struct);
      this.#memory.write(STRUCTS.kstt_generation_params, struct, {
        max_new_tokens: params.maxNewTokens,
        audio_window_size: params.audioWindowSize,
      });
      const out = scratch.zeros(4);
      const values = scratch.array(input);
      scratch.call("_kstt_generation_create", this.pointer, values, rows, samples, struct, out);
      return this.#add({ pointer: this.#memory.pointerAt(out), rows });
    });
  }

  advanceGeneration(id: number, maxFrames: number) {
    const { pointer, rows } = this.#work(id);
    const progress = this.#progress((scratch, struct) =>
      scratch.call("_kstt_generation_advance", pointer, maxFrames, struct),
    );
    return { progress, tokens: progress.finished ? this.#tokens(pointer, rows) : [] };
  }

  #tokens(generation: number, rows: number): Int32Array[] {
    return this.#memory.scratch((scratch) => {
      const count = Number(this.#module._kstt_generation_n_tokens(generation));
      const tokens = scratch.zeros(4 * rows * count);
      scratch.call("_kstt_generation_tokens", generation, tokens, rows * count);
      return Array.from({ length: rows }, (_, row) => this.#memory.copyInts(tokens + 4 * row * count, count));
    });
  }

  freeGeneration(id: number): void {
    this.#module._kstt_generation_free(this.#work(id).pointer);
    this.#works.delete(id);
  }

  createEncoding(input: Float32Array, rows: number, samples: number): number {
    checkInput(input, rows, samples);
    return this.#memory.scratch((scratch) => {
      const out = scratch.zeros(4);
      scratch.call("_kstt_encoding_create", this.pointer, scratch.array(input), rows, samples, out);
      return this.#add({ pointer: this.#memory.pointerAt(out), rows });
    });
  }

  advanceEncoding(id: number, maxFrames: number) {
    const { pointer, rows } = this.#work(id);
    const progress = this.#progress((scratch, struct) =>
      scratch.call("_kstt_encoding_advance", pointer, maxFrames, struct),
    );
    return { progress, codes: progress.finished ? this.#codes(pointer, rows) : [] };
  }

  #codes(encoding: number, rows: number): Int32Array[][] {
    return this.#memory.scratch((scratch) => {
      const frames = Number(this.#module._kstt_encoding_n_frames(encoding));
      const lines = this.#quantizers;
      const codes = scratch.zeros(4 * rows * lines * frames);
      scratch.call("_kstt_encoding_codes", encoding, codes, rows * lines * frames);
      return Array.from({ length: rows }, (_, row) =>
        Array.from({ length: lines }, (_line, line) =>
          this.#memory.copyInts(codes + 4 * (row * lines + line) * frames, frames),
        ),
      );
    });
  }

  freeEncoding(id: number): void {
    this.#module._kstt_encoding_free(this.#work(id).pointer);
    this.#works.delete(id);
  }

  #progress(call: (scratch: Scratch, struct: number) => void): WorkProgress {
    return this.#memory.scratch((scratch) => {
      const struct = scratch.struct(STRUCTS.kstt_progress);
      call(scratch, struct);
      return readProgress(this.#memory, struct);
    });
  }

  #add(work: Work): number {
    const id = ++this.#made;
    this.#works.set(id, work);
    return id;
  }

  #work(id: number): Work {
    const work = this.#works.get(id);
    if (work === undefined) {
      throw new CoreFailure(CONSTANTS.KSTT_STATUS_INTERNAL, `there is no generation or encoding ${id}`);
    }
    return work;
  }
}

/** The core takes the caller's word for the size of the array. */
function checkInput(input: Float32Array, rows: number, samples: number): void {
  if (!Number.isInteger(rows) || rows < 1 || !Number.isInteger(samples) || rows * samples !== input.length) {
    throw new CoreFailure(
      CONSTANTS.KSTT_STATUS_INVALID_ARGUMENT,
      `inputValues has ${input.length} elements, which are not ${rows} rows of ${samples} samples`,
    );
  }
}
