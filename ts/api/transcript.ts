/** What one session of a recording says. */
import type { SessionEvent } from "../contract/backend.js";
import type { StreamSink } from "./audio-stream.js";
import type { RefreshEvent, TurnEvent, WordEvent } from "./live-events.js";

/** A word of a transcript. */
export interface Word {
  /** Without spaces around it. */
  readonly text: string;
  /** Seconds from the start of the audio. */
  readonly start: number;
  /** Seconds. */
  readonly end: number;
  /** 0 to 1. */
  readonly confidence: number;
  /** Of a recording whose channels are kept apart. */
  readonly channel?: string;
}

/** From `time` on somebody speaks, or nobody. */
export interface Turn {
  /** Somebody begins to speak, or has stopped. */
  readonly type: "speech" | "pause";
  /** Seconds. */
  readonly time: number;
  /** With channels: its name. */
  readonly channel?: string;
}

/** What transcribe() tells while it works, in the order of each channel. */
export type TranscriptionEvent = (WordEvent | TurnEvent | RefreshEvent) & { readonly channel?: string };

export interface TranscriptListener {
  /** After every step. */
  onStep(): void;
  onFail(error: unknown): void;
}

export class ChannelTranscript implements StreamSink {
  readonly words: Word[] = [];
  readonly turns: Turn[] = [];
  readonly isFull = false;
  /** Seconds of audio, once everything is transcribed. */
  readonly finished: Promise<number>;
  readonly #channel: { readonly channel?: string };
  readonly #onEvent: ((event: TranscriptionEvent) => void) | undefined;
  readonly #listener: TranscriptListener;
  #finish: (duration: number) => void = () => {};

  constructor(
    channel: string | undefined,
    onEvent: ((event: TranscriptionEvent) => void) | undefined,
    listener: TranscriptListener,
  ) {
    this.#channel = channel === undefined ? {} : { channel };
    this.#onEvent = onEvent;
    this.#listener = listener;
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  receive(events: readonly SessionEvent[]): void {
    for (const event of events) {
      this.#take(event);
    }
    this.#listener.onStep();
  }

  fail(error: unknown): void {
    this.#listener.onFail(error);
  }

  #take(event: SessionEvent): void {
    switch (event.type) {
      case "word": {
        const { text, start, end, confidence } = event;
        this.#onEvent?.({ ...event, final: true, index: this.words.length, ...this.#channel });
        this.words.push({ text, start, end, confidence, ...this.#channel });
        break;
      }
      case "partial":
        this.#onEvent?.({ ...event, type: "word", final: false, index: this.words.length, ...this.#channel });
        break;
      case "speech":
      case "pause":
        this.turns.push({ type: event.type, time: event.time, ...this.#channel });
        this.#onEvent?.({ ...event, ...this.#channel });
        break;
      case "refresh":
        this.#onEvent?.({ ...event, ...this.#channel });
        break;
      case "end":
        this.#finish(event.duration);
        break;
      default:
        break;
    }
  }
}
