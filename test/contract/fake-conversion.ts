/** A conversion without weights: it writes zeros beside the target and keeps the contract. */
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { setImmediate as nextTick } from "node:timers/promises";
import { ComputeGate } from "../../ts/backend/compute-gate.js";
import { Lifecycle } from "../../ts/backend/lifecycle.js";
import { codedError } from "../../ts/backend/status-error.js";
import type { WorkProgress } from "../../ts/contract/backend.js";
import type { ConversionHandle, ConversionOptions, ConversionReport } from "../../ts/contract/conversion.js";

/** Large enough for several steps of the facade. */
const BYTES = 40 * 1024 * 1024;

export class FakeConversion implements ConversionHandle {
  readonly #target: string;
  readonly #options: ConversionOptions;
  readonly #life = new Lifecycle("conversion", () => rm(this.#temporary, { force: true }));
  readonly #gate = new ComputeGate();
  #done = 0;

  private constructor(target: string, options: ConversionOptions) {
    this.#target = target;
    this.#options = options;
  }

  static async create(source: string, target: string, options: ConversionOptions): Promise<FakeConversion> {
    await stat(source).catch((cause) => {
      throw codedError("ERR_FILE_NOT_FOUND", `${source}: ${cause.message}`);
    });
    const conversion = new FakeConversion(target, options);
    await writeFile(conversion.#temporary, "");
    return conversion;
  }

  get #temporary(): string {
    return `${this.#target}.part`;
  }

  get #file(): string {
    return this.#options.format === "gguf" ? this.#target : `${this.#target}/model.safetensors`;
  }

  advance(maxBytes: number): Promise<WorkProgress> {
    return this.#life.run(() =>
      this.#gate.run(async () => {
        await nextTick();
        this.#done = Math.min(BYTES, this.#done + maxBytes);
        return { done: this.#done, total: BYTES, finished: this.#done === BYTES };
      }),
    );
  }

  finish(): Promise<void> {
    return this.#life.run(() => {
      if (this.#done < BYTES) {
        throw codedError("ERR_INVALID_STATE", "the conversion is not done");
      }
      return this.#gate.run(async () => {
        if (this.#options.format === "safetensors") {
          await mkdir(this.#target, { recursive: true });
        }
        await rename(this.#temporary, this.#file);
      });
    });
  }

  report(): Promise<ConversionReport> {
    const { format, dtype = "q8_0", codecDecoder } = this.#options;
    const files = [{ path: this.#file, bytes: BYTES }];
    const tensor = { name: "a.weight", stored: "a.weight", shape: [2, 33], from: "bf16", bytes: BYTES };
    const tensors = [{ ...tensor, to: "bf16", reason: "rows of 33 are no whole blocks of q8_0" }];
    const facts = { format, bytes: BYTES, dtype, layout: "fake", files, codecDecoder, leftOut: [] };
    return this.#life.run(async () => ({ path: this.#target, ...facts, tensors }));
  }

  dispose(): Promise<void> {
    return this.#life.dispose();
  }
}
