/** Caches and forward passes without a model: a position's results follow from the ids of its row up to it. */
import { setImmediate as nextTick } from "node:timers/promises";
import type { ComputeGate } from "../../ts/backend/compute-gate.js";
import { Lifecycle } from "../../ts/backend/lifecycle.js";
import { codedError } from "../../ts/backend/status-error.js";
import type { EngineInfo, WorkProgress } from "../../ts/contract/backend.js";
import type { CacheHandle, CacheInfo, ForwardHandle, ForwardInputs, ForwardResult } from "../../ts/contract/forward.js";

/** As many as the embedded model's configuration says, which tests put beside this fake. */
export const HEADS = 4;
const KV_HEADS = 1;
const HEAD_DIM = 2;

export class FakeCache implements CacheHandle {
  readonly #engine: Lifecycle;
  readonly #life: Lifecycle;
  readonly #layers: number;
  readonly #window: number;
  /** The number of each position seen, per row. */
  #seen: number[][];
  lent = false;

  constructor(engine: Lifecycle, info: EngineInfo, rows: number, window: number) {
    this.#engine = engine;
    this.#life = new Lifecycle("cache", async () => {}, engine);
    this.#layers = info.numLayers;
    this.#window = window < 0 ? info.window : window;
    this.#seen = Array.from({ length: rows }, () => []);
  }

  get rows(): readonly (readonly number[])[] {
    return this.#seen;
  }

  append(values: readonly (readonly number[])[]): void {
    this.#seen = this.#seen.map((row, index) => [...row, ...(values[index] ?? [])]);
  }

  info(): Promise<CacheInfo> {
    return this.#call(() => {});
  }

  read(layer: number): Promise<{ keys: Float32Array; values: Float32Array }> {
    return this.#life.run(() => {
      this.#checkFree();
      if (layer < 0 || layer >= this.#layers) {
        throw codedError("ERR_INVALID_ARGUMENT", "there is no such layer");
      }
      const stored = this.#stored();
      const values = this.#seen.flatMap((row) => row.slice(row.length - stored).flatMap((value) => [value, -value]));
      return { keys: Float32Array.from(values), values: Float32Array.from(values, (value) => layer + value) };
    });
  }

  import(positions: number, keys: readonly Float32Array[], values: readonly Float32Array[]): Promise<CacheInfo> {
    return this.#call(() => {
      const size = this.#seen.length * KV_HEADS * positions * HEAD_DIM;
      if (keys.length !== this.#layers || [...keys, ...values].some((data) => data.length !== size)) {
        throw codedError("ERR_INVALID_ARGUMENT", "the arrays of keys and values do not fit the cache");
      }
      const first = keys[0] ?? new Float32Array();
      this.#seen = this.#seen.map((_, row) =>
        Array.from({ length: positions }, (_, index) => first[(row * positions + index) * HEAD_DIM] ?? 0),
      );
    });
  }

  crop(n: number): Promise<CacheInfo> {
    return this.#call(() => {
      const seen = this.#seen[0]?.length ?? 0;
      if (n < 0 || n > seen) {
        throw codedError("ERR_INVALID_ARGUMENT", `cannot remove ${n} of ${seen} positions`);
      }
      if (n > 0 && this.#stored() < seen) {
        throw codedError("ERR_INVALID_STATE", "the window is reached");
      }
      this.#seen = this.#seen.map((row) => row.slice(0, row.length - n));
    });
  }

  select(rows: Int32Array): Promise<CacheInfo> {
    return this.#call(() => {
      this.#seen = Array.from(rows, (row) => {
        const chosen = this.#seen[row];
        if (chosen === undefined) {
          throw codedError("ERR_INVALID_ARGUMENT", `there is no row ${row}`);
        }
        return [...chosen];
      });
    });
  }

  reset(): Promise<CacheInfo> {
    return this.#call(() => {
      this.#seen = this.#seen.map(() => []);
    });
  }

  copy(): Promise<CacheHandle> {
    return this.#life.run(() => {
      this.#checkFree();
      const info = { numLayers: this.#layers, window: this.#window } as EngineInfo;
      const copy = new FakeCache(this.#engine, info, this.#seen.length, this.#window);
      copy.append(this.#seen);
      return copy;
    });
  }

  dispose(): Promise<void> {
    return this.#life.dispose();
  }

  lend(): void {
    this.#life.assertOpen();
    this.#checkFree();
    this.lent = true;
  }

  #stored(): number {
    const seen = this.#seen[0]?.length ?? 0;
    return this.#window > 0 ? Math.min(seen, this.#window - 1) : seen;
  }

  #checkFree(): void {
    if (this.lent) {
      throw codedError("ERR_INVALID_STATE", "a forward pass uses this cache");
    }
  }

  #call(change: () => void): Promise<CacheInfo> {
    return this.#life.run(() => {
      this.#checkFree();
      change();
      return {
        rows: this.#seen.length,
        layers: this.#layers,
        kvHeads: KV_HEADS,
        headDim: HEAD_DIM,
        window: this.#window,
        seen: this.#seen[0]?.length ?? 0,
        stored: this.#stored(),
      };
    });
  }
}

export class FakeForward implements ForwardHandle {
  readonly #info: EngineInfo;
  readonly #life: Lifecycle;
  readonly #gate: ComputeGate;
  readonly #inputs: ForwardInputs;
  readonly #cache: FakeCache;
  /** [row][place]: of the positions before and these. */
  readonly #numbers: readonly (readonly number[])[];
  #done = 0;
  /** The cache is lent to this pass. */
  #holds = true;

  constructor(engine: Lifecycle, gate: ComputeGate, info: EngineInfo, inputs: ForwardInputs, given?: CacheHandle) {
    const cache = given ?? new FakeCache(engine, info, inputs.rows, 0);
    if (!(cache instanceof FakeCache)) {
      throw codedError("ERR_INVALID_ARGUMENT", "the cache belongs to another backend");
    }
    if (cache.rows.length !== inputs.rows) {
      throw codedError("ERR_INVALID_ARGUMENT", "the cache holds another number of rows");
    }
    const before = cache.rows[0]?.length ?? 0;
    if (inputs.mask !== undefined && inputs.mask.length !== inputs.rows * (before + inputs.length)) {
      throw codedError("ERR_INVALID_ARGUMENT", "the attention mask must cover all positions");
    }
    this.#numbers = cache.rows.map((row, index) => [...row, ...numbersOf(inputs, info, index)]);
    cache.lend();
    this.#info = info;
    this.#life = new Lifecycle("forward", async () => this.#giveBack(), engine);
    this.#gate = gate;
    this.#inputs = inputs;
    this.#cache = cache;
  }

  advance(maxPositions: number): Promise<WorkProgress> {
    return this.#life.run(() =>
      this.#gate.run(async () => {
        await nextTick();
        const { rows, length } = this.#inputs;
        this.#done = Math.min(length, this.#done + Math.ceil(maxPositions / rows));
        if (this.#done === length && this.#holds) {
          this.#cache.append(this.#numbers.map((row) => row.slice(row.length - length)));
          this.#giveBack();
        }
        return { done: this.#done * rows, total: length * rows, finished: this.#done === length };
      }),
    );
  }

  read(result: ForwardResult, index: number): Promise<Float32Array> {
    return this.#life.run(() => {
      this.#assertFinished();
      const { length, keep, logits, hiddenStates, attentions } = this.#inputs;
      const { numLayers, hiddenSize, vocabSize } = this.#info;
      const all = Array.from({ length }, (_, position) => position);
      if (result === "logits" && logits) {
        return this.#fill(keep === undefined ? all : [...keep], vocabSize, 0);
      }
      if (result === "hiddenState" && (index === numLayers || (hiddenStates && index >= 0 && index < numLayers))) {
        return this.#fill(all, hiddenSize, index);
      }
      if (result === "attention" && attentions && index >= 0 && index < numLayers) {
        return this.#fill(all, HEADS * (this.#numbers[0]?.length ?? 0), index);
      }
      throw codedError("ERR_INVALID_ARGUMENT", `this pass keeps no ${result} ${index}`);
    });
  }

  loss(): Promise<number> {
    return this.#life.run(() => {
      this.#assertFinished();
      if (this.#inputs.labels === undefined) {
        throw codedError("ERR_INVALID_ARGUMENT", "this pass has no labels");
      }
      return 1.5;
    });
  }

  dispose(): Promise<void> {
    return this.#life.dispose();
  }

  #giveBack(): void {
    if (this.#holds) {
      this.#holds = false;
      this.#cache.lent = false;
    }
  }

  #assertFinished(): void {
    if (this.#done < this.#inputs.length) {
      throw codedError("ERR_INVALID_STATE", "the forward pass is not finished");
    }
  }

  #fill(positions: readonly number[], width: number, salt: number): Float32Array {
    const { length } = this.#inputs;
    return Float32Array.from(
      this.#numbers.flatMap((row) =>
        positions.flatMap((position) => {
          const sum = row.slice(0, row.length - length + position + 1).reduce((total, value) => total + value, salt);
          return Array.from({ length: width }, (_, index) => (sum * (index + 1)) % 17);
        }),
      ),
    );
  }
}

function numbersOf({ ids, embeds, length, streams }: ForwardInputs, info: EngineInfo, row: number): number[] {
  return Array.from({ length }, (_, position) => {
    const place = row * length + position;
    const id = ids?.[place * streams] ?? embeds?.[place * info.hiddenSize] ?? 0;
    if (id < 0) {
      throw codedError("ERR_INVALID_ARGUMENT", `id ${id} of stream 0 is outside the table`);
    }
    return id;
  });
}
