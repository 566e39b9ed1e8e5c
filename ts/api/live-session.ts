import type { EngineHandle, SessionEvent, SessionHandle } from "../contract/backend.js";
import { SttError } from "../contract/errors.js";
import { abortError } from "../model/abort.js";
import { AudioStream, type StreamHost } from "./audio-stream.js";
import { EventQueue } from "./event-queue.js";
import { type LiveEvent, supersedes } from "./live-events.js";
import { LiveTranslator } from "./live-translator.js";
import { type PcmChunk, PcmReader, pcmKind, type WriteOptions } from "./pcm-chunks.js";
import { maxQueuedSeconds, type SessionOptions } from "./session-options.js";
import type { Slot } from "./slot-queue.js";
import { toReadable, toWritable } from "./web-streams.js";

/** queued: no slot yet. open: being transcribed. ended: after the end event. closed: disposed, aborted or failed. */
export type SessionState = "queued" | "open" | "ended" | "closed";

/** Audio that unawaited writes may pile up before another one is refused. */
const MAX_UNAWAITED_SECONDS = 60;
/** Unread events from which on no more audio is taken: hours of words, so that only a reader who left meets it. */
export const MAX_UNREAD = 10_000;

interface Waiter<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

/**
 * A live transcription: audio in by write(), events out by iteration.
 *
 *     const session = await stt.createSession({ rate: 16000, format: "s16le" });
 *     microphone.on("data", (chunk) => session.write(chunk));
 *     for await (const event of session) if (event.type === "word" && event.final) console.log(event.text);
 *
 * Made by SpeechToText.createSession().
 */
export class LiveSession {
  readonly #stream: AudioStream;
  readonly #events: EventQueue<LiveEvent>;
  readonly #options: SessionOptions;
  readonly #pcm = new PcmReader();
  readonly #translator = new LiveTranslator();
  readonly #flushes: Waiter<number>[] = [];
  readonly #onClosed: () => void;
  readonly #born = performance.now();
  #ending: Waiter<number> | undefined;
  #failure: SttError | undefined;
  #state: SessionState = "queued";
  #writtenSeconds = 0;
  #readable: ReadableStream<LiveEvent> | undefined;
  #writable: WritableStream<PcmChunk> | undefined;

  /** @internal `onClosed`: called once, when the slot is about to be given back or will never be taken. */
  constructor(host: StreamHost, options: SessionOptions, onClosed: () => void) {
    this.#options = options;
    this.#onClosed = onClosed;
    this.#events = new EventQueue<LiveEvent>(supersedes, () => {
      if (this.#events.unread === MAX_UNREAD - 1) {
        this.#stream.resume();
      }
    });
    const session = this;
    const sink = {
      receive: (events: readonly SessionEvent[]) => this.#receive(events),
      fail: (error: unknown) => this.#fail(toSttError(error)),
      get isFull() {
        return session.#events.unread >= MAX_UNREAD;
      },
    };
    this.#stream = new AudioStream(host, sink, options.priority ?? "live", maxQueuedSeconds(options));
    options.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Waiting for a slot, running, or over. */
  get state(): SessionState {
    return this.#state;
  }

  /** Seconds of audio written since the beginning or the last reset(): the clock of all times. */
  get writtenSeconds(): number {
    return this.#writtenSeconds;
  }

  /** Seconds of audio that wait to be computed. */
  get queuedSeconds(): number {
    return this.#stream.waitingSeconds;
  }

  /**
   * Mono PCM; the chunk is the caller's again when this returns. Resolves when no more than `maxQueuedSeconds` of audio
   * wait: await it to follow the speed of the machine. Any size from 0 samples on, any rate; either may change.
   *
   * Errors: ERR_INVALID_ARGUMENT and ERR_INVALID_AUDIO (nothing of the chunk was taken, the session goes on),
   * ERR_INVALID_STATE (after end(), or a minute of audio waits because writes are not awaited), ERR_DISPOSED,
   * ERR_ABORTED.
   */
  write(chunk: PcmChunk, options: WriteOptions = {}): Promise<void> {
    return this.#told(() => {
      const { rate, format } = pcmKind(options, this.#options);
      this.assertWritable();
      const [samples = new Float32Array()] = this.#pcm.read(chunk, format);
      return this.#push(samples, rate);
    });
  }

  /**
   * Brings out all words spoken so far in the time it takes to compute the model's delay, then goes on. Resolves when
   * they have been reported, to the seconds of audio before it.
   *
   * Errors: ERR_INVALID_STATE (after end()), ERR_ABORTED (also by reset()), ERR_DISPOSED.
   */
  flush(): Promise<number> {
    return this.#told(() => {
      this.#checkOpen("flush");
      this.#dropOddBytes();
      const flush = waiter<number>();
      this.#flushes.push(flush);
      this.#stream.flush();
      return flush.promise;
    });
  }

  /**
   * No more audio will come. Resolves when everything is reported and the slot is free, to the seconds of audio.
   *
   * Errors: ERR_ABORTED, ERR_DISPOSED.
   */
  end(): Promise<number> {
    return this.#told(() => {
      if (this.#ending === undefined) {
        this.#checkOpen("end");
        this.#dropOddBytes();
        this.#ending = waiter<number>();
        this.#stream.end();
      }
      return this.#ending.promise;
    });
  }

  /**
   * As fresh, in the same slot: audio that waits and unread events are dropped, times begin at 0.
   *
   * Errors: ERR_INVALID_STATE (after end()), ERR_ABORTED, ERR_DISPOSED.
   */
  async reset(): Promise<void> {
    this.#checkOpen("reset");
    this.#clear();
    const dropped = new SttError("ERR_ABORTED", "the session was reset before the flush was done");
    for (const flush of this.#flushes.splice(0)) {
      flush.reject(dropped);
    }
    await this.#stream.reset();
    this.#clear();
  }

  /**
   * The state of the stream as bytes, for SpeechToText.restoreSession() of the same model, here or elsewhere: all audio
   * written so far is in it, all events so far are not. The session goes on unchanged.
   *
   * Errors: ERR_INVALID_STATE (without a slot, after end()), ERR_ABORTED, ERR_DISPOSED.
   */
  async snapshot(): Promise<Uint8Array> {
    this.#checkOpen("snapshot");
    if (this.#state === "queued") {
      throw new SttError("ERR_INVALID_STATE", "the session has no slot yet, so there is nothing to save", {
        remedy: "Wait for its started event.",
      });
    }
    return this.#stream.snapshot();
  }

  /** Stops at once: at most the step under way is still computed. The iteration throws ERR_ABORTED (cause: `reason`). */
  abort(reason?: unknown): void {
    this.#stopWith(new SttError("ERR_ABORTED", "the session was aborted", { cause: reason }));
  }

  /** Frees the slot; resolves when it is free. The iteration ends after the events that are unread. */
  async dispose(): Promise<void> {
    this.#close(new SttError("ERR_DISPOSED", "the session was disposed"), {});
    await this.#stream.close();
  }

  /** dispose(). */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  /**
   * The events, oldest first, to one reader at a time: a second iterator is refused with ERR_INVALID_STATE until the
   * first one is left. Leaving a loop early does not end the session.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<LiveEvent, undefined> {
    return this.#events.iterate();
  }

  /**
   * The events as a Web Stream; takes the place of the iterator. Cancelling it disposes the session. Throws
   * ERR_INVALID_STATE while an iterator is in use; the stream errors with what the iteration would throw.
   */
  get readable(): ReadableStream<LiveEvent> {
    this.#readable ??= toReadable(this);
    return this.#readable;
  }

  /**
   * write() and end() as a Web Stream with the session's rate and format. Aborting it aborts the session. What write()
   * rejects with errors the stream, as with any Web Stream: no further chunk is taken.
   */
  get writable(): WritableStream<PcmChunk> {
    this.#writable ??= toWritable(this);
    return this.#writable;
  }

  /** @internal Until when all words are known: no word that comes starts before. */
  get horizon(): number {
    if (this.#state === "ended" || this.#state === "closed") {
      return Number.POSITIVE_INFINITY;
    }
    const { delaySeconds, frameRate } = this.#stream.info;
    // Two frames: a word may be counted from the step before its first piece.
    const heard = Math.max(0, this.#stream.heardSeconds - delaySeconds - 2 / frameRate);
    return Math.min(heard, this.#translator.openStart ?? heard);
  }

  /** @internal Events told so far; those that a reader has not seen yet among them. */
  get eventCount(): number {
    return this.#events.count;
  }

  /** @internal Called after every step. */
  onStep: (() => void) | undefined;

  /** @internal Throws what write() of a good chunk would reject with. */
  assertWritable(): void {
    this.#checkOpen("write");
    if (this.queuedSeconds > Math.max(MAX_UNAWAITED_SECONDS, 2 * maxQueuedSeconds(this.#options))) {
      throw new SttError("ERR_INVALID_STATE", `${this.queuedSeconds.toFixed(0)} s of audio wait already`, {
        remedy: "Await each write() before the next one, or drop audio: the machine does not keep up.",
      });
    }
  }

  /** @internal */
  setPosition(position: number): void {
    this.#events.push({ type: "queued", position });
  }

  /** @internal Why nothing more can be done with it. */
  get failure(): SttError | undefined {
    return this.#failure;
  }

  /** @internal Takes the slot. Never rejects. */
  async start(slot: Slot, make: (engine: EngineHandle) => Promise<SessionHandle>): Promise<void> {
    if (this.#state === "queued") {
      this.#state = "open";
      this.#events.push({ type: "started", waited: (performance.now() - this.#born) / 1000 });
    }
    try {
      await this.#stream.start(slot, make);
    } catch (error) {
      this.fail(error);
    }
  }

  /** @internal */
  fail(error: unknown): void {
    this.#fail(toSttError(error));
  }

  readonly #onAbort = (): void => {
    const { signal } = this.#options;
    if (signal !== undefined) {
      this.#stopWith(abortError(signal));
    }
  };

  /** What became of the whole session is told by its events; only what is wrong with this call needs its promise. */
  #told<T>(call: () => Promise<T>): Promise<T> {
    let result: Promise<T>;
    try {
      result = call();
    } catch (error) {
      result = Promise.reject(error);
      if (error !== this.#failure) {
        return result;
      }
    }
    result.catch(() => {});
    return result;
  }

  async #push(samples: Float32Array, rate: number): Promise<void> {
    this.#writtenSeconds += samples.length / rate;
    await this.#stream.write(samples, rate);
    if (this.#failure !== undefined && this.#state !== "ended") {
      throw this.#failure;
    }
  }

  #stopWith(error: SttError): void {
    if (this.#failure === undefined) {
      this.#events.clear();
      this.#fail(error);
    }
  }

  #checkOpen(what: string): void {
    if (this.#failure !== undefined && this.#state !== "ended") {
      throw this.#failure;
    }
    if (this.#ending !== undefined) {
      throw new SttError("ERR_INVALID_STATE", `${what}() was called after end()`, {
        remedy: "Create another session for what follows, or call flush() where you only want the words so far.",
      });
    }
  }

  #dropOddBytes(): void {
    if (this.#pcm.pendingBytes > 0) {
      const message = `the last ${this.#pcm.pendingBytes} bytes are less than one sample; left out`;
      this.#events.push({ type: "warning", code: "odd-bytes", message });
      this.#pcm.clear();
    }
  }

  #clear(): void {
    this.#events.clear();
    this.#pcm.clear();
    this.#writtenSeconds = 0;
    this.#translator.reset();
  }

  #receive(events: readonly SessionEvent[]): void {
    for (const event of events) {
      this.#take(event);
    }
    if (this.#options.progress === true && this.#state === "open") {
      const event = this.#translator.progress(this.#writtenSeconds, this.#stream.heardSeconds);
      if (event !== undefined) {
        this.#events.push(event);
      }
    }
    this.onStep?.();
  }

  #take(event: SessionEvent): void {
    this.#events.push(this.#translator.translate(event));
    if (event.type === "flushed") {
      this.#flushes.shift()?.resolve(event.time);
    } else if (event.type === "end") {
      this.#state = "ended";
      const ending = this.#ending;
      this.#close(new SttError("ERR_INVALID_STATE", "the session has ended"), {});
      // Whoever waits for the end may count on the slot.
      void this.#stream.close().then(() => ending?.resolve(event.duration), ending?.reject);
    }
  }

  #fail(error: SttError): void {
    this.#events.push({ type: "error", error });
    this.#close(error, { error });
  }

  /** `failure`: what later calls are told. `end`: how the iteration ends. */
  #close(failure: SttError, end: { error?: unknown }): void {
    if (this.#failure !== undefined) {
      return;
    }
    this.#failure = failure;
    this.#state = this.#state === "ended" ? "ended" : "closed";
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#events.close(end);
    for (const flush of this.#flushes.splice(0)) {
      flush.reject(failure);
    }
    if (this.#state !== "ended") {
      this.#ending?.reject(failure);
    }
    this.#onClosed();
    this.#stream.close().catch(() => {});
  }
}

/** Its promise may go unused. */
function waiter<T>(): Waiter<T> {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  promise.catch(() => {});
  return { promise, resolve, reject };
}

function toSttError(error: unknown): SttError {
  return error instanceof SttError
    ? error
    : new SttError("ERR_INTERNAL", error instanceof Error ? error.message : String(error), { cause: error });
}
