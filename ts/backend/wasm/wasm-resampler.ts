/** Resamplers share a worker of their own, which ends a while after the last of them. */
import type { ResamplerHandle } from "../../contract/backend.js";
import { Lifecycle } from "../lifecycle.js";
import type { CoreChannel } from "./core-channel.js";
import { keepFromForgetting, releaseOf } from "./release.js";

/** Milliseconds; the next recording may need one, too. */
const LINGER = 5000;

export class ResamplerMaker {
  readonly #open: () => Promise<CoreChannel>;
  #channel: Promise<CoreChannel> | undefined;
  #inUse = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(open: () => Promise<CoreChannel>) {
    this.#open = open;
  }

  async make(rateIn: number, rateOut: number): Promise<ResamplerHandle> {
    this.#inUse++;
    clearTimeout(this.#timer);
    try {
      const channel = await this.#start();
      const id = await channel.call("createResampler", [rateIn, rateOut]);
      return new WasmResampler(channel, id, () => this.#leave());
    } catch (error) {
      this.#leave();
      throw error;
    }
  }

  async #start(): Promise<CoreChannel> {
    const running = await this.#channel?.catch(() => undefined);
    if (running === undefined || running.isLost) {
      this.#channel = this.#open();
    }
    return this.#channel ?? this.#open();
  }

  #leave(): void {
    this.#inUse--;
    if (this.#inUse > 0) {
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const idle = this.#channel;
      this.#channel = undefined;
      idle?.then((channel) => channel.close()).catch(() => {});
    }, LINGER);
    // Node's timers keep the process alive unless told otherwise; a browser's are numbers.
    if (typeof this.#timer === "object") {
      this.#timer.unref?.();
    }
  }
}

class WasmResampler implements ResamplerHandle {
  readonly #channel: CoreChannel;
  readonly #life: Lifecycle;
  readonly #id: number;

  constructor(channel: CoreChannel, id: number, onFreed: () => void) {
    this.#channel = channel;
    this.#id = id;
    this.#life = new Lifecycle("resampler", releaseOf(this, channel, "freeResampler", id, onFreed));
  }

  push(pcm: Float32Array): Promise<Float32Array> {
    return this.#life.run(() => {
      const copy = Float32Array.from(pcm);
      return this.#channel.call("pushResampler", [this.#id, copy], [copy.buffer]);
    });
  }

  flush(): Promise<Float32Array> {
    return this.#life.run(() => this.#channel.call("flushResampler", [this.#id]));
  }

  dispose(): Promise<void> {
    keepFromForgetting(this);
    return this.#life.dispose();
  }
}
