/** What a backend offers for rewriting a checkpoint; a part of the contract in backend.ts. kstt-convert.h, same meanings. */
import type { WorkProgress } from "./work.js";

/** Types of the decoder's weights. */
export const WEIGHT_TYPES = ["f32", "f16", "bf16", "q8_0", "q4_0", "q4_k"] as const;

/** Types that the decoder's weights can be written in. */
export type WeightType = (typeof WEIGHT_TYPES)[number];

/** What checkpoints can be written as: one GGUF file, or the weights of the transformers layout in a folder. */
export const CONVERSION_FORMATS = ["gguf", "safetensors"] as const;

/** What checkpoints can be written as. */
export type ConversionFormat = (typeof CONVERSION_FORMATS)[number];

export interface ConversionOptions {
  format: ConversionFormat;
  /** Without it: q8_0; for safetensors as in the source, bf16 where that is quantized. */
  dtype?: WeightType;
  /** Rules "GLOB" (stays in the type of the source) or "GLOB=DTYPE", for tensor names of the transformers layout. */
  keep: readonly string[];
  /** Of a GGUF: the codec in f16, embeddings in q4_k where `dtype` has 4 bits. */
  small: boolean;
  /** Of a GGUF: the codec's decoder half too. */
  codecDecoder: boolean;
  /** How the source is taken, as in SourceOptions. */
  transformersCompat: boolean;
  /** Of a safetensors file; 0: all in one. */
  maxShardBytes: number;
  /** 0: all processors. */
  threads: number;
}

/** One tensor of a conversion. */
export interface ConvertedTensor {
  /** As in the transformers layout; a codebook in a GGUF is `codebook.embed`. */
  readonly name: string;
  /** Its name in the file. */
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
  /** Of the file, or of the folder. */
  readonly path: string;
  /** What was written. */
  readonly format: ConversionFormat;
  /** Of all files. */
  readonly bytes: number;
  /** The type asked for; in safetensors what most of the decoder has. */
  readonly dtype: WeightType;
  /** Of the source: "transformers", "original", "candle", "mlx", "gguf", ... */
  readonly layout: string;
  /** Written, each with its size. */
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  /** Whether the codec's decoder half is among the tensors. */
  readonly codecDecoder: boolean;
  /** Tensors of the source that the format has no place for. */
  readonly leftOut: readonly string[];
  /** In the order of the files. */
  readonly tensors: readonly ConvertedTensor[];
}

export interface ConversionHandle {
  /** Compute. Bytes of the result written and in total. After a failure only dispose() is left. */
  advance(maxBytes: number): Promise<WorkProgress>;
  /** Puts every file under its name. ERR_INVALID_STATE before everything is written. */
  finish(): Promise<void>;
  report(): Promise<ConversionReport>;
  /** Removes what was written, unless finish() is done. */
  dispose(): Promise<void>;
}
