/** Where audio comes from, and what decoding gives. */

/** Samples that are already decoded: mono, or one array per channel (all of one length); rate in Hz. */
export interface RawAudio {
  /** In [-1, 1]. */
  readonly samples: Float32Array | readonly Float32Array[];
  /** Hz. */
  readonly rate: number;
}

/**
 * A file path or URL (string or URL; http, https, file, data and blob), the bytes of an audio file (in memory, as a
 * Blob or as a stream), or samples. The kind of file is told from its content, never from its name.
 */
export type AudioSource =
  | string
  | URL
  | Uint8Array
  | ArrayBuffer
  | Blob
  | AsyncIterable<Uint8Array>
  | ReadableStream<Uint8Array>
  | RawAudio;

/** Mono samples, in [-1, 1] for a file that is not clipped; rate in Hz. */
export interface AudioChunk {
  readonly samples: Float32Array<ArrayBuffer>;
  readonly rate: number;
  /** What was mixed, one array per channel; all there with DecodeOptions.split. May belong to a decoder: copy to keep. */
  readonly channels?: readonly Float32Array[];
}

export type AudioNoteCode =
  /** The file ends early; what it holds was delivered. */
  | "truncated"
  /** Parts could not be decoded and were left out or concealed. */
  | "damaged"
  /** Another decoder than the built-in ones did the work. */
  | "external-decoder";

/** Something the caller should know although decoding went on. */
export interface AudioNote {
  readonly code: AudioNoteCode;
  readonly message: string;
}

export interface DecodeOptions {
  /** Keep the channels apart in every chunk, beside the mix. */
  split?: boolean | undefined;
  signal?: AbortSignal | undefined;
  onNote?: ((note: AudioNote) => void) | undefined;
}

/** What the decoders of single formats get: the open source's name for messages, and the caller's options. */
export interface DecodeContext {
  readonly name: string;
  readonly signal: AbortSignal | undefined;
  readonly split: boolean;
  note(code: AudioNoteCode, message: string): void;
}

/** Rates the resampler takes (cpp/include/kstt.h). */
export const MIN_SAMPLE_RATE = 1000;
export const MAX_SAMPLE_RATE = 768_000;
