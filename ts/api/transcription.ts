/** One recording through one session: feeds it, collects its words, reports progress. */
import { decodeAudio } from "../audio/decode.js";
import type { AudioChunk, AudioNote, AudioSource } from "../audio/types.js";
import type { EngineInfo, SessionEvent, SessionHandle } from "../contract/backend.js";
import { untilAborted } from "../model/abort.js";
import { checkDuration } from "../model/audio-duration.js";
import type { Progress } from "./options.js";
import type { Pump, PumpStream } from "./pump.js";

export interface Word {
  readonly text: string;
  /** Seconds from the start of the audio. */
  readonly start: number;
  readonly end: number;
  /** 0 to 1. */
  readonly confidence: number;
}

export interface Transcript {
  readonly words: readonly Word[];
  /** Seconds. */
  readonly duration: number;
}

/** Audio decoded ahead of the computation: enough to keep it busy, little enough to hold in memory. */
const MAX_WAITING_SECONDS = 30;
const RESUME_WAITING_SECONDS = 10;

/** Silence fed after the audio beyond the text delay (kstt_session_params.tail_seconds). */
const TAIL_SECONDS = 1;

export class Transcription implements PumpStream {
  readonly session: SessionHandle;
  readonly #pump: Pump;
  readonly #info: EngineInfo;
  readonly #stop: AbortController;
  readonly #onProgress: ((progress: Progress) => void) | undefined;
  readonly #words: Word[] = [];
  readonly #finished: Promise<number>;
  #finish: (duration: number) => void = () => {};
  #drained: (() => void) | undefined;
  #failure: { readonly error: unknown } | undefined;
  #pushedSeconds = 0;
  #isEnded = false;
  #total: number | undefined;

  /** Aborting `stop` ends the run; a failure of the engine aborts it, too. */
  constructor(
    session: SessionHandle,
    pump: Pump,
    info: EngineInfo,
    stop: AbortController,
    onProgress: ((progress: Progress) => void) | undefined,
  ) {
    this.session = session;
    this.#pump = pump;
    this.#info = info;
    this.#stop = stop;
    this.#onProgress = onProgress;
    this.#finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  async run(source: AudioSource, onNote: (note: AudioNote) => void): Promise<Transcript> {
    this.#total = knownSeconds(source);
    this.#pump.add(this);
    try {
      await this.#feed(decodeAudio(source, { signal: this.#stop.signal, onNote }));
      const duration = await this.#unlessStopped(this.#finished);
      return { words: this.#words, duration };
    } catch (error) {
      throw this.#failure === undefined ? error : this.#failure.error;
    } finally {
      this.#pump.remove(this);
    }
  }

  receive(events: readonly SessionEvent[]): void {
    try {
      for (const event of events) {
        this.#take(event);
      }
      if (this.#waitingSeconds() <= RESUME_WAITING_SECONDS) {
        this.#drained?.();
      }
      this.#report();
    } catch (error) {
      // From the caller's onProgress: it ends this transcription and no other.
      this.fail(error);
    }
  }

  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#stop.abort(error);
  }

  #take(event: SessionEvent): void {
    switch (event.type) {
      case "word":
        this.#words.push({ text: event.text, start: event.start, end: event.end, confidence: event.confidence });
        break;
      case "end":
        this.#finish(event.duration);
        break;
      default:
        break;
    }
  }

  async #feed(chunks: AsyncGenerator<AudioChunk>): Promise<void> {
    try {
      for (;;) {
        const next = await this.#unlessStopped(chunks.next());
        if (next.done) {
          break;
        }
        await this.#push(next.value);
      }
    } catch (error) {
      // Not awaited: a source that hangs would hang its return, too.
      chunks.return(undefined).catch(() => {});
      throw error;
    }
    checkDuration(this.#pushedSeconds);
    await this.#unlessStopped(this.session.end());
    this.#isEnded = true;
    this.#total = this.#pushedSeconds;
    this.#pump.wake();
  }

  async #push({ samples, rate }: AudioChunk): Promise<void> {
    await this.#unlessStopped(this.session.pushPcm(samples, rate));
    this.#pushedSeconds += samples.length / rate;
    this.#pump.wake();
    if (this.#waitingSeconds() > MAX_WAITING_SECONDS) {
      await this.#unlessStopped(
        new Promise<void>((resolve) => {
          this.#drained = resolve;
        }),
      );
      this.#drained = undefined;
    }
  }

  #unlessStopped<T>(work: Promise<T>): Promise<T> {
    return untilAborted(work, this.#stop.signal);
  }

  #waitingSeconds(): number {
    return this.session.ready / this.#info.frameRate;
  }

  #report(): void {
    if (this.#onProgress === undefined) {
      return;
    }
    const tail = this.#isEnded ? this.#info.delaySeconds + TAIL_SECONDS : 0;
    const done = this.#pushedSeconds + tail - this.#waitingSeconds();
    this.#onProgress({
      stage: "transcribe",
      done: Math.min(Math.max(done, 0), this.#pushedSeconds),
      total: this.#total,
    });
  }
}

function knownSeconds(source: AudioSource): number | undefined {
  if (typeof source !== "object" || !("samples" in source)) {
    return undefined;
  }
  const { samples, rate } = source;
  const channel = samples instanceof Float32Array ? samples : samples[0];
  return channel === undefined ? undefined : channel.length / rate;
}
