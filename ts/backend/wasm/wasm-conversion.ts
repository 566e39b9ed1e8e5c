/** A conversion in a worker of its own: all files are in the core's memory, the results go to the disk at the end. */
import type { WorkProgress } from "../../contract/backend.js";
import type { ConversionHandle, ConversionReport } from "../../contract/conversion.js";
import { ComputeGate } from "../compute-gate.js";
import { Lifecycle } from "../lifecycle.js";
import type { CoreChannel } from "./core-channel.js";
import { keepFromForgetting, whenForgotten } from "./release.js";

/** Bytes that are on their way from the worker to the disk at once. */
const CHUNK = 4 << 20;

export interface ConversionTarget {
  /** Puts a file, a path in the core's memory, under its name on the disk, whole or not at all. */
  write(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /** A text of the core with paths as the user knows them, quoted for JSON. */
  rename(json: string): string;
}

export class WasmConversion implements ConversionHandle {
  readonly #channel: CoreChannel;
  readonly #id: number;
  readonly #target: ConversionTarget;
  readonly #life: Lifecycle;
  readonly #gate = new ComputeGate();
  #isWritten = false;

  constructor(channel: CoreChannel, id: number, target: ConversionTarget) {
    this.#channel = channel;
    this.#id = id;
    this.#target = target;
    this.#life = new Lifecycle("conversion", async () => channel.close());
    whenForgotten(this, () => channel.close());
  }

  advance(maxBytes: number): Promise<WorkProgress> {
    return this.#life.run(() => this.#gate.run(() => this.#channel.call("advanceConversion", [this.#id, maxBytes])));
  }

  finish(): Promise<void> {
    return this.#life.run(() =>
      this.#gate.run(async () => {
        if (!this.#isWritten) {
          await this.#channel.call("finishConversion", [this.#id]);
          for (const { path } of await this.#files()) {
            await this.#target.write(path, this.#chunks(path));
          }
          this.#isWritten = true;
        }
      }),
    );
  }

  async #files(): Promise<ConversionReport["files"]> {
    return (JSON.parse(await this.#channel.call("reportConversion", [this.#id])) as ConversionReport).files;
  }

  async *#chunks(path: string): AsyncGenerator<Uint8Array> {
    const size = await this.#channel.call("fileSize", [path]);
    for (let at = 0; at < size; at += CHUNK) {
      yield await this.#channel.call("readFile", [path, at, CHUNK]);
    }
  }

  report(): Promise<ConversionReport> {
    return this.#life.run(async () => {
      const json = await this.#channel.call("reportConversion", [this.#id]);
      return JSON.parse(this.#target.rename(json)) as ConversionReport;
    });
  }

  dispose(): Promise<void> {
    keepFromForgetting(this);
    return this.#life.dispose();
  }
}
