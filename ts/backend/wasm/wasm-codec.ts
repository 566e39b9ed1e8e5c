/** The codec's objects in a worker; their results come with the answer that says that they are finished. */
import type { CodecStreamHandle, DecodingHandle, EncodingHandle, WorkProgress } from "../../contract/backend.js";
import type { ComputeGate } from "../compute-gate.js";
import { Lifecycle } from "../lifecycle.js";
import { codedError } from "../status-error.js";
import type { CodecAnswer } from "./core/calls.js";
import type { CoreChannel } from "./core-channel.js";
import { keepFromForgetting, releaseOf } from "./release.js";

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
    this.#life = new Lifecycle("codec stream", releaseOf(this, channel, "freeCodecStream", id), engine);
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
    keepFromForgetting(this);
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

/** A piece of work in a worker, and what it belongs to. */
export interface CodecPiece {
  readonly channel: CoreChannel;
  readonly engine: Lifecycle;
  readonly gate: ComputeGate;
  readonly id: number;
  readonly stream: WasmCodecStream | undefined;
}

/** What encodings and decodings have in common: one result, which comes with the answer that finishes the work. */
abstract class CodecWork<T> {
  readonly #piece: CodecPiece;
  readonly #name: string;
  readonly #life: Lifecycle;
  #result: T | undefined;

  constructor(piece: CodecPiece, name: string, free: "freeEncoding" | "freeDecoding") {
    const { channel, engine, id, stream } = piece;
    this.#piece = piece;
    this.#name = name;
    stream?.begin();
    this.#life = new Lifecycle(name, releaseOf(this, channel, free, id), engine);
  }

  protected abstract ask(piece: CodecPiece, maxFrames: number): Promise<CodecAnswer<T>>;

  advance(maxFrames: number): Promise<WorkProgress> {
    const { gate, stream } = this.#piece;
    return this.#life.run(() =>
      gate.run(async () => {
        const { progress, result, columns } = await this.ask(this.#piece, maxFrames);
        if (progress.finished) {
          this.#result = result;
          stream?.complete(columns);
        }
        return progress;
      }),
    );
  }

  /** @throws SttError ERR_INVALID_STATE before the work is finished. */
  protected result(): T {
    this.#life.assertOpen();
    if (this.#result === undefined) {
      throw codedError("ERR_INVALID_STATE", `the ${this.#name} is not finished`);
    }
    return this.#result;
  }

  dispose(): Promise<void> {
    keepFromForgetting(this);
    return this.#life.dispose();
  }
}

export class WasmEncoding extends CodecWork<readonly (readonly Int32Array[])[]> implements EncodingHandle {
  constructor(piece: CodecPiece) {
    super(piece, "encoding", "freeEncoding");
  }

  protected ask({ channel, id }: CodecPiece, maxFrames: number) {
    return channel.call("advanceEncoding", [id, maxFrames]);
  }

  codes(): Int32Array[][] {
    return this.result().map((row) => row.map((line) => line.slice()));
  }
}

export class WasmDecoding extends CodecWork<Float32Array> implements DecodingHandle {
  constructor(piece: CodecPiece) {
    super(piece, "decoding", "freeDecoding");
  }

  protected ask({ channel, id }: CodecPiece, maxFrames: number) {
    return channel.call("advanceDecoding", [id, maxFrames]);
  }

  audio(): Float32Array {
    return this.result().slice();
  }
}
