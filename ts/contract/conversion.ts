/** What a backend offers for rewriting a checkpoint as one GGUF file; a part of the contract in backend.ts. */
import type { WorkProgress } from "./work.js";

/** Types of the decoder's weights. */
export const WEIGHT_TYPES = ["f32", "f16", "bf16", "q8_0", "q4_0", "q4_k"] as const;

/** Types that the decoder's weights can be written in. */
export type WeightType = (typeof WEIGHT_TYPES)[number];

export interface ConversionOptions {
  dtype: WeightType;
  /** Rules "GLOB" (stays in the type of the source) or "GLOB=DTYPE", for tensor names of the transformers layout. */
  keep: readonly string[];
  /** 0: all processors. */
  threads: number;
}

/** One tensor of a conversion. */
export interface ConvertedTensor {
  /** As in the transformers layout. */
  readonly name: string;
  /** In the file. */
  readonly stored: string;
  /** Slowest axis first. */
  readonly shape: readonly number[];
  /** Type in the source. */
  readonly from: string;
  /** Type in the file. */
  readonly to: string;
  /** In the file. */
  readonly bytes: number;
  /** Why `to` is not the type asked for. */
  readonly reason?: string;
}

/** What a conversion wrote. */
export interface ConversionReport {
  /** Of the file. */
  readonly path: string;
  /** Of the file. */
  readonly bytes: number;
  /** The type asked for. */
  readonly dtype: WeightType;
  /** Of the source: "transformers", "original", "candle", "mlx", "gguf", ... */
  readonly layout: string;
  /** In the order of the file. */
  readonly tensors: readonly ConvertedTensor[];
}

export interface ConversionHandle {
  /** Compute. Bytes of the result written and in total. After a failure only dispose() is left. */
  advance(maxBytes: number): Promise<WorkProgress>;
  /** Puts the whole file under its name. ERR_INVALID_STATE before everything is written. */
  finish(): Promise<void>;
  report(): Promise<ConversionReport>;
  /** Removes what was written, unless finish() is done. */
  dispose(): Promise<void>;
}
