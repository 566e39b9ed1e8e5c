import { EventQueue } from "./event-queue.js";
import { type LiveEvent, supersedes } from "./live-events.js";
import { type LiveSession, MAX_UNREAD } from "./live-session.js";
import { type PcmChunk, PcmReader, pcmKind, type WriteOptions } from "./pcm-chunks.js";
import type { SessionOptions } from "./session-options.js";

/** An event and the channel it belongs to. */
export type ChannelEvent = LiveEvent & { readonly channel: string };

interface Channel {
  readonly name: string;
  readonly session: LiveSession;
  /** In the channel's own order; the first one waits until no other channel can come before it. */
  readonly held: LiveEvent[];
  /** Events that have come from the session. */
  taken: number;
  isDone: boolean;
}

/**
 * Several channels of one stream, each in a session of its own: who said what, as far as each speaker has a channel.
 * Final words come in the order of their starts over all channels, so that a word may wait for another channel to have
 * heard as much; every other event comes in the order of its own channel. Made by SpeechToText.createChannelSession().
 */
export class ChannelSession {
  readonly #channels: readonly Channel[];
  readonly #options: SessionOptions;
  readonly #pcm: PcmReader;
  readonly #events: EventQueue<ChannelEvent>;
  #onRead: () => void = () => {};

  /** @internal */
  constructor(sessions: ReadonlyMap<string, LiveSession>, options: SessionOptions) {
    this.#options = options;
    this.#pcm = new PcmReader(sessions.size);
    this.#channels = [...sessions].map(([name, session]) => ({ name, session, held: [], taken: 0, isDone: false }));
    this.#events = new EventQueue<ChannelEvent>(
      (next, previous) => next.channel === previous.channel && supersedes(next, previous),
      () => this.#onRead(),
    );
    for (const channel of this.#channels) {
      channel.session.onStep = () => this.#release();
      this.#read(channel).catch(() => {});
    }
  }

  /** The names, in the order of the samples. */
  get channels(): readonly string[] {
    return this.#channels.map(({ name }) => name);
  }

  /** Seconds of audio that wait to be computed, of the channel that has most. */
  get queuedSeconds(): number {
    return Math.max(...this.#channels.map(({ session }) => session.queuedSeconds));
  }

  /**
   * Interleaved PCM of all channels, else as LiveSession.write().
   *
   * Errors: as there; ERR_INVALID_ARGUMENT also for samples that are no whole number per channel. All channels take the
   * chunk or none.
   */
  write(chunk: PcmChunk, options: WriteOptions = {}): Promise<void> {
    try {
      const { rate, format } = pcmKind(options, this.#options);
      // All channels or none: they must not shift against each other.
      for (const { session } of this.#channels) {
        session.assertWritable();
      }
      const parts = this.#pcm.read(chunk, format);
      return this.#all((session, index) => session.write(parts[index] ?? new Float32Array(), { rate })).then(() => {});
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** As LiveSession.flush(), for all channels, with its errors. Resolves to the seconds of the longest. */
  flush(): Promise<number> {
    return this.#all((session) => session.flush()).then((times) => Math.max(...times));
  }

  /** As LiveSession.end(), for all channels, with its errors. Resolves to the seconds of the longest. */
  end(): Promise<number> {
    return this.#all((session) => session.end()).then((times) => Math.max(...times));
  }

  /** Ends all channels at once; iterating throws ERR_ABORTED (cause: `reason`), and later calls reject with it. */
  abort(reason?: unknown): void {
    for (const { session } of this.#channels) {
      session.abort(reason);
    }
  }

  /** Frees the slots of all channels; what was not read is lost. Later calls reject with ERR_DISPOSED. */
  async dispose(): Promise<void> {
    await this.#all((session) => session.dispose());
  }

  /** dispose(). */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  /**
   * One reader at a time, as LiveSession: a second iterator is refused with ERR_INVALID_STATE. Throws what ends the
   * session of any channel (ERR_ABORTED, ERR_DISPOSED, an error of the backend); the others are disposed then.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<ChannelEvent, undefined> {
    return this.#events.iterate();
  }

  #all<T>(call: (session: LiveSession, index: number) => Promise<T>): Promise<T[]> {
    return Promise.all(this.#channels.map(({ session }, index) => call(session, index)));
  }

  async #read(channel: Channel): Promise<void> {
    try {
      for await (const event of channel.session) {
        channel.held.push(event);
        channel.taken++;
        this.#release();
        if (this.#events.unread >= MAX_UNREAD) {
          await new Promise<void>((resolve) => {
            this.#onRead = resolve;
          });
        }
      }
      channel.isDone = true;
      this.#release();
      if (this.#channels.every(({ isDone }) => isDone)) {
        this.#events.close();
      }
    } catch (error) {
      // One channel without the others is not what was asked for.
      this.#events.close({ error });
      await this.dispose();
    }
  }

  #release(): void {
    for (let channel = this.#next(); channel !== undefined; channel = this.#next()) {
      const event = channel.held.shift();
      if (event !== undefined) {
        this.#events.push({ ...event, channel: channel.name });
      }
    }
  }

  /** A channel whose first event may be told now; among words the earliest. */
  #next(): Channel | undefined {
    const waiting = this.#channels.filter(({ held }) => held.length > 0);
    const free = waiting.find(({ held: [event] }) => event !== undefined && startOf(event) === undefined);
    if (free !== undefined) {
      return free;
    }
    const start = ({ held: [event] }: Channel): number => (event && startOf(event)) ?? 0;
    const [earliest] = waiting.sort((a, b) => start(a) - start(b));
    if (earliest === undefined) {
      return undefined;
    }
    const others = this.#channels.filter((channel) => channel !== earliest && channel.held.length === 0);
    // What a session has told may still be on its way here.
    const isPast = ({ session, taken }: Channel): boolean =>
      session.eventCount === taken && session.horizon >= start(earliest);
    return others.every(isPast) ? earliest : undefined;
  }
}

/** Of a final word. */
function startOf(event: LiveEvent): number | undefined {
  return event.type === "word" && event.final ? event.start : undefined;
}
