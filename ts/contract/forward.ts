/** The decoder over known inputs, and its caches of keys and values; cpp/include/kstt-forward.h has the meanings. */
import type { WorkProgress } from "./work.js";

/** kstt_cache_info. */
export interface CacheInfo {
  readonly rows: number;
  readonly layers: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Keys that a query sees, itself included; 0: all. */
  readonly window: number;
  /** Positions since the cache was empty. */
  readonly seen: number;
  /** Of them the last that are kept. */
  readonly stored: number;
}

/** While an unfinished forward uses it, every call but dispose() rejects with ERR_INVALID_STATE. */
export interface CacheHandle {
  info(): Promise<CacheInfo>;
  /** One layer, each [rows][kvHeads][stored][headDim]. */
  read(layer: number): Promise<{ readonly keys: Float32Array; readonly values: Float32Array }>;
  /** One array [rows][kvHeads][positions][headDim] per layer; copied before the promise is returned. */
  import(positions: number, keys: readonly Float32Array[], values: readonly Float32Array[]): Promise<CacheInfo>;
  /** Forgets the last n positions. */
  crop(n: number): Promise<CacheInfo>;
  /** Row i becomes what row rows[i] was. */
  select(rows: Int32Array): Promise<CacheInfo>;
  reset(): Promise<CacheInfo>;
  copy(): Promise<CacheHandle>;
  dispose(): Promise<void>;
}

/** kstt_forward_params; absent arrays are its NULLs. */
export interface ForwardInputs {
  readonly rows: number;
  readonly length: number;
  readonly streams: number;
  /** [rows][length][streams]. */
  readonly ids?: Int32Array | undefined;
  /** [rows][length][hiddenSize]. */
  readonly embeds?: Float32Array | undefined;
  /** [rows][length]. */
  readonly positions?: BigInt64Array | undefined;
  readonly packed: boolean;
  /** [rows][seen + length]. */
  readonly mask?: Uint8Array | undefined;
  /** [biasRows][biasHeads][length][stored + length]. */
  readonly bias?: Float32Array | undefined;
  readonly biasRows: number;
  readonly biasHeads: number;
  readonly logits: boolean;
  readonly keep?: Int32Array | undefined;
  /** [rows][kept]. */
  readonly labels?: Int32Array | undefined;
  readonly labelsShifted: boolean;
  readonly ignoreIndex: number;
  readonly lossItems: number;
  readonly hiddenStates: boolean;
  readonly attentions: boolean;
}

/** Layers' results have an index: hiddenState 0 to numLayers, attention 0 to numLayers - 1. */
export type ForwardResult = "logits" | "hiddenState" | "attention";

export interface ForwardHandle {
  /** Compute. Positions times rows, done and in total. */
  advance(maxPositions: number): Promise<WorkProgress>;
  read(result: ForwardResult, index: number): Promise<Float32Array>;
  loss(): Promise<number>;
  dispose(): Promise<void>;
}
