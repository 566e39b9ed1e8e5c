/** The addon's conversions, scheduled as the contract asks. */
import type { WorkProgress } from "../../contract/backend.js";
import type { ConversionHandle, ConversionReport } from "../../contract/conversion.js";
import { ComputeGate } from "../compute-gate.js";
import { Lifecycle } from "../lifecycle.js";
import type { NativeConversion } from "./addon-types.js";

export class Conversion implements ConversionHandle {
  readonly #native: NativeConversion;
  readonly #life: Lifecycle;
  readonly #gate = new ComputeGate();

  constructor(native: NativeConversion) {
    this.#native = native;
    this.#life = new Lifecycle("conversion", () => native.dispose());
  }

  advance(maxBytes: number): Promise<WorkProgress> {
    return this.#life.run(() => this.#gate.run(() => this.#native.advance(maxBytes)));
  }

  finish(): Promise<void> {
    return this.#life.run(() => this.#gate.run(() => this.#native.finish()));
  }

  report(): Promise<ConversionReport> {
    return this.#life.run(async () => JSON.parse(await this.#native.report()) as ConversionReport);
  }

  dispose(): Promise<void> {
    return this.#life.dispose();
  }
}
