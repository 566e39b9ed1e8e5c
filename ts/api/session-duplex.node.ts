/** Live sessions as Node streams. */
import { Duplex } from "node:stream";
import type { LiveSession } from "./live-session.js";

class SessionDuplex extends Duplex {
  readonly #session: LiveSession;
  readonly #events: ReturnType<LiveSession[typeof Symbol.asyncIterator]>;

  constructor(session: LiveSession) {
    // Events are objects; chunks may be typed arrays, which byte streams refuse.
    super({ objectMode: true, readableHighWaterMark: 1, writableHighWaterMark: 1, emitClose: true });
    this.#session = session;
    this.#events = session[Symbol.asyncIterator]();
  }

  override _write(chunk: unknown, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#session.write(chunk as Uint8Array).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#session.end().then(() => done(), done);
  }

  override _read(): void {
    this.#events.next().then(
      (result) => this.push(result.done ? null : result.value),
      (error) => this.destroy(error),
    );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#session.dispose().then(() => done(error), done);
  }
}

/**
 * PCM in, event objects out, with the session's rate and format; takes the place of its iterator. Destroying the stream
 * disposes the session: `process.stdin.pipe(toNodeStream(session)).on("data", (event) => ...)`. Throws ERR_INVALID_STATE
 * while an iterator is in use. Emits "error" with what write(), end() or the iteration of the session rejects with.
 */
export function toNodeStream(session: LiveSession): Duplex {
  return new SessionDuplex(session);
}
