/** A session in a worker: what can be asked without waiting is kept here, as the worker has told it last. */
import type { SessionEvent, SessionHandle } from "../../contract/backend.js";
import { Lifecycle } from "../lifecycle.js";
import type { SessionState } from "./core/calls.js";
import type { CoreChannel } from "./core-channel.js";
import { keepFromForgetting, releaseOf } from "./release.js";
import { withEvents } from "./snapshot-events.js";

export class WasmSession implements SessionHandle {
  readonly #channel: CoreChannel;
  readonly #life: Lifecycle;
  readonly #id: number;
  #events: SessionEvent[] = [];
  #ready = 0;
  #resets = 0;

  /** `onFreed` must not lead back to the session. */
  constructor(channel: CoreChannel, engine: Lifecycle, id: number, onFreed: () => void) {
    this.#channel = channel;
    this.#id = id;
    this.#life = new Lifecycle("session", releaseOf(this, channel, "freeSession", id, onFreed), engine);
  }

  /** What an answer says of this session. */
  update({ ready, events }: SessionState): void {
    if (this.#resets === 0) {
      this.#ready = ready;
      this.#events.push(...events);
    }
  }

  /** Events from before everything that the worker tells. */
  begin(events: readonly SessionEvent[]): void {
    this.#events.unshift(...events);
  }

  pushPcm(pcm: Float32Array, rate: number): Promise<number> {
    return this.#life.run(() => {
      const copy = Float32Array.from(pcm);
      return this.#channel.call("pushPcm", [this.#id, copy, rate], [copy.buffer]);
    });
  }

  flush(): Promise<void> {
    return this.#life.run(() => this.#channel.call("flush", [this.#id]));
  }

  end(): Promise<void> {
    return this.#life.run(() => this.#channel.call("end", [this.#id]));
  }

  snapshot(): Promise<Uint8Array> {
    return this.#life.run(async () => {
      const snapshot = await this.#channel.call("snapshot", [this.#id]);
      return withEvents(snapshot, this.#events);
    });
  }

  reset(): Promise<void> {
    return this.#life.run(async () => {
      this.#resets++;
      this.#clear();
      try {
        await this.#channel.call("resetSession", [this.#id]);
      } finally {
        this.#resets--;
        this.#clear();
      }
    });
  }

  get ready(): number {
    return this.#life.disposed ? 0 : this.#ready;
  }

  poll(): SessionEvent[] {
    this.#life.assertOpen();
    const events = this.#events;
    this.#events = [];
    return events;
  }

  dispose(): Promise<void> {
    keepFromForgetting(this);
    return this.#life.dispose();
  }

  #clear(): void {
    this.#events = [];
    this.#ready = 0;
  }
}
