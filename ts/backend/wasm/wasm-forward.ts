/** Caches and forward passes in a worker. */
import type { WorkProgress } from "../../contract/backend.js";
import type { CacheHandle, CacheInfo, ForwardHandle, ForwardResult } from "../../contract/forward.js";
import type { ComputeGate } from "../compute-gate.js";
import { Lifecycle } from "../lifecycle.js";
import { codedError } from "../status-error.js";
import type { CoreChannel } from "./core-channel.js";
import { keepFromForgetting, releaseOf } from "./release.js";

export class WasmCache implements CacheHandle {
  readonly #channel: CoreChannel;
  readonly #engine: Lifecycle;
  readonly #life: Lifecycle;
  readonly #id: number;

  constructor(channel: CoreChannel, engine: Lifecycle, id: number) {
    this.#channel = channel;
    this.#engine = engine;
    this.#id = id;
    this.#life = new Lifecycle("cache", releaseOf(this, channel, "freeCache", id), engine);
  }

  /** What the worker knows a cache by; 0: none. */
  static idOf(cache: CacheHandle | undefined): number {
    if (cache === undefined) {
      return 0;
    }
    if (!(cache instanceof WasmCache)) {
      throw codedError("ERR_INVALID_ARGUMENT", "the cache belongs to another backend");
    }
    cache.#life.assertOpen();
    return cache.#id;
  }

  info(): Promise<CacheInfo> {
    return this.#life.run(() => this.#channel.call("cacheInfo", [this.#id]));
  }

  read(layer: number): Promise<{ readonly keys: Float32Array; readonly values: Float32Array }> {
    return this.#life.run(() => this.#channel.call("readCache", [this.#id, layer]));
  }

  /** A message copies what it is not given. */
  import(positions: number, keys: readonly Float32Array[], values: readonly Float32Array[]): Promise<CacheInfo> {
    return this.#life.run(() => this.#channel.call("importCache", [this.#id, positions, keys, values]));
  }

  crop(n: number): Promise<CacheInfo> {
    return this.#life.run(() => this.#channel.call("cropCache", [this.#id, n]));
  }

  select(rows: Int32Array): Promise<CacheInfo> {
    return this.#life.run(() => this.#channel.call("selectCache", [this.#id, rows]));
  }

  reset(): Promise<CacheInfo> {
    return this.#life.run(() => this.#channel.call("resetCache", [this.#id]));
  }

  copy(): Promise<CacheHandle> {
    return this.#life.run(async () => {
      const id = await this.#channel.call("copyCache", [this.#id]);
      this.#engine.assertOpen();
      return new WasmCache(this.#channel, this.#engine, id);
    });
  }

  dispose(): Promise<void> {
    keepFromForgetting(this);
    return this.#life.dispose();
  }
}

export class WasmForward implements ForwardHandle {
  readonly #channel: CoreChannel;
  readonly #life: Lifecycle;
  readonly #gate: ComputeGate;
  readonly #id: number;

  constructor(channel: CoreChannel, engine: Lifecycle, gate: ComputeGate, id: number) {
    this.#channel = channel;
    this.#gate = gate;
    this.#id = id;
    this.#life = new Lifecycle("forward", releaseOf(this, channel, "freeForward", id), engine);
  }

  advance(maxPositions: number): Promise<WorkProgress> {
    return this.#life.run(() => this.#gate.run(() => this.#channel.call("advanceForward", [this.#id, maxPositions])));
  }

  read(result: ForwardResult, index: number): Promise<Float32Array> {
    return this.#life.run(() => this.#channel.call("readForward", [this.#id, result, index]));
  }

  loss(): Promise<number> {
    return this.#life.run(() => this.#channel.call("forwardLoss", [this.#id]));
  }

  dispose(): Promise<void> {
    keepFromForgetting(this);
    return this.#life.dispose();
  }
}
