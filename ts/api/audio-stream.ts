/**
 * One stream of audio through one slot: waits for the slot, hands the audio over in portions, hands the events on.
 * Both transcribe() and live sessions are made of it. The native session's queue and our own are bounded together.
 */
import type { EngineHandle, EngineInfo, SessionEvent, SessionHandle } from "../contract/backend.js";
import { SttError } from "../contract/errors.js";
import type { SessionPriority } from "../contract/session.js";
import type { Pump, PumpStream } from "./pump.js";
import type { Slot } from "./slot-queue.js";

export interface StreamHost {
  readonly engine: EngineHandle;
  readonly pump: Pump;
}

export interface StreamSink {
  /** After every step, also without events. What it throws ends this stream and no other. */
  receive(events: readonly SessionEvent[]): void;
  /** No slot was there, or the engine failed. Called once at most; nothing follows. */
  fail(error: unknown): void;
  /** Events nobody has read yet are too many: no more audio is handed over until resume() is called. */
  readonly isFull: boolean;
}

type Item =
  | { readonly kind: "audio"; readonly samples: Float32Array; readonly rate: number; at: number }
  | { readonly kind: "flush" | "end" };

/** Handed to the native session ahead of the computation; the codec takes long chunks where much is queued. */
const NATIVE_SECONDS = 10;
/** Portions of a chunk: other sessions' calls come between them. */
const PORTION_SECONDS = 1;

export class AudioStream implements PumpStream {
  readonly priority: SessionPriority;
  readonly #host: StreamHost;
  readonly #sink: StreamSink;
  readonly #items: Item[] = [];
  readonly #maxQueuedSeconds: number;
  /** Writes that wait for room. */
  readonly #writers: (() => void)[] = [];
  #native: SessionHandle | undefined;
  #slot: Slot | undefined;
  #queuedSeconds = 0;
  #pushedSeconds = 0;
  #isFeeding = false;
  #onDrained: (() => void) | undefined;
  #closing: Promise<void> | undefined;
  /** Counts resets: what belongs to an older one is dropped. */
  #epoch = 0;

  constructor(host: StreamHost, sink: StreamSink, priority: SessionPriority, maxQueuedSeconds: number) {
    this.#host = host;
    this.#sink = sink;
    this.priority = priority;
    this.#maxQueuedSeconds = maxQueuedSeconds;
  }

  /** Takes the slot, which is released by close(). Rejects as createSession() or `make` does; close() then. */
  async start(slot: Slot, make: (engine: EngineHandle) => Promise<SessionHandle>): Promise<void> {
    if (this.#closing !== undefined) {
      slot.release();
      return;
    }
    this.#slot = slot;
    const native = await make(this.#host.engine);
    if (this.#closing !== undefined) {
      await native.dispose();
      return;
    }
    this.#native = native;
    this.#host.pump.add(this);
    this.#feed();
  }

  get session(): SessionHandle {
    if (this.#native === undefined) {
      throw new SttError("ERR_INTERNAL", "the stream has no session yet");
    }
    return this.#native;
  }

  get info(): EngineInfo {
    return this.#host.engine.info;
  }

  /** Seconds of audio that wait, here and in the native session; silence that was put in counts. */
  get waitingSeconds(): number {
    return this.#queuedSeconds + this.#nativeSeconds;
  }

  /** Seconds written so far that were handed over, less those that wait to be computed: what has certainly been heard. */
  get heardSeconds(): number {
    return Math.max(0, this.#pushedSeconds - this.#nativeSeconds - 1 / this.info.frameRate);
  }

  get #nativeSeconds(): number {
    return (this.#native?.ready ?? 0) / this.info.frameRate;
  }

  get isOpen(): boolean {
    return this.#closing === undefined;
  }

  /** Resolves when no more than maxQueuedSeconds wait. The samples belong to the stream from now on. */
  write(samples: Float32Array, rate: number): Promise<void> {
    if (samples.length > 0) {
      this.#items.push({ kind: "audio", samples, rate, at: 0 });
      this.#queuedSeconds += samples.length / rate;
      this.#feed();
    }
    return this.room();
  }

  /** Resolves when no more than maxQueuedSeconds wait, or the stream is closed or reset. */
  room(): Promise<void> {
    if (this.waitingSeconds <= this.#maxQueuedSeconds) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#writers.push(resolve);
    });
  }

  flush(): void {
    this.#items.push({ kind: "flush" });
    this.#feed();
  }

  end(): void {
    this.#items.push({ kind: "end" });
    this.#feed();
  }

  /** Unread events have been read. */
  resume(): void {
    this.#onDrained?.();
    this.#feed();
  }

  /** As fresh; what waits is dropped. */
  async reset(): Promise<void> {
    this.#epoch++;
    this.#items.length = 0;
    this.#queuedSeconds = 0;
    this.#pushedSeconds = 0;
    this.#onDrained?.();
    await this.#native?.reset();
    this.#pushedSeconds = 0;
    this.#letIn();
  }

  /** The session as bytes, with all audio written so far; no events are in it, they have been handed on. */
  async snapshot(): Promise<Uint8Array> {
    const native = this.session;
    return this.#host.pump.between(async () => {
      for (let [item] = this.#items; item !== undefined; [item] = this.#items) {
        await this.#hand(item, native, Number.POSITIVE_INFINITY);
      }
      return native.snapshot();
    });
  }

  /** Resolves when the slot is free: after the round under way at the latest. Never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  receive(events: readonly SessionEvent[]): void {
    try {
      this.#sink.receive(events);
    } catch (error) {
      this.fail(error);
    }
    this.#letIn();
    if (this.#nativeSeconds < NATIVE_SECONDS / 2) {
      this.#onDrained?.();
    }
  }

  fail(error: unknown): void {
    if (this.isOpen) {
      this.close().catch(() => {});
      this.#sink.fail(error);
    }
  }

  async #close(): Promise<void> {
    this.#items.length = 0;
    this.#queuedSeconds = 0;
    this.#host.pump.remove(this);
    this.#onDrained?.();
    const native = this.#native;
    this.#letIn(true);
    try {
      await native?.dispose();
    } finally {
      this.#slot?.release();
    }
  }

  #letIn(isClosed = false): void {
    while (this.#writers.length > 0 && (isClosed || this.waitingSeconds <= this.#maxQueuedSeconds)) {
      this.#writers.shift()?.();
    }
  }

  /** One at a time: the order of the calls is the order of the audio. */
  #feed(): void {
    if (!this.#isFeeding && this.#native !== undefined && this.#items.length > 0 && this.isOpen) {
      this.#isFeeding = true;
      this.#handOver(this.#native)
        .catch((error) => this.fail(error))
        .finally(() => {
          this.#isFeeding = false;
          // Items that came while the last hand-over ended.
          this.#feed();
        });
    }
  }

  async #handOver(native: SessionHandle): Promise<void> {
    while (this.isOpen) {
      if (this.#sink.isFull) {
        return;
      }
      const [item] = this.#items;
      if (item === undefined) {
        return;
      }
      if (item.kind === "audio" && this.#nativeSeconds > NATIVE_SECONDS) {
        await new Promise<void>((resolve) => {
          this.#onDrained = resolve;
        });
        this.#onDrained = undefined;
        continue;
      }
      await this.#hand(item, native, PORTION_SECONDS);
    }
  }

  /** Hands over the next `seconds` of the first item. */
  async #hand(item: Item, native: SessionHandle, seconds: number): Promise<void> {
    if (item.kind !== "audio") {
      this.#items.shift();
      await native[item.kind]();
      this.#host.pump.wake();
      return;
    }
    const { samples, rate } = item;
    const portion = samples.subarray(item.at, item.at + Math.max(1, Math.floor(seconds * rate)));
    const epoch = this.#epoch;
    item.at += portion.length;
    if (item.at >= samples.length) {
      this.#items.shift();
    }
    // From now on it is the native session that counts it as waiting.
    // Nothing left is exactly 0: portions do not add up to their chunk in the last bits.
    this.#queuedSeconds = this.#items.length === 0 ? 0 : Math.max(0, this.#queuedSeconds - portion.length / rate);
    await native.pushPcm(portion, rate);
    if (epoch === this.#epoch) {
      this.#pushedSeconds += portion.length / rate;
    }
    this.#host.pump.wake();
    this.#letIn();
  }
}
