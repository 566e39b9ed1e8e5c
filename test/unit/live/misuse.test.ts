/** What is done wrong, or stopped: typed errors, an engine that works as before, no unhandled rejection. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LiveSession } from "../../../ts/api/live-session.js";
import type { SpeechToText } from "../../../ts/api/speech-to-text.js";
import type { SttErrorCode } from "../../../ts/contract/errors.js";
import {
  expectNoUnhandledRejections,
  finals,
  loadLive,
  ofType,
  RATE,
  rejection,
  said,
  sound,
  until,
} from "../support/live.js";

/** The engine still works, and the slot is free. */
async function expectHealthy(stt: SpeechToText): Promise<void> {
  const session = await stt.createSession({ rate: RATE });
  const reading = said(session);
  await session.write(sound(RATE, 3));
  await session.end();
  const events = await reading;
  expect(ofType(events, "word").length).toBeGreaterThan(0);
  expect(events.at(-1)?.type).toBe("end");
  expect(stt.capacity().freeSlots).toBe(stt.info.slots);
}

describe("misuse of a live session", () => {
  expectNoUnhandledRejections();
  let stt: SpeechToText;
  let session: LiveSession;
  beforeEach(async () => {
    stt = await loadLive();
    session = await stt.createSession({ rate: RATE });
  });
  afterEach(async () => {
    await session.dispose();
    await expectHealthy(stt);
    await stt.dispose();
  });

  it("write, flush, reset and snapshot after end", async () => {
    const ended = session.end();
    for (const call of [
      () => session.write(sound(10)),
      () => session.flush(),
      () => session.reset(),
      () => session.snapshot(),
    ]) {
      const error = await rejection(call(), "ERR_INVALID_STATE");
      expect(error.message).toContain("after end()");
    }
    expect(await ended).toBe(0);
    await rejection(session.write(sound(10)), "ERR_INVALID_STATE");
    expect(await session.end()).toBe(0);
  });

  it("two iterators", async () => {
    const first = session[Symbol.asyncIterator]();
    expect(() => session[Symbol.asyncIterator]()).toThrow(expect.objectContaining({ code: "ERR_INVALID_STATE" }));
    expect(() => session.readable).toThrow(expect.objectContaining({ code: "ERR_INVALID_STATE" }));
    const pending = [first.next(), first.next(), first.next()];
    expect((await pending[0])?.value?.type).toBe("started");
    await first.return?.();
    expect(await pending[1]).toEqual({ done: true, value: undefined });
    const second = session[Symbol.asyncIterator]();
    await session.end();
    expect((await second.next()).value).toEqual({ type: "end", duration: 0 });
    expect(await second.next()).toEqual({ done: true, value: undefined });
    session[Symbol.asyncIterator]();
  });

  const chunks: [string, unknown, object, SttErrorCode, RegExp][] = [
    ["NaN", Float32Array.of(0, 0, Number.NaN), {}, "ERR_INVALID_AUDIO", /sample 2 is NaN/],
    ["infinity", Float32Array.of(Number.NEGATIVE_INFINITY), {}, "ERR_INVALID_AUDIO", /-Infinity/],
    ["text", "abc", {}, "ERR_INVALID_ARGUMENT", /chunk/],
    ["numbers", [0, 1], {}, "ERR_INVALID_ARGUMENT", /chunk/],
    ["undefined", undefined, {}, "ERR_INVALID_ARGUMENT", /chunk/],
    ["doubles", new Float64Array(4), {}, "ERR_INVALID_ARGUMENT", /chunk/],
    ["bytes without a format", new Uint8Array(4), {}, "ERR_INVALID_ARGUMENT", /format/],
    ["an unknown format", new Uint8Array(4), { format: "u8" }, "ERR_INVALID_ARGUMENT", /u8/],
    ["rate 0", new Float32Array(4), { rate: 0 }, "ERR_INVALID_AUDIO", /rate 0/],
    ["rate 1 MHz", new Float32Array(4), { rate: 1e6 }, "ERR_INVALID_AUDIO", /rate/],
    ["a misspelt option", new Float32Array(4), { sampleRate: 1 }, "ERR_INVALID_ARGUMENT", /sampleRate/],
    [
      "an f32le NaN",
      new Uint8Array(Float32Array.of(Number.NaN).buffer),
      { format: "f32le" },
      "ERR_INVALID_AUDIO",
      /NaN/,
    ],
  ];
  it.each(chunks)("a chunk with %s takes nothing and ends nothing", async (_name, chunk, options, code, message) => {
    const error = await rejection(session.write(chunk as Float32Array, options), code);
    expect(error.message).toMatch(message);
    expect(session.writtenSeconds).toBe(0);
    await session.write(sound(RATE / 2));
    expect(await session.end()).toBe(0.5);
  });

  it("2^31 samples", async () => {
    // Never touched, so never in memory.
    const huge = new Uint8Array(0);
    Object.defineProperty(huge, "length", { value: 2 ** 31 });
    const error = await rejection(session.write(huge, { format: "s16le" }), "ERR_INVALID_ARGUMENT");
    expect(error.message).toContain("2^31");
  });

  it("no rate anywhere", async () => {
    const bare = new Float32Array(4);
    await session.dispose();
    const other = await stt.createSession();
    expect((await rejection(other.write(bare), "ERR_INVALID_ARGUMENT")).message).toContain("rate");
    await other.dispose();
  });

  it("half a sample at the end is left out, with a warning", async () => {
    const reading = finals(session);
    await session.write(Uint8Array.of(1, 2, 3), { format: "s16le" });
    await rejection(session.write(new Float32Array(3)), "ERR_INVALID_ARGUMENT");
    await rejection(session.write(new Uint8Array(3), { format: "f32le" }), "ERR_INVALID_ARGUMENT");
    await session.end();
    expect(ofType(await reading, "warning")).toEqual([
      { type: "warning", code: "odd-bytes", message: expect.stringContaining("1 bytes") },
    ]);
  });

  it("a change of the rate in mid-stream is allowed", async () => {
    await session.write(sound(8000), { rate: 8000 });
    await session.write(sound(44_100), { rate: 44_100 });
    expect(await session.end()).toBeCloseTo(2, 6);
  });

  it("writes that nobody awaits are refused after a minute, not piled up", async () => {
    const pending: Promise<unknown>[] = [];
    for (let second = 0; second < 200; second++) {
      pending.push(session.write(new Float32Array(RATE)));
    }
    const results = await Promise.allSettled(pending.map((write) => Promise.race([write, session.end()])));
    expect(session.writtenSeconds).toBeLessThanOrEqual(62);
    const refused = results.filter(({ status }) => status === "rejected");
    expect(refused.length).toBeGreaterThan(100);
    expect(refused[0]).toMatchObject({
      reason: { code: "ERR_INVALID_STATE", message: expect.stringContaining("wait") },
    });
  });

  it("abort() ends the iteration with the reason, and every promise", async () => {
    const reason = new Error("enough");
    const reading = finals(session);
    reading.catch(() => {});
    await session.write(sound(5 * RATE));
    const flush = session.flush();
    const write = session.write(sound(30 * RATE));
    session.abort(reason);
    const aborted = { code: "ERR_ABORTED", name: "AbortError", cause: reason };
    await expect(reading).rejects.toMatchObject(aborted);
    await expect(flush).rejects.toMatchObject(aborted);
    await expect(write).rejects.toMatchObject(aborted);
    await expect(session.write(sound(10))).rejects.toMatchObject(aborted);
    await expect(session.end()).rejects.toMatchObject(aborted);
    expect(session.state).toBe("closed");
    session.abort(new Error("again"));
  });

  it("abort() with nobody waiting for anything rejects nothing", async () => {
    void session.write(sound(30 * RATE));
    void session.flush();
    void session.end();
    session.abort();
    await session.dispose();
  });

  it("the error is an event, then it is thrown, then nothing", async () => {
    const events = session[Symbol.asyncIterator]();
    await events.next();
    session.abort("why");
    const error = expect.objectContaining({ code: "ERR_ABORTED", cause: "why" });
    expect(await events.next()).toEqual({ done: false, value: { type: "error", error } });
    await expect(events.next()).rejects.toEqual(error);
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  it("a signal aborts, before and after", async () => {
    const controller = new AbortController();
    await session.dispose();
    const other = await stt.createSession({ rate: RATE, signal: controller.signal });
    const reading = finals(other);
    reading.catch(() => {});
    await other.write(sound(RATE));
    controller.abort("over");
    await expect(reading).rejects.toMatchObject({ code: "ERR_ABORTED", cause: "over" });
    await other.dispose();
    await rejection(stt.createSession({ signal: controller.signal }), "ERR_ABORTED");
  });

  it("dispose() in mid-step ends the iteration quietly and frees the slot", async () => {
    const reading = finals(session);
    void session.write(sound(20 * RATE));
    const flush = session.flush();
    await new Promise((resolve) => setTimeout(resolve, 5));
    await Promise.all([session.dispose(), session.dispose()]);
    expect((await reading).every(({ type }) => type !== "error" && type !== "end")).toBe(true);
    await rejection(flush, "ERR_DISPOSED");
    await rejection(session.write(sound(10)), "ERR_DISPOSED");
  });

  it("reset() refuses a flush under way and nothing else", async () => {
    void session.write(sound(20 * RATE));
    const flush = session.flush();
    await session.reset();
    await rejection(flush, "ERR_ABORTED");
    await session.write(sound(RATE));
    expect(await session.end()).toBe(1);
  });
});

describe("options", () => {
  let stt: SpeechToText;
  beforeEach(async () => {
    stt = await loadLive();
  });
  afterEach(() => stt.dispose());

  const bad: [object, RegExp, SttErrorCode][] = [
    [{ rate: 12 }, /rate 12/, "ERR_INVALID_AUDIO"],
    [{ format: "mp3" }, /format/, "ERR_INVALID_ARGUMENT"],
    [{ partials: "yes" }, /partials/, "ERR_INVALID_ARGUMENT"],
    [{ turns: { head: 4 } }, /turns\.head/, "ERR_INVALID_ARGUMENT"],
    [{ turns: { pauseThreshold: 0.3 } }, /speechThreshold/, "ERR_INVALID_ARGUMENT"],
    [{ turns: { threshold: 0.3 } }, /threshold/, "ERR_INVALID_ARGUMENT"],
    [{ refresh: { pauseSteps: -1 } }, /refresh\.pauseSteps/, "ERR_INVALID_ARGUMENT"],
    [{ prompt: "words" }, /prompt/, "ERR_INVALID_ARGUMENT"],
    [{ prompt: { text: 7 } }, /prompt\.text/, "ERR_INVALID_ARGUMENT"],
    [{ prompt: { text: "a", tokens: [1] } }, /not both/, "ERR_INVALID_ARGUMENT"],
    [{ prompt: { audio: { samples: new Float32Array(70 * 8000), rate: 8000 } } }, /60 s/, "ERR_INVALID_ARGUMENT"],
    [{ prompt: { audio: { samples: Float32Array.of(Number.NaN), rate: 8000 } } }, /NaN/, "ERR_INVALID_AUDIO"],
    [{ bannedTokens: [1.5] }, /bannedTokens/, "ERR_INVALID_ARGUMENT"],
    [{ bannedTokens: [3] }, /pad/, "ERR_INVALID_ARGUMENT"],
    [{ allowedTokens: [100_000] }, /token/, "ERR_INVALID_ARGUMENT"],
    [{ priority: "urgent" }, /priority/, "ERR_INVALID_ARGUMENT"],
    [{ maxQueuedSeconds: 0 }, /maxQueuedSeconds/, "ERR_INVALID_ARGUMENT"],
    [{ times: "server" }, /times/, "ERR_INVALID_ARGUMENT"],
    [{ tailSeconds: -1 }, /tailSeconds/, "ERR_INVALID_ARGUMENT"],
    [{ signal: {} }, /signal/, "ERR_INVALID_ARGUMENT"],
    [{ language: "en" }, /language/, "ERR_INVALID_ARGUMENT"],
  ];
  it.each(bad.map(([options, message, code]) => [Object.keys(options)[0], message, code, options] as const))(
    "a bad %s is refused (%s)",
    async (_name, message, code, options) => {
      const error = await rejection(stt.createSession(options), code);
      expect(error.message).toMatch(message);
      await expectHealthy(stt);
    },
  );

  it("prompt text is encoded, and ids that the model does not have are refused", async () => {
    // The fake knows ids up to 99; "seven" is 267 in the digits model.
    await rejection(stt.createSession({ prompt: { text: "seven" } }), "ERR_INVALID_ARGUMENT");
    const session = await stt.createSession({ prompt: { tokens: [70] }, bannedTokens: [64, 65] });
    await session.dispose();
  });
});

describe("a broken or disposed engine", () => {
  expectNoUnhandledRejections();

  it("ends its sessions with ERR_DISPOSED", async () => {
    const stt = await loadLive({ slots: 1 });
    const running = await stt.createSession({ rate: RATE });
    const waiting = await stt.createSession({ rate: RATE });
    const readings = [finals(running), finals(waiting)];
    for (const reading of readings) {
      reading.catch(() => {});
    }
    void running.write(sound(20 * RATE));
    const end = running.end();
    await stt.dispose();
    for (const reading of readings) {
      await rejection(reading, "ERR_DISPOSED");
    }
    await rejection(end, "ERR_DISPOSED");
    await rejection(running.write(sound(10)), "ERR_DISPOSED");
    await rejection(stt.createSession(), "ERR_DISPOSED");
    expect(() => stt.capacity()).toThrow(expect.objectContaining({ code: "ERR_DISPOSED" }));
  });

  it("a failing step fails the sessions it served, after the events they had", async () => {
    let isBroken = false;
    const stt = await loadLive({ slots: 2 }, () => {
      if (isBroken) {
        throw new Error("the device is gone");
      }
    });
    const session = await stt.createSession({ rate: RATE });
    await session.write(sound(RATE, 3));
    await session.flush();
    isBroken = true;
    await session.write(sound(RATE, 3));
    const events: unknown[] = [];
    const failure = (async () => {
      for await (const event of session) {
        events.push(event);
      }
    })();
    const error = await rejection(failure, "ERR_INTERNAL");
    expect(error.message).toContain("the device is gone");
    expect(events.length).toBeGreaterThan(3);
    expect(events.at(-1)).toEqual({ type: "error", error });
    isBroken = false;
    await expectHealthy(stt);
    await stt.dispose();
  });

  it("reading on after all of it fails nowhere", async () => {
    const stt = await loadLive();
    const session = await stt.createSession({ rate: RATE });
    await until(session, "started");
    await stt.dispose();
    await rejection(finals(session), "ERR_DISPOSED");
    expect(await finals(session)).toEqual([]);
  });
});
