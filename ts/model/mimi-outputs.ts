/** What MimiModel's methods return, in the form of transformers' output classes. */
import type { Tensor } from "../tensor/tensor.js";
import type { MimiConv1dPaddingCache, MimiKeyValueCache } from "./mimi-caches.js";

/** Of encode(). */
export interface MimiEncoderOutput {
  /** [batch, quantizers, frames], each 0 to codebook_size - 1. */
  readonly audio_codes: Tensor<"int64">;
  /** The encoder transformer's keys and values; null unless the call streamed or was given one. */
  readonly encoder_past_key_values: MimiKeyValueCache | null;
  /** Contexts of the encoder's convolutions; null unless the call streamed or was given one. */
  readonly padding_cache: MimiConv1dPaddingCache | null;
}

/** encode() with `return_dict: false`. */
export type MimiEncoderTuple = readonly [
  audio_codes: MimiEncoderOutput["audio_codes"],
  encoder_past_key_values: MimiKeyValueCache | null,
  padding_cache: MimiConv1dPaddingCache | null,
];

/** Of decode(). */
export interface MimiDecoderOutput {
  /** [batch, 1, frames * frame_size] at the codec's sampling rate, about -1 to 1; not clipped. */
  readonly audio_values: Tensor<"float32">;
  /** The decoder transformer's keys and values; null unless the call streamed or was given one. */
  readonly decoder_past_key_values: MimiKeyValueCache | null;
  /** Contexts of the decoder's convolutions, which transformers has none of; null unless the call streamed. */
  readonly padding_cache: MimiConv1dPaddingCache | null;
}

/** decode() with `return_dict: false`. */
export type MimiDecoderTuple = readonly [
  audio_values: MimiDecoderOutput["audio_values"],
  decoder_past_key_values: MimiKeyValueCache | null,
];

/** Of forward(): codes, and the audio decoded from them. */
export interface MimiOutput {
  /** [batch, quantizers, frames]. */
  readonly audio_codes: Tensor<"int64">;
  /** `[batch, 1, samples]`: as long as the input at most. */
  readonly audio_values: Tensor<"float32">;
  /** As encode() returns it. */
  readonly encoder_past_key_values: MimiKeyValueCache | null;
  /** As decode() returns it. */
  readonly decoder_past_key_values: MimiKeyValueCache | null;
}

/** forward() with `return_dict: false`. */
export type MimiTuple = readonly [
  audio_codes: MimiOutput["audio_codes"],
  audio_values: MimiOutput["audio_values"],
  encoder_past_key_values: MimiKeyValueCache | null,
  decoder_past_key_values: MimiKeyValueCache | null,
];
