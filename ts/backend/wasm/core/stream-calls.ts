/** Resamplers and conversions: objects that need no engine. */
import type { WorkProgress } from "../../../contract/backend.js";
import type { ConversionOptions } from "../../../contract/conversion.js";
import { CONSTANTS, STRUCTS } from "../layout.js";
import type { CoreModule } from "./core-module.js";
import type { CoreMemory } from "./memory.js";
import { compatOf } from "./params.js";
import { Pointers } from "./pointers.js";
import { readProgress } from "./values.js";

export class CoreResamplers {
  readonly #module: CoreModule;
  readonly #memory: CoreMemory;
  readonly #objects = new Pointers("resampler");

  constructor(module: CoreModule, memory: CoreMemory) {
    this.#module = module;
    this.#memory = memory;
  }

  create(rateIn: number, rateOut: number): number {
    return this.#memory.scratch((scratch) => {
      const out = scratch.zeros(4);
      scratch.call("_kstt_resampler_create", rateIn, rateOut, out);
      return this.#objects.add(this.#memory.pointerAt(out), undefined);
    });
  }

  push(id: number, pcm: Float32Array): Float32Array {
    return this.#memory.scratch((scratch) => {
      const out = scratch.zeros(4);
      const count = scratch.zeros(4);
      scratch.call("_kstt_resampler_push", this.#objects.get(id).pointer, scratch.array(pcm), pcm.length, out, count);
      return this.#memory.copyFloats(this.#memory.pointerAt(out), this.#memory.pointerAt(count));
    });
  }

  flush(id: number): Float32Array {
    return this.#memory.scratch((scratch) => {
      const out = scratch.zeros(4);
      const count = scratch.zeros(4);
      scratch.call("_kstt_resampler_flush", this.#objects.get(id).pointer, out, count);
      return this.#memory.copyFloats(this.#memory.pointerAt(out), this.#memory.pointerAt(count));
    });
  }

  free(id: number): void {
    this.#module._kstt_resampler_free(this.#objects.take(id));
  }
}

export class CoreConversions {
  readonly #module: CoreModule;
  readonly #memory: CoreMemory;
  readonly #objects = new Pointers("conversion");

  constructor(module: CoreModule, memory: CoreMemory) {
    this.#module = module;
    this.#memory = memory;
  }

  /** Both are paths in the core's memory. */
  create(source: string, target: string, options: ConversionOptions): number {
    const { dtype, keep } = options;
    return this.#memory.scratch((scratch) => {
      const rules = scratch.array(Int32Array.from(keep, (rule) => scratch.text(rule).pointer));
      const struct = scratch.struct(STRUCTS.kstt_conversion_params);
      this.#module._kstt_conversion_default_params(struct);
      this.#memory.write(STRUCTS.kstt_conversion_params, struct, {
        dtype: dtype === undefined ? 0 : scratch.text(dtype).pointer,
        keep: rules,
        n_keep: keep.length,
        n_threads: options.threads,
        format: options.format === "gguf" ? CONSTANTS.KSTT_FORMAT_GGUF : CONSTANTS.KSTT_FORMAT_SAFETENSORS,
        small_file: options.small ? 1 : 0,
        codec_decoder: options.codecDecoder ? 1 : 0,
        compat: compatOf(options.transformersCompat),
        max_shard_bytes: options.maxShardBytes,
      });
      const out = scratch.zeros(4);
      const [from, to] = [scratch.text(source).pointer, scratch.text(target).pointer];
      scratch.call("_kstt_conversion_create", from, to, struct, out);
      return this.#objects.add(this.#memory.pointerAt(out), undefined);
    });
  }

  advance(id: number, maxBytes: number): WorkProgress {
    return this.#memory.scratch((scratch) => {
      const struct = scratch.struct(STRUCTS.kstt_progress);
      scratch.call("_kstt_conversion_advance", this.#objects.get(id).pointer, BigInt(Math.trunc(maxBytes)), struct);
      return readProgress(this.#memory, struct);
    });
  }

  finish(id: number): void {
    this.#memory.scratch((scratch) => scratch.call("_kstt_conversion_finish", this.#objects.get(id).pointer));
  }

  /** JSON of a ConversionReport. */
  report(id: number): string {
    return this.#memory.scratch((scratch) => {
      const conversion = this.#objects.get(id).pointer;
      const size = scratch.zeros(4);
      scratch.call("_kstt_conversion_report", conversion, 0, 0, size);
      const capacity = this.#memory.pointerAt(size) + 1;
      const text = scratch.zeros(capacity);
      scratch.call("_kstt_conversion_report", conversion, text, capacity, size);
      return this.#memory.text(text, this.#memory.pointerAt(size));
    });
  }

  free(id: number): void {
    this.#module._kstt_conversion_free(this.#objects.take(id));
  }
}
