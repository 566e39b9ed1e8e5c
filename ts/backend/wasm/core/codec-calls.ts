/** kstt-codec.h, and the encodings of kstt.h, on one instance of the core. */
import type { CodecHalf, WorkProgress } from "../../../contract/backend.js";
import { CONSTANTS, STRUCTS } from "../layout.js";
import { CoreFailure, type CoreModule } from "./core-module.js";
import { type CoreEngine, checkInput } from "./engine-calls.js";
import type { CoreMemory } from "./memory.js";
import { Pointers } from "./pointers.js";
import { readProgress } from "./values.js";

/** Rows of a piece of work, and the stream that it is a piece of; 0: none. */
interface Piece {
  readonly rows: number;
  readonly stream: number;
}

export class CoreCodec {
  readonly #module: CoreModule;
  readonly #memory: CoreMemory;
  readonly #engine: CoreEngine;
  readonly #streams = new Pointers("codec stream");
  readonly #encodings = new Pointers<Piece>("encoding");
  readonly #decodings = new Pointers<Piece>("decoding");

  constructor(module: CoreModule, memory: CoreMemory, engine: CoreEngine) {
    this.#module = module;
    this.#memory = memory;
    this.#engine = engine;
  }

  createStream(half: CodecHalf, rows: number): number {
    return this.#memory.scratch((scratch) => {
      const out = scratch.zeros(4);
      const number = half === "encoder" ? CONSTANTS.KSTT_CODEC_ENCODER : CONSTANTS.KSTT_CODEC_DECODER;
      scratch.call("_kstt_codec_stream_create", this.#engine.pointer, number, rows, out);
      return this.#streams.add(this.#memory.pointerAt(out), undefined);
    });
  }

  restartStream(id: number, cache: "attention" | "convolutions"): void {
    const caches = cache === "attention" ? CONSTANTS.KSTT_CODEC_ATTENTION : CONSTANTS.KSTT_CODEC_CONVOLUTIONS;
    const { pointer } = this.#streams.get(id);
    this.#memory.scratch((scratch) => scratch.call("_kstt_codec_stream_restart", pointer, caches));
  }

  freeStream(id: number): void {
    this.#module._kstt_codec_stream_free(this.#streams.take(id));
  }

  /** `stream`: 0 for a whole input. */
  createEncoding(input: Float32Array, rows: number, samples: number, stream: number): number {
    checkInput(input, rows, samples);
    return this.#memory.scratch((scratch) => {
      const out = scratch.zeros(4);
      const values = scratch.array(input);
      if (stream === 0) {
        scratch.call("_kstt_encoding_create", this.#engine.pointer, values, rows, samples, out);
      } else {
        const { pointer } = this.#streams.get(stream);
        scratch.call("_kstt_encoding_create_piece", pointer, values, rows, samples, out);
      }
      return this.#encodings.add(this.#memory.pointerAt(out), { rows, stream });
    });
  }

  advanceEncoding(id: number, maxFrames: number) {
    const { pointer, extra } = this.#encodings.get(id);
    const progress = this.#progress("_kstt_encoding_advance", pointer, maxFrames);
    return {
      progress,
      result: progress.finished ? this.#codes(pointer, extra.rows) : [],
      columns: this.#columns(extra.stream),
    };
  }

  #codes(encoding: number, rows: number): Int32Array[][] {
    return this.#memory.scratch((scratch) => {
      const frames = this.#module._kstt_encoding_n_frames(encoding);
      const lines = this.#engine.quantizers;
      const codes = scratch.zeros(4 * rows * lines * frames);
      scratch.call("_kstt_encoding_codes", encoding, codes, rows * lines * frames);
      return Array.from({ length: rows }, (_, row) =>
        Array.from({ length: lines }, (_line, line) =>
          this.#memory.copyInts(codes + 4 * (row * lines + line) * frames, frames),
        ),
      );
    });
  }

  freeEncoding(id: number): void {
    this.#module._kstt_encoding_free(this.#encodings.take(id));
  }

  createDecoding(codes: Int32Array, rows: number, quantizers: number, frames: number, stream: number): number {
    const isCount = (value: number): boolean => Number.isInteger(value) && value >= 0;
    if (![rows, quantizers, frames].every(isCount) || rows * quantizers * frames !== codes.length) {
      throw new CoreFailure(
        CONSTANTS.KSTT_STATUS_INVALID_ARGUMENT,
        `codes has ${codes.length} elements, which are not ${rows} rows of ${quantizers} codebooks and ${frames} frames`,
      );
    }
    return this.#memory.scratch((scratch) => {
      const out = scratch.zeros(4);
      const values = scratch.array(codes);
      const owner = stream === 0 ? 0 : this.#streams.get(stream).pointer;
      scratch.call("_kstt_decoding_create", this.#engine.pointer, values, rows, quantizers, frames, owner, out);
      return this.#decodings.add(this.#memory.pointerAt(out), { rows, stream });
    });
  }

  advanceDecoding(id: number, maxFrames: number) {
    const { pointer, extra } = this.#decodings.get(id);
    const progress = this.#progress("_kstt_decoding_advance", pointer, maxFrames);
    return {
      progress,
      result: progress.finished ? this.#audio(pointer, extra.rows) : new Float32Array(),
      columns: this.#columns(extra.stream),
    };
  }

  #audio(decoding: number, rows: number): Float32Array {
    return this.#memory.scratch((scratch) => {
      const size = rows * Number(this.#module._kstt_decoding_n_samples(decoding));
      const audio = scratch.zeros(4 * size);
      scratch.call("_kstt_decoding_audio", decoding, audio, size);
      return this.#memory.copyFloats(audio, size);
    });
  }

  freeDecoding(id: number): void {
    this.#module._kstt_decoding_free(this.#decodings.take(id));
  }

  #columns(stream: number): number {
    return stream === 0 ? 0 : Number(this.#module._kstt_codec_stream_n_columns(this.#streams.get(stream).pointer));
  }

  #progress(
    call: "_kstt_encoding_advance" | "_kstt_decoding_advance",
    pointer: number,
    maxFrames: number,
  ): WorkProgress {
    return this.#memory.scratch((scratch) => {
      const struct = scratch.struct(STRUCTS.kstt_progress);
      scratch.call(call, pointer, maxFrames, struct);
      return readProgress(this.#memory, struct);
    });
  }
}
