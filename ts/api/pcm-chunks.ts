/** What callers write: chunks of PCM in several forms, to one array of samples per channel. */
import { BYTES_PER_SAMPLE, framesToChannels, type SampleFormat } from "../audio/sample-formats.js";
import { MAX_SAMPLE_RATE, MIN_SAMPLE_RATE } from "../audio/types.js";
import { SttError } from "../contract/errors.js";
import { checkFinite } from "../model/audio-input.js";
import { checkOptions, invalidArgument, show } from "../model/option-checks.js";

/** Interleaved bytes: little-endian 16-bit integers, or 32-bit floats in [-1, 1]. */
export type PcmFormat = "s16le" | "f32le";

/** Samples in [-1, 1], 16-bit integers, or bytes in a PcmFormat. Several channels are interleaved. */
export type PcmChunk = Float32Array | Int16Array | Uint8Array | ArrayBuffer;

/** How the PCM of a write() is to be read. */
export interface WriteOptions {
  /** Hz; default: the session's. May change between chunks. */
  rate?: number | undefined;
  /** Of bytes; default: the session's. */
  format?: PcmFormat | undefined;
}

const PCM_FORMATS: readonly PcmFormat[] = ["s16le", "f32le"];
const SAMPLE_FORMATS: Readonly<Record<PcmFormat, SampleFormat>> = { s16le: "s16", f32le: "f32" };

/** The core's limit (kstt_session_push_pcm). */
const MAX_CHUNK_SAMPLES = 2 ** 31;

export class PcmReader {
  readonly #channels: number;
  #rest = new Uint8Array(0);
  #restFormat: PcmFormat | undefined;

  constructor(channels = 1) {
    this.#channels = channels;
  }

  /** Bytes of a sample that has not arrived whole. */
  get pendingBytes(): number {
    return this.#rest.length;
  }

  clear(): void {
    this.#rest = new Uint8Array(0);
  }

  /**
   * New arrays, one per channel, all finite. Bytes may be cut anywhere: what is left of a sample waits for the next
   * chunk. A chunk is taken whole or, with ERR_INVALID_ARGUMENT or ERR_INVALID_AUDIO, not at all.
   */
  read(chunk: PcmChunk, format: PcmFormat | undefined): Float32Array<ArrayBuffer>[] {
    checkLength(chunk);
    if (chunk instanceof Float32Array || chunk instanceof Int16Array) {
      return this.#readSamples(chunk);
    }
    const bytes = chunk instanceof ArrayBuffer ? new Uint8Array(chunk) : chunk;
    if (format === undefined) {
      throw invalidArgument("bytes need their format", 'Pass { format: "s16le" } or { format: "f32le" }.');
    }
    if (this.#rest.length > 0 && this.#restFormat !== format) {
      throw invalidArgument(`the format changes from ${this.#restFormat} to ${format} in the middle of a sample`);
    }
    const all = join(this.#rest, bytes);
    const whole = all.length - (all.length % (BYTES_PER_SAMPLE[SAMPLE_FORMATS[format]] * this.#channels));
    const samples = framesToChannels(all.subarray(0, whole), SAMPLE_FORMATS[format], this.#channels);
    checkAll(samples);
    this.#rest = all.slice(whole);
    this.#restFormat = format;
    return samples;
  }

  #readSamples(chunk: Float32Array | Int16Array): Float32Array<ArrayBuffer>[] {
    if (this.#rest.length > 0) {
      throw invalidArgument("samples follow bytes that end in the middle of a sample");
    }
    if (chunk.length % this.#channels !== 0) {
      throw invalidArgument(`${chunk.length} samples are no whole number of frames of ${this.#channels} channels`);
    }
    const scale = chunk instanceof Int16Array ? 1 / 32_768 : 1;
    const samples = Array.from({ length: this.#channels }, (_, channel) => {
      const out = new Float32Array(chunk.length / this.#channels);
      for (let i = 0, at = channel; i < out.length; i++, at += this.#channels) {
        out[i] = (chunk[at] ?? 0) * scale;
      }
      return out;
    });
    checkAll(samples);
    return samples;
  }
}

function checkAll(channels: readonly Float32Array[]): void {
  for (const samples of channels) {
    checkFinite(samples, "chunk");
  }
}

function checkLength(chunk: unknown): void {
  if (!(chunk instanceof Float32Array || chunk instanceof Int16Array || chunk instanceof Uint8Array)) {
    if (!(chunk instanceof ArrayBuffer)) {
      throw invalidArgument(
        `a chunk must be a Float32Array, an Int16Array or bytes, not ${show(chunk)}`,
        "Decode files first, or pass them to transcribe().",
      );
    }
    return;
  }
  if (chunk.length >= MAX_CHUNK_SAMPLES) {
    throw invalidArgument(`a chunk must have fewer than 2^31 samples, not ${chunk.length}`, "Write it in parts.");
  }
}

function join(head: Uint8Array<ArrayBuffer>, tail: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(head.length + tail.length);
  bytes.set(head);
  bytes.set(tail, head.length);
  return bytes;
}

export function checkFormat(format: unknown): void {
  if (format !== undefined && !PCM_FORMATS.some((known) => known === format)) {
    throw invalidArgument(`'format' must be "s16le" or "f32le", not ${show(format)}`);
  }
}

/** Throws ERR_INVALID_AUDIO. */
export function checkSampleRate(rate: unknown): void {
  if (!Number.isInteger(rate) || Number(rate) < MIN_SAMPLE_RATE || Number(rate) > MAX_SAMPLE_RATE) {
    throw new SttError(
      "ERR_INVALID_AUDIO",
      `sample rate ${show(rate)} is outside ${MIN_SAMPLE_RATE} to ${MAX_SAMPLE_RATE} Hz, or not a whole number`,
      { remedy: "State the rate of the recording in Hz, for example 16000." },
    );
  }
}

/** Rate and format of a chunk: its own, else the session's. */
export function pcmKind(own: WriteOptions, session: WriteOptions): { rate: number; format: PcmFormat | undefined } {
  checkOptions("write", own, ["rate", "format"]);
  const rate = own.rate ?? session.rate;
  const format = own.format ?? session.format;
  checkFormat(format);
  if (rate === undefined) {
    throw invalidArgument(
      "PCM needs its sample rate",
      "Pass { rate } with the chunk or when creating the session, in Hz.",
    );
  }
  checkSampleRate(rate);
  return { rate, format };
}
