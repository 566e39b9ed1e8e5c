/** kstt-forward.h on one instance of the core. */
import type { WorkProgress } from "../../../contract/backend.js";
import type { CacheInfo, ForwardInputs, ForwardResult } from "../../../contract/forward.js";
import { CONSTANTS, STRUCTS } from "../layout.js";
import { CoreFailure, type CoreModule } from "./core-module.js";
import type { CoreEngine } from "./engine-calls.js";
import type { CoreMemory, Scratch } from "./memory.js";
import { Pointers } from "./pointers.js";
import { readProgress } from "./values.js";

const RESULTS: Readonly<Record<ForwardResult, number>> = {
  logits: CONSTANTS.KSTT_FORWARD_LOGITS,
  hiddenState: CONSTANTS.KSTT_FORWARD_HIDDEN_STATE,
  attention: CONSTANTS.KSTT_FORWARD_ATTENTION,
};

export class CoreForwards {
  readonly #module: CoreModule;
  readonly #memory: CoreMemory;
  readonly #engine: CoreEngine;
  readonly #caches = new Pointers("cache");
  readonly #forwards = new Pointers("forward");

  constructor(module: CoreModule, memory: CoreMemory, engine: CoreEngine) {
    this.#module = module;
    this.#memory = memory;
    this.#engine = engine;
  }

  createCache(rows: number, window: number): number {
    return this.#memory.scratch((scratch) => {
      const out = scratch.zeros(4);
      scratch.call("_kstt_cache_create", this.#engine.pointer, rows, window, out);
      return this.#caches.add(this.#memory.pointerAt(out), undefined);
    });
  }

  /** A cache that the core has made elsewhere. */
  adoptCache(pointer: number): number {
    return this.#caches.add(pointer, undefined);
  }

  copyCache(id: number): number {
    return this.#memory.scratch((scratch) => {
      const out = scratch.zeros(4);
      scratch.call("_kstt_cache_copy", this.#caches.get(id).pointer, out);
      return this.#caches.add(this.#memory.pointerAt(out), undefined);
    });
  }

  cacheInfo(id: number): CacheInfo {
    return this.#info(this.#caches.get(id).pointer);
  }

  #info(cache: number): CacheInfo {
    return this.#memory.scratch((scratch) => {
      const struct = scratch.struct(STRUCTS.kstt_cache_info);
      scratch.call("_kstt_cache_get_info", cache, struct);
      const info = this.#memory.read(STRUCTS.kstt_cache_info, struct);
      return {
        rows: info.n_rows,
        layers: info.n_layers,
        kvHeads: info.n_kv_heads,
        headDim: info.head_dim,
        window: info.window,
        seen: info.n_seen,
        stored: info.n_stored,
      };
    });
  }

  readCache(id: number, layer: number): { keys: Float32Array; values: Float32Array } {
    const { pointer } = this.#caches.get(id);
    const { rows, kvHeads, stored, headDim } = this.#info(pointer);
    const size = rows * kvHeads * stored * headDim;
    return this.#memory.scratch((scratch) => {
      const keys = scratch.zeros(4 * size);
      const values = scratch.zeros(4 * size);
      scratch.call("_kstt_cache_read", pointer, layer, keys, values, size);
      return { keys: this.#memory.copyFloats(keys, size), values: this.#memory.copyFloats(values, size) };
    });
  }

  importCache(
    id: number,
    positions: number,
    keys: readonly Float32Array[],
    values: readonly Float32Array[],
  ): CacheInfo {
    const { pointer } = this.#caches.get(id);
    const { rows, layers, kvHeads, headDim } = this.#info(pointer);
    // The core trusts the sizes it is told.
    const size = rows * kvHeads * headDim * positions;
    const fits = (arrays: readonly Float32Array[]): boolean =>
      arrays.length === layers && arrays.every(({ length }) => length === size);
    if (!Number.isInteger(positions) || positions < 1 || !fits(keys) || !fits(values)) {
      throw new CoreFailure(
        CONSTANTS.KSTT_STATUS_INVALID_ARGUMENT,
        "the arrays of keys and values do not fit the cache and its positions",
      );
    }
    this.#memory.scratch((scratch) => {
      const table = (arrays: readonly Float32Array[]): number =>
        scratch.array(Int32Array.from(arrays, (data) => scratch.array(data)));
      scratch.call("_kstt_cache_import", pointer, BigInt(positions), table(keys), table(values));
    });
    return this.#info(pointer);
  }

  cropCache(id: number, n: number): CacheInfo {
    const { pointer } = this.#caches.get(id);
    this.#memory.scratch((scratch) => scratch.call("_kstt_cache_crop", pointer, BigInt(Math.trunc(n))));
    return this.#info(pointer);
  }

  selectCache(id: number, rows: Int32Array): CacheInfo {
    const { pointer } = this.#caches.get(id);
    this.#memory.scratch((scratch) =>
      scratch.call("_kstt_cache_select", pointer, arrayOrNull(scratch, rows), rows.length),
    );
    return this.#info(pointer);
  }

  resetCache(id: number): CacheInfo {
    const { pointer } = this.#caches.get(id);
    this.#memory.scratch((scratch) => scratch.call("_kstt_cache_reset", pointer));
    return this.#info(pointer);
  }

  freeCache(id: number): void {
    this.#module._kstt_cache_free(this.#caches.take(id));
  }

  /** `cache`: 0 for none. */
  createForward(inputs: ForwardInputs, cache: number): number {
    const owner = cache === 0 ? 0 : this.#caches.get(cache).pointer;
    if (!this.#shapesFit(inputs, owner)) {
      throw new CoreFailure(
        CONSTANTS.KSTT_STATUS_INVALID_ARGUMENT,
        "an array of the inputs has another length than rows, length and streams ask for",
      );
    }
    return this.#memory.scratch((scratch) => {
      const params = this.#writeInputs(scratch, inputs);
      const out = scratch.zeros(4);
      scratch.call("_kstt_forward_create", this.#engine.pointer, owner, params, out);
      return this.#forwards.add(this.#memory.pointerAt(out), undefined);
    });
  }

  advanceForward(id: number, maxPositions: number): WorkProgress {
    return this.#memory.scratch((scratch) => {
      const struct = scratch.struct(STRUCTS.kstt_progress);
      scratch.call("_kstt_forward_advance", this.#forwards.get(id).pointer, maxPositions, struct);
      return readProgress(this.#memory, struct);
    });
  }

  readForward(id: number, result: ForwardResult, index: number): Float32Array {
    const { pointer } = this.#forwards.get(id);
    return this.#memory.scratch((scratch) => {
      const count = scratch.zeros(4);
      scratch.call("_kstt_forward_read", pointer, RESULTS[result], index, 0, 0, count);
      const size = this.#memory.pointerAt(count);
      const values = scratch.zeros(4 * size);
      scratch.call("_kstt_forward_read", pointer, RESULTS[result], index, values, size, count);
      return this.#memory.copyFloats(values, size);
    });
  }

  forwardLoss(id: number): number {
    return this.#memory.scratch((scratch) => {
      const out = scratch.zeros(8);
      scratch.call("_kstt_forward_loss", this.#forwards.get(id).pointer, out);
      return this.#memory.view.getFloat64(out, true);
    });
  }

  freeForward(id: number): void {
    this.#module._kstt_forward_free(this.#forwards.take(id));
  }

  /** The core trusts the shapes it is told. */
  #shapesFit(inputs: ForwardInputs, cache: number): boolean {
    const { rows, length, streams, biasRows, biasHeads, ids, embeds, positions, mask, bias, keep, labels } = inputs;
    if (![rows, length, streams, biasRows, biasHeads].every((count) => Number.isInteger(count) && count >= 1)) {
      return false;
    }
    let stored = 0;
    if (cache !== 0) {
      try {
        stored = this.#info(cache).stored;
      } catch (error) {
        if (error instanceof CoreFailure) {
          return true; // the core will say why
        }
        throw error;
      }
    }
    const fits = (values: { readonly length: number } | undefined, count: number): boolean =>
      values === undefined || values.length === 0 || values.length === count;
    const columns = rows * length;
    return (
      fits(ids, columns * streams) &&
      fits(embeds, columns * this.#engine.hiddenSize) &&
      fits(positions, columns) &&
      fits(labels, rows * (keep?.length ?? length)) &&
      (mask?.length ?? 0) % rows === 0 &&
      fits(bias, biasRows * biasHeads * length * (stored + length))
    );
  }

  #writeInputs(scratch: Scratch, inputs: ForwardInputs): number {
    const { rows, ids, embeds, positions, mask, bias, keep, labels } = inputs;
    const struct = scratch.struct(STRUCTS.kstt_forward_params);
    this.#module._kstt_forward_default_params(struct);
    const keepsNone = keep !== undefined && keep.length === 0;
    this.#memory.write(STRUCTS.kstt_forward_params, struct, {
      n_rows: rows,
      n_positions: inputs.length,
      n_streams: inputs.streams,
      ids: arrayOrNull(scratch, ids),
      embeds: arrayOrNull(scratch, embeds),
      positions: arrayOrNull(scratch, positions),
      packed: Number(inputs.packed),
      mask: arrayOrNull(scratch, mask),
      n_mask: (mask?.length ?? 0) / rows,
      bias: arrayOrNull(scratch, bias),
      bias_rows: inputs.biasRows,
      bias_heads: inputs.biasHeads,
      want_logits: Number(inputs.logits && !keepsNone),
      keep: arrayOrNull(scratch, keep),
      n_keep: keep?.length ?? 0,
      labels: arrayOrNull(scratch, labels),
      labels_shifted: Number(inputs.labelsShifted),
      ignore_index: inputs.ignoreIndex,
      loss_items: inputs.lossItems,
      hidden_states: Number(inputs.hiddenStates),
      attentions: Number(inputs.attentions),
    });
    return struct;
  }
}

function arrayOrNull(scratch: Scratch, values: Parameters<Scratch["array"]>[0] | undefined): number {
  return values === undefined || values.length === 0 ? 0 : scratch.array(values);
}
