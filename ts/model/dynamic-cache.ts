import { SttError } from "../contract/errors.js";
import type { CacheHandle, CacheInfo } from "../contract/forward.js";
import { Tensor, type TensorLike } from "../tensor/tensor.js";
import type { EngineRunner } from "./engine-runner.js";
import { checkInteger, checkOptions, invalidArgument, show } from "./option-checks.js";

/** Keys and values of one layer, each [batch, key-value heads, positions, head_dim]; keys are rotated already. */
export type LegacyCacheLayer = readonly [keys: TensorLike<"float32">, values: TensorLike<"float32">];

/** What transformers used before it had cache objects: one pair per layer. */
export type LegacyCache = readonly LegacyCacheLayer[];

/** Options of a new cache. */
export interface DynamicCacheOptions {
  /**
   * The model's configuration: only as much as its attention window needs is kept, as generate() does. Without it,
   * everything is kept, and every position sees all before it.
   */
  config?: { readonly sliding_window: number } | undefined;
}

/**
 * Keys and values of the positions that a model has seen, which the next `forward` goes on from. Passed as
 * `past_key_values`; a call that gets none makes one, unless `use_cache` is false. The data is in the model's memory:
 * what changes or reads it is a promise. Calls on one cache must not overlap.
 *
 * Methods reject with ERR_INVALID_ARGUMENT, ERR_INVALID_STATE (in use by another call, or filled from tuples that no model
 * has taken yet), ERR_OUT_OF_MEMORY, ERR_DISPOSED.
 */
export class DynamicCache {
  readonly #window: number;
  #handle: CacheHandle | undefined;
  #info: CacheInfo | undefined;
  #runner: EngineRunner | undefined;
  #imported:
    | {
        readonly keys: readonly Float32Array[];
        readonly values: readonly Float32Array[];
        rows: number;
        positions: number;
      }
    | undefined;

  constructor(options: DynamicCacheOptions = {}) {
    checkOptions("DynamicCache", options, ["config"]);
    const window = options.config?.sliding_window ?? 0;
    checkInteger("config.sliding_window", window, 0, 2 ** 31 - 1);
    this.#window = window;
  }

  /**
   * A cache of the tuples that older versions of transformers passed around. With `config`, the tuples count as all
   * positions seen so far; pass `position_ids` where they are the last of more. Throws ERR_INVALID_ARGUMENT.
   */
  static from_legacy_cache(layers: LegacyCache, options: DynamicCacheOptions = {}): DynamicCache {
    const cache = new DynamicCache(options);
    cache.#imported = readLegacy(layers);
    return cache;
  }

  /** Positions seen. */
  get_seq_length(): number {
    return this.#info?.seen ?? this.#imported?.positions ?? 0;
  }

  /** Positions that a window lets be seen at once; -1: no limit. */
  get_max_length(): number {
    return this.#window > 0 ? this.#window : -1;
  }

  /** Per layer: whether it forgets what leaves the attention window. */
  get is_sliding(): boolean {
    return this.#window > 0;
  }

  /** Rows; -1 before the first call. */
  get batch_size(): number {
    return this.#info?.rows ?? this.#imported?.rows ?? -1;
  }

  /** Positions that are kept: all, or with a window its length less one. */
  get stored_length(): number {
    return this.#info?.stored ?? this.#imported?.positions ?? 0;
  }

  /** One pair per layer, each tensor [batch, key-value heads, stored positions, head_dim]; empty before the first call. */
  async to_legacy_cache(): Promise<[keys: Tensor<"float32">, values: Tensor<"float32">][]> {
    const { handle, info } = this.#bound();
    if (handle === undefined || info === undefined) {
      return [];
    }
    const layers: [Tensor<"float32">, Tensor<"float32">][] = [];
    for (let layer = 0; layer < info.layers; layer++) {
      const { keys, values } = await handle.read(layer);
      const dims = [info.rows, info.kvHeads, info.stored, info.headDim];
      layers.push([new Tensor("float32", keys, dims), new Tensor("float32", values, dims)]);
    }
    return layers;
  }

  /**
   * Forgets positions: -n the last n of them; n > 0 all behind the first n. Rejects with ERR_INVALID_STATE once the
   * window is reached, because what a shorter cache would hold is gone.
   */
  async crop(positions: number): Promise<void> {
    checkInteger("crop", positions, -(2 ** 31), 2 ** 31);
    const seen = this.get_seq_length();
    const removed = positions > 0 ? Math.max(0, seen - positions) : -positions;
    await this.#change((handle) => handle.crop(removed));
  }

  /** Row i becomes what row `rows[i]` was. */
  async reorder_cache(rows: TensorLike | readonly number[]): Promise<void> {
    await this.batch_select_indices(rows);
  }

  /** Keeps these rows, in this order. */
  async batch_select_indices(rows: TensorLike | readonly number[]): Promise<void> {
    const list = Tensor.isLike(rows) ? Array.from(rows.data, Number) : rows;
    if (!Array.isArray(list) || list.length === 0) {
      throw invalidArgument(`rows of a cache must be a tensor or array of at least one index, not ${show(rows)}`);
    }
    for (const row of list) {
      checkInteger("row", row, 0, 2 ** 31 - 1);
    }
    await this.#change((handle) => handle.select(Int32Array.from(list)));
  }

  /** Every row `repeats` times, one after the other. */
  async batch_repeat_interleave(repeats: number): Promise<void> {
    checkInteger("repeats", repeats, 1, 4096);
    const rows = Math.max(this.batch_size, 0);
    const list = Array.from({ length: rows * repeats }, (_, index) => Math.floor(index / repeats));
    await this.#change((handle) => handle.select(Int32Array.from(list)));
  }

  /** Forgets everything. */
  async reset(): Promise<void> {
    this.#imported = undefined;
    if (this.#handle !== undefined) {
      this.#info = await this.#handle.reset();
    }
  }

  /** Another cache with the same content. */
  async clone(): Promise<DynamicCache> {
    const { handle, info } = this.#bound();
    const copy = new DynamicCache(this.#window > 0 ? { config: { sliding_window: this.#window } } : {});
    copy.#imported = this.#imported;
    copy.#runner = this.#runner;
    copy.#handle = await handle?.copy();
    copy.#info = info;
    return copy;
  }

  /** Frees the memory at once; else it goes with the object or its model. */
  async dispose(): Promise<void> {
    await this.#handle?.dispose();
  }

  /** dispose(). */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  /** @internal A cache around what a backend made. */
  static around(handle: CacheHandle, info: CacheInfo, runner: EngineRunner): DynamicCache {
    const cache = new DynamicCache(info.window > 0 ? { config: { sliding_window: info.window } } : {});
    cache.#handle = handle;
    cache.#info = info;
    cache.#runner = runner;
    return cache;
  }

  /** @internal The backend's cache of `rows` rows, made when it is first needed. */
  async open(runner: EngineRunner, rows: number): Promise<CacheHandle> {
    if (this.#runner !== undefined && this.#runner !== runner) {
      throw invalidArgument("the cache in past_key_values belongs to another model", "Make one for each model.");
    }
    this.#runner = runner;
    const batch = this.batch_size;
    if (batch !== -1 && batch !== rows) {
      throw invalidArgument(`past_key_values hold ${batch} rows, but the input has ${rows}`);
    }
    if (this.#handle === undefined) {
      const handle = await runner.engine.createCache(rows, this.#window);
      this.#handle = handle;
      this.#info = await this.#fill(handle);
    }
    return this.#handle;
  }

  /** @internal After a call has used the cache. */
  async refresh(): Promise<void> {
    this.#info = await this.#handle?.info();
  }

  async #fill(handle: CacheHandle): Promise<CacheInfo> {
    const imported = this.#imported;
    const info = await handle.info();
    if (imported === undefined) {
      return info;
    }
    const size = info.rows * info.kvHeads * imported.positions * info.headDim;
    if (
      imported.keys.length !== info.layers ||
      [...imported.keys, ...imported.values].some((data) => data.length !== size)
    ) {
      throw invalidArgument(
        `past_key_values must be ${info.layers} pairs of tensors [${info.rows}, ${info.kvHeads}, ` +
          `${imported.positions}, ${info.headDim}] for this model`,
      );
    }
    this.#imported = undefined;
    return handle.import(imported.positions, imported.keys, imported.values);
  }

  #bound(): { handle: CacheHandle | undefined; info: CacheInfo | undefined } {
    if (this.#imported !== undefined) {
      throw new SttError("ERR_INVALID_STATE", "the cache was not used by a model yet", {
        remedy: "Pass it to forward() first.",
      });
    }
    return { handle: this.#handle, info: this.#info };
  }

  async #change(change: (handle: CacheHandle) => Promise<CacheInfo>): Promise<void> {
    const { handle } = this.#bound();
    if (handle !== undefined) {
      this.#info = await change(handle);
    }
  }
}

function readLegacy(layers: LegacyCache): {
  keys: Float32Array[];
  values: Float32Array[];
  rows: number;
  positions: number;
} {
  const first: unknown = Array.isArray(layers) ? layers[0]?.[0] : undefined;
  if (!Tensor.isLike(first) || first.dims.length !== 4) {
    throw badLegacy();
  }
  const [rows = 0, , positions = 0] = first.dims;
  const shape = first.dims.join();
  const read = (tensor: unknown): Float32Array => {
    if (!Tensor.isLike(tensor) || tensor.type !== "float32" || tensor.dims.join() !== shape) {
      throw badLegacy();
    }
    return tensor.data as Float32Array;
  };
  if (rows < 1 || positions < 1) {
    throw badLegacy();
  }
  return {
    keys: layers.map(([keys]) => read(keys)),
    values: layers.map(([, values]) => read(values)),
    rows,
    positions,
  };
}

function badLegacy(): SttError {
  return invalidArgument(
    "past_key_values must be a cache, or one pair of float32 tensors [batch, heads, positions, head_dim] per layer, " +
      "all of one shape",
    "Pass what an earlier call returned.",
  );
}
