/** Caches and forward passes over the addon. */
import type { WorkProgress } from "../../contract/backend.js";
import type { CacheHandle, CacheInfo, ForwardHandle, ForwardResult } from "../../contract/forward.js";
import type { ComputeGate } from "../compute-gate.js";
import { Lifecycle } from "../lifecycle.js";
import { SerialQueue } from "../serial-queue.js";
import { codedError } from "../status-error.js";
import type { NativeCache, NativeForward } from "./addon-types.js";

/** KSTT_FORWARD_*. */
const RESULTS: Readonly<Record<ForwardResult, number>> = { logits: 0, hiddenState: 1, attention: 2 };

export class Cache implements CacheHandle {
  readonly #native: NativeCache;
  readonly #engine: Lifecycle;
  readonly #life: Lifecycle;
  readonly #queue = new SerialQueue();

  constructor(native: NativeCache, engine: Lifecycle) {
    this.#native = native;
    this.#engine = engine;
    this.#life = new Lifecycle("cache", () => native.dispose(), engine);
  }

  /** What the addon knows a cache by. */
  static nativeOf(cache: CacheHandle | undefined): NativeCache | undefined {
    if (cache === undefined) {
      return undefined;
    }
    if (!(cache instanceof Cache)) {
      throw codedError("ERR_INVALID_ARGUMENT", "the cache belongs to another backend");
    }
    cache.#life.assertOpen();
    return cache.#native;
  }

  info(): Promise<CacheInfo> {
    return this.#call(() => this.#native.info());
  }

  read(layer: number): Promise<{ readonly keys: Float32Array; readonly values: Float32Array }> {
    return this.#call(() => this.#native.read(layer));
  }

  import(positions: number, keys: readonly Float32Array[], values: readonly Float32Array[]): Promise<CacheInfo> {
    const copies = this.#queue.idle
      ? [keys, values]
      : [keys, values].map((arrays) => arrays.map((data) => data.slice()));
    return this.#call(() => this.#native.import(positions, copies[0] ?? [], copies[1] ?? []));
  }

  crop(n: number): Promise<CacheInfo> {
    return this.#call(() => this.#native.crop(n));
  }

  select(rows: Int32Array): Promise<CacheInfo> {
    const copy = rows.slice();
    return this.#call(() => this.#native.select(copy));
  }

  reset(): Promise<CacheInfo> {
    return this.#call(() => this.#native.reset());
  }

  copy(): Promise<CacheHandle> {
    return this.#engine.make(
      () => this.#call(() => this.#native.copy()),
      (native) => new Cache(native, this.#engine),
    );
  }

  dispose(): Promise<void> {
    return this.#life.dispose();
  }

  #call<T>(call: () => Promise<T>): Promise<T> {
    return this.#life.run(() => this.#queue.run(call));
  }
}

export class Forward implements ForwardHandle {
  readonly #native: NativeForward;
  readonly #life: Lifecycle;
  readonly #gate: ComputeGate;

  constructor(native: NativeForward, engine: Lifecycle, gate: ComputeGate) {
    this.#native = native;
    this.#life = new Lifecycle("forward", () => native.dispose(), engine);
    this.#gate = gate;
  }

  advance(maxPositions: number): Promise<WorkProgress> {
    return this.#life.run(() => this.#gate.run(() => this.#native.advance(maxPositions)));
  }

  read(result: ForwardResult, index: number): Promise<Float32Array> {
    return this.#life.run(() => this.#native.read(RESULTS[result], index));
  }

  loss(): Promise<number> {
    return this.#life.run(() => this.#native.loss());
  }

  dispose(): Promise<void> {
    return this.#life.dispose();
  }
}
