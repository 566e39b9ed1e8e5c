/** What a backend offers for rewriting a checkpoint as one GGUF file; a part of the contract in backend.ts. */
import type { WorkProgress } from "./backend.js";

/** Types of the decoder's weights. */
export const WEIGHT_TYPES = ["f32", "f16", "bf16", "q8_0", "q4_0", "q4_k"] as const;

export type WeightType = (typeof WEIGHT_TYPES)[number];

export interface ConversionOptions {
  dtype: WeightType;
  /** Rules "GLOB" (stays in the type of the source) or "GLOB=DTYPE", for tensor names of the transformers layout. */
  keep: readonly string[];
  /** 0: all processors. */
  threads: number;
}

export interface ConvertedTensor {
  /** As in the transformers layout. */
  readonly name: string;
  /** In the file. */
  readonly stored: string;
  readonly shape: readonly number[];
  readonly from: string;
  readonly to: string;
  readonly bytes: number;
  /** Why `to` is not the type asked for. */
  readonly reason?: string;
}

export interface ConversionReport {
  readonly path: string;
  readonly bytes: number;
  readonly dtype: WeightType;
  /** Of the source: "transformers", "original", "candle", "mlx", "gguf", ... */
  readonly layout: string;
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
