/** The codec's objects in a worker; their results come with the answer that says that they are finished. */
import type { CodecStreamHandle, DecodingHandle, EncodingHandle, WorkProgress } from "../../contract/backend.js";
import type { ComputeGate } from "../compute-gate.js";
import { Lifecycle } from "../lifecycle.js";
import { codedError } from "../status-error.js";
import type { CoreChannel } from "./core-channel.js";
import { forgotten, releaseOf } from "./release.js";

export class WasmCodecStream implements CodecStreamHandle {
  readonly id: number;
  readonly #channel: CoreChannel;
  readonly #life: Lifecycle;
  #columns = 0;
  /** A piece is under way, or was given up. */
  #isBroken = false;

  constructor(channel: CoreChannel, engine: Lifecycle, id: number) {
    this.id = id;
    this.#channel = channel;
    this.#life = new Lifecycle("codec stream", releaseOf(channel, "freeCodecStream", id), engine);
    forgotten.register(this, () => channel.tell("freeCodecStream", [id]), this);
  }

  columns(): number {
    this.#life.assertOpen();
    return this.#columns;
  }

  restart(cache: "attention" | "convolutions"): void {
    this.#life.assertOpen();
    if (this.#isBroken) {
      throw codedError("ERR_INVALID_STATE", "a piece of the codec stream is not finished");
    }
    if (cache === "attention") {
      this.#columns = 0;
    }
    this.#channel.tell("restartCodecStream", [this.id, cache]);
  }

  dispose(): Promise<void> {
    forgotten.unregister(this);
    return this.#life.dispose();
  }

  assertOpen(): void {
    this.#life.assertOpen();
  }

  begin(): void {
    this.#isBroken = true;
  }

  complete(columns: number): void {
    this.#columns = columns;
    this.#isBroken = false;
  }
}

/** The stream that a piece of work belongs to, if any. */
export function wasmStream(stream: CodecStreamHandle | undefined): WasmCodecStream | undefined {
  if (stream !== undefined && !(stream instanceof WasmCodecStream)) {
    throw codedError("ERR_INVALID_ARGUMENT", "the codec stream is one of another backend");
  }
  stream?.assertOpen();
  return stream;
}

export class WasmEncoding implements EncodingHandle {
  readonly #channel: CoreChannel;
  readonly #life: Lifecycle;
  readonly #gate: ComputeGate;
  readonly #stream: WasmCodecStream | undefined;
  readonly #id: number;
  #codes: readonly (readonly Int32Array[])[] | undefined;

  constructor(
    channel: CoreChannel,
    engine: Lifecycle,
    gate: ComputeGate,
    id: number,
    stream: WasmCodecStream | undefined,
  ) {
    this.#channel = channel;
    this.#gate = gate;
    this.#id = id;
    this.#stream = stream;
    stream?.begin();
    this.#life = new Lifecycle("encoding", releaseOf(channel, "freeEncoding", id), engine);
    forgotten.register(this, () => channel.tell("freeEncoding", [id]), this);
  }

  advance(maxFrames: number): Promise<WorkProgress> {
    return this.#life.run(() =>
      this.#gate.run(async () => {
        const { progress, codes, columns } = await this.#channel.call("advanceEncoding", [this.#id, maxFrames]);
        if (progress.finished) {
          this.#codes = codes;
          this.#stream?.complete(columns);
        }
        return progress;
      }),
    );
  }

  codes(): Int32Array[][] {
    this.#life.assertOpen();
    if (this.#codes === undefined) {
      throw codedError("ERR_INVALID_STATE", "the encoding is not finished");
    }
    return this.#codes.map((row) => row.map((line) => line.slice()));
  }

  dispose(): Promise<void> {
    forgotten.unregister(this);
    return this.#life.dispose();
  }
}

export class WasmDecoding implements DecodingHandle {
  readonly #channel: CoreChannel;
  readonly #life: Lifecycle;
  readonly #gate: ComputeGate;
  readonly #stream: WasmCodecStream | undefined;
  readonly #id: number;
  #audio: Float32Array | undefined;

  constructor(
    channel: CoreChannel,
    engine: Lifecycle,
    gate: ComputeGate,
    id: number,
    stream: WasmCodecStream | undefined,
  ) {
    this.#channel = channel;
    this.#gate = gate;
    this.#id = id;
    this.#stream = stream;
    stream?.begin();
    this.#life = new Lifecycle("decoding", releaseOf(channel, "freeDecoding", id), engine);
    forgotten.register(this, () => channel.tell("freeDecoding", [id]), this);
  }

  advance(maxFrames: number): Promise<WorkProgress> {
    return this.#life.run(() =>
      this.#gate.run(async () => {
        const { progress, audio, columns } = await this.#channel.call("advanceDecoding", [this.#id, maxFrames]);
        if (progress.finished) {
          this.#audio = audio;
          this.#stream?.complete(columns);
        }
        return progress;
      }),
    );
  }

  audio(): Float32Array {
    this.#life.assertOpen();
    if (this.#audio === undefined) {
      throw codedError("ERR_INVALID_STATE", "the decoding is not finished");
    }
    return this.#audio.slice();
  }

  dispose(): Promise<void> {
    forgotten.unregister(this);
    return this.#life.dispose();
  }
}
