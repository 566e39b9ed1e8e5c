/** Options of MimiModel's methods, and their checks. */
import { Tensor, type TensorLike } from "../tensor/tensor.js";
import type { RunOptions } from "./engine-runner.js";
import type { MimiConv1dPaddingCache, MimiKeyValueCache } from "./mimi-caches.js";
import type { MimiConfig } from "./mimi-config.js";
import { checkBoolean, checkFunction, checkOptions, checkSignal, invalidArgument, show } from "./option-checks.js";

/** The same options for a result in the form of transformers' tuples. */
export type AsTuple<Options> = Omit<Options, "return_dict"> & { return_dict: false };

interface RunningOptions {
  /**
   * Default `config.return_dict`, which is true: the result is an object. With false (see `AsTuple`) it is an array of
   * the object's values.
   */
  return_dict?: true | null | undefined;
  /** Aborting rejects with ERR_ABORTED. A stream is of no use after that. */
  signal?: AbortSignal | undefined;
  /** Frames done and in total, over all rows. */
  onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined;
}

/** Options of encode(). */
export interface EncodeOptions extends RunningOptions {
  /** How many of the codebooks to return, semantic ones included; default all that the model was loaded to compute. */
  num_quantizers?: number | null | undefined;
  /** Accepted and not used: the reference's codes do not depend on it either. */
  padding_mask?: TensorLike | null | undefined;
  /** Of an earlier call; without it the transformer begins anew. */
  encoder_past_key_values?: MimiKeyValueCache | null | undefined;
  /** Of an earlier call; without it the convolutions begin anew. */
  padding_cache?: MimiConv1dPaddingCache | null | undefined;
  /** Make the caches that are not given; default `config.use_streaming`. */
  use_streaming?: boolean | null | undefined;
}

/** Options of decode(). */
export interface DecodeCodesOptions extends RunningOptions {
  /** `[..., samples]`: the audio is cut to so many samples where it is longer. */
  padding_mask?: TensorLike | null | undefined;
  /** Of an earlier call; without it the transformer begins anew. */
  decoder_past_key_values?: MimiKeyValueCache | null | undefined;
  /** Of an earlier call; without it the convolutions begin anew. Not in transformers, whose decoder has none. */
  padding_cache?: MimiConv1dPaddingCache | null | undefined;
  /** Make the caches that are not given; default false. `config.use_cache` makes the key-value cache alone. */
  use_streaming?: boolean | null | undefined;
}

/** What forward() takes. */
export interface MimiForwardInputs {
  /** float32 [batch, 1, samples]; may be left out where `audio_codes` are given. */
  input_values?: TensorLike<"float32"> | undefined;
  /** [batch, samples] or [batch, 1, samples]; default as long as the input. */
  padding_mask?: TensorLike | null | undefined;
  /** How many of the codebooks to use; default all that the model was loaded to compute. */
  num_quantizers?: number | null | undefined;
  /** Codes to decode instead of those of `input_values`. */
  audio_codes?: TensorLike<"int64" | "int32"> | undefined;
  /** As for encode(). */
  encoder_past_key_values?: MimiKeyValueCache | null | undefined;
  /** As for decode(). */
  decoder_past_key_values?: MimiKeyValueCache | null | undefined;
  /** As for encode(). */
  return_dict?: true | null | undefined;
  /** Aborting rejects with ERR_ABORTED. */
  signal?: AbortSignal | undefined;
}

const RUNNING: readonly (keyof RunningOptions)[] = ["return_dict", "signal", "onProgress"];

const ENCODE_OPTIONS: readonly (keyof EncodeOptions)[] = [
  ...RUNNING,
  "num_quantizers",
  "padding_mask",
  "encoder_past_key_values",
  "padding_cache",
  "use_streaming",
];

const DECODE_OPTIONS: readonly (keyof DecodeCodesOptions)[] = [
  ...RUNNING,
  "padding_mask",
  "decoder_past_key_values",
  "padding_cache",
  "use_streaming",
];

export const FORWARD_OPTIONS: readonly (keyof MimiForwardInputs)[] = [
  "input_values",
  "padding_mask",
  "num_quantizers",
  "audio_codes",
  "encoder_past_key_values",
  "decoder_past_key_values",
  "return_dict",
  "signal",
];

interface CallPlan {
  readonly attention: MimiKeyValueCache | undefined;
  readonly convolutions: MimiConv1dPaddingCache | undefined;
  /** Whether missing caches are made and returned. */
  readonly streams: boolean;
  readonly run: RunOptions;
}

export function readEncodeOptions(options: EncodeOptions | AsTuple<EncodeOptions>, config: MimiConfig): CallPlan {
  checkOptions("encode", options, ENCODE_OPTIONS);
  checkRunning(options);
  return {
    attention: options.encoder_past_key_values ?? undefined,
    convolutions: options.padding_cache ?? undefined,
    streams: options.use_streaming ?? config.use_streaming,
    run: { signal: options.signal, onProgress: options.onProgress },
  };
}

export function readDecodeOptions(
  options: DecodeCodesOptions | AsTuple<DecodeCodesOptions>,
  config: MimiConfig,
): CallPlan & { readonly keepsKeys: boolean; readonly limit: number | undefined } {
  checkOptions("decode", options, DECODE_OPTIONS);
  checkRunning(options);
  return {
    attention: options.decoder_past_key_values ?? undefined,
    convolutions: options.padding_cache ?? undefined,
    streams: options.use_streaming ?? false,
    keepsKeys: config.use_cache,
    limit: maskedLength(options.padding_mask ?? undefined),
    run: { signal: options.signal, onProgress: options.onProgress },
  };
}

function checkRunning(options: {
  return_dict?: unknown;
  use_streaming?: boolean | null | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: unknown;
}): void {
  checkBoolean("return_dict", options.return_dict ?? undefined);
  checkBoolean("use_streaming", options.use_streaming ?? undefined);
  checkSignal(options.signal);
  checkFunction("onProgress", options.onProgress);
}

function maskedLength(mask: TensorLike | undefined): number | undefined {
  if (mask !== undefined && !Tensor.isLike(mask)) {
    throw invalidArgument(`'padding_mask' must be a Tensor, not ${show(mask)}`, "Pass what the processor returns.");
  }
  return mask?.dims.at(-1);
}
