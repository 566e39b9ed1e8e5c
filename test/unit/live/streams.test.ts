/** Web Streams and Node streams. */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LiveEvent } from "../../../ts/api/live-events.js";
import { toNodeStream } from "../../../ts/api/session-duplex.node.js";
import type { SpeechToText } from "../../../ts/api/speech-to-text.js";
import { transcriptionStream } from "../../../ts/api/web-streams.js";
import { cut, expectNoUnhandledRejections, loadLive, RATE, said, sound } from "../support/live.js";

describe("streams", () => {
  expectNoUnhandledRejections();
  let stt: SpeechToText;
  let expected: LiveEvent[];
  const audio = sound(2 * RATE, 3);
  const bytes = new Uint8Array(audio.buffer, audio.byteOffset, audio.byteLength);
  beforeEach(async () => {
    stt = await loadLive();
    const session = await stt.createSession({ rate: RATE, partials: false });
    const reading = said(session);
    await session.write(audio);
    await session.end();
    expected = await reading;
  });
  afterEach(async () => {
    expect(stt.capacity().freeSlots).toBe(1);
    await stt.dispose();
  });

  const withoutStart = (events: readonly LiveEvent[]) => events.filter(({ type }) => type !== "started");

  it("pipeThrough() gives the events of the audio", async () => {
    const session = await stt.createSession({ rate: RATE, partials: false });
    const source = new ReadableStream({
      start(controller) {
        for (const chunk of cut(audio, [5000])) {
          controller.enqueue(chunk);
        }
        controller.close();
      },
    });
    const events: LiveEvent[] = [];
    for await (const event of source.pipeThrough(transcriptionStream(session))) {
      events.push(event);
    }
    expect(withoutStart(events)).toEqual(expected);
    expect(session.readable).toBe(session.readable);
    expect(session.writable).toBe(session.writable);
  });

  it("cancelling the events disposes the session", async () => {
    const session = await stt.createSession({ rate: RATE });
    const reader = session.readable.getReader();
    await reader.read();
    await reader.cancel();
    expect(session.state).toBe("closed");
  });

  it("aborting the audio aborts the session, and the events fail", async () => {
    const session = await stt.createSession({ rate: RATE });
    const reader = session.readable.getReader();
    await reader.read();
    await session.writable.abort("gone");
    expect((await reader.read()).value).toMatchObject({ type: "error", error: { code: "ERR_ABORTED", cause: "gone" } });
    await expect(reader.read()).rejects.toMatchObject({ code: "ERR_ABORTED" });
    await session.dispose();
  });

  it("a bad chunk fails the Web Stream with the error of write()", async () => {
    const session = await stt.createSession({ rate: RATE });
    const writer = session.writable.getWriter();
    await expect(writer.write("text" as never)).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
    await expect(writer.closed).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
    const events = session[Symbol.asyncIterator]();
    expect(() => session.readable).toThrow(expect.objectContaining({ code: "ERR_INVALID_STATE" }));
    expect(() => toNodeStream(session)).toThrow(expect.objectContaining({ code: "ERR_INVALID_STATE" }));
    await events.return?.();
    await session.dispose();
  });

  it("a Node stream takes bytes and gives events", async () => {
    const session = await stt.createSession({ rate: RATE, format: "f32le", partials: false });
    const events: LiveEvent[] = [];
    await pipeline(Readable.from(cutBytes(bytes, 7001)), toNodeStream(session), async (source) => {
      for await (const event of source) {
        events.push(event);
      }
    });
    expect(withoutStart(events)).toEqual(expected);
    await session.dispose();
  });

  it("destroying a Node stream disposes the session; a failing session destroys the stream", async () => {
    const first = await stt.createSession({ rate: RATE });
    const stream = toNodeStream(first);
    stream.destroy();
    await new Promise((resolve) => stream.once("close", resolve));
    expect(first.state).toBe("closed");
    const second = await stt.createSession({ rate: RATE });
    const failing = toNodeStream(second);
    failing.on("data", () => {});
    const failure = new Promise((resolve) => failing.once("error", resolve));
    failing.write(new Float32Array(10));
    second.abort("why");
    expect(await failure).toMatchObject({ code: "ERR_ABORTED", cause: "why" });
    await second.dispose();
  });

  it("a bad chunk fails the stream and disposes the session", async () => {
    const session = await stt.createSession({ rate: RATE });
    const stream = toNodeStream(session);
    const failure = new Promise((resolve) => stream.once("error", resolve));
    stream.write("text");
    expect(await failure).toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
    await session.dispose();
  });
});

function* cutBytes(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    yield bytes.subarray(at, at + size);
  }
}
