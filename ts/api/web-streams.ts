/** Live sessions as Web Streams. */
import type { LiveEvent } from "./live-events.js";
import type { LiveSession } from "./live-session.js";
import type { PcmChunk } from "./pcm-chunks.js";

type Duplex = Pick<LiveSession, "write" | "end" | "abort" | "dispose"> & AsyncIterable<LiveEvent, undefined>;

/** One event per chunk, read when somebody asks for it. Throws ERR_INVALID_STATE while an iterator is in use. */
export function toReadable(session: Duplex): ReadableStream<LiveEvent> {
  const events = session[Symbol.asyncIterator]();
  return new ReadableStream<LiveEvent>(
    {
      async pull(controller) {
        const { done, value } = await events.next();
        if (done) {
          controller.close();
        } else {
          controller.enqueue(value);
        }
      },
      cancel: () => session.dispose(),
    },
    // Nothing is taken out of the session before it is wanted.
    { highWaterMark: 0 },
  );
}

/** Chunks to write(), whose errors it has; closing is end(). */
export function toWritable(session: Duplex): WritableStream<PcmChunk> {
  return new WritableStream<PcmChunk>({
    write: (chunk) => session.write(chunk),
    close: async () => {
      await session.end();
    },
    abort: (reason) => session.abort(reason),
  });
}

/**
 * Both ends of a session for pipeThrough(): `microphone.pipeThrough(transcriptionStream(session))`. Throws as
 * `session.readable`; the streams error as `readable` and `writable` of the session say.
 */
export function transcriptionStream(session: LiveSession): TransformPair {
  return { readable: session.readable, writable: session.writable };
}

/** Two ends of a stream, as pipeThrough() takes them. */
export interface TransformPair {
  /** Events come out here. */
  readonly readable: ReadableStream<LiveEvent>;
  /** Audio goes in here. */
  readonly writable: WritableStream<PcmChunk>;
}
