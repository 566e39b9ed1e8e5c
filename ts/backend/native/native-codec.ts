/** The codec's objects over the addon. */
import type { CodecStreamHandle, DecodingHandle, EncodingHandle, WorkProgress } from "../../contract/backend.js";
import type { ComputeGate } from "../compute-gate.js";
import { Lifecycle } from "../lifecycle.js";
import { codedError } from "../status-error.js";
import type { NativeCodecStream, NativeDecoding, NativeEncoding } from "./addon-types.js";

export class NativeEncodingHandle implements EncodingHandle {
  readonly #native: NativeEncoding;
  readonly #life: Lifecycle;
  readonly #gate: ComputeGate;

  constructor(native: NativeEncoding, engine: Lifecycle, gate: ComputeGate) {
    this.#native = native;
    this.#life = new Lifecycle("encoding", () => native.dispose(), engine);
    this.#gate = gate;
  }

  advance(maxFrames: number): Promise<WorkProgress> {
    return this.#life.run(() => this.#gate.run(() => this.#native.advance(maxFrames)));
  }

  codes(): Int32Array[][] {
    this.#life.assertOpen();
    return this.#native.codes();
  }

  dispose(): Promise<void> {
    return this.#life.dispose();
  }
}

export class NativeDecodingHandle implements DecodingHandle {
  readonly #native: NativeDecoding;
  readonly #life: Lifecycle;
  readonly #gate: ComputeGate;

  constructor(native: NativeDecoding, engine: Lifecycle, gate: ComputeGate) {
    this.#native = native;
    this.#life = new Lifecycle("decoding", () => native.dispose(), engine);
    this.#gate = gate;
  }

  advance(maxFrames: number): Promise<WorkProgress> {
    return this.#life.run(() => this.#gate.run(() => this.#native.advance(maxFrames)));
  }

  audio(): Float32Array {
    this.#life.assertOpen();
    return this.#native.audio();
  }

  dispose(): Promise<void> {
    return this.#life.dispose();
  }
}

/** KSTT_CODEC_ATTENTION and KSTT_CODEC_CONVOLUTIONS. */
const CACHES = { attention: 1, convolutions: 2 } as const;

export class NativeCodecStreamHandle implements CodecStreamHandle {
  readonly #native: NativeCodecStream;
  readonly #life: Lifecycle;

  constructor(native: NativeCodecStream, engine: Lifecycle) {
    this.#native = native;
    this.#life = new Lifecycle("codec stream", () => native.dispose(), engine);
  }

  columns(): number {
    this.#life.assertOpen();
    return this.#native.columns();
  }

  restart(cache: keyof typeof CACHES): void {
    this.#life.assertOpen();
    this.#native.restart(CACHES[cache]);
  }

  dispose(): Promise<void> {
    return this.#life.dispose();
  }

  /** What the addon takes for this stream. */
  get native(): NativeCodecStream {
    this.#life.assertOpen();
    return this.#native;
  }
}

export function nativeStream(stream: CodecStreamHandle | undefined): NativeCodecStream | undefined {
  if (stream === undefined) {
    return undefined;
  }
  if (!(stream instanceof NativeCodecStreamHandle)) {
    throw codedError("ERR_INVALID_ARGUMENT", "the codec stream is one of another backend");
  }
  return stream.native;
}
