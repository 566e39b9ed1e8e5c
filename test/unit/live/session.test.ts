import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LiveEvent } from "../../../ts/api/live-events.js";
import type { SpeechToText } from "../../../ts/api/speech-to-text.js";
import {
  cut,
  expectNoUnhandledRejections,
  FRAME,
  finals,
  loadLive,
  ofType,
  RATE,
  said,
  sound,
  until,
} from "../support/live.js";

describe("a live session", () => {
  expectNoUnhandledRejections();
  let stt: SpeechToText;
  beforeEach(async () => {
    stt = await loadLive({ slots: 4 });
  });
  afterEach(() => stt.dispose());

  it("tells its words, final and in order, then the end", async () => {
    const session = await stt.createSession({ rate: RATE });
    const reading = finals(session);
    const audio = sound(2 * RATE, 3);
    await session.write(audio);
    expect(await session.end()).toBeCloseTo(2, 6);
    const events = await reading;
    expect(events[0]).toEqual({ type: "started", waited: expect.any(Number) });
    expect(events.at(-1)).toEqual({ type: "end", duration: expect.closeTo(2, 6) });
    const words = ofType(events, "word");
    expect(words.length).toBeGreaterThan(5);
    expect(words.map(({ index }) => index)).toEqual(words.map((_, index) => index));
    for (const [index, { start, end, final }] of words.entries()) {
      expect(final).toBe(true);
      expect(start).toBeGreaterThanOrEqual(words[index - 1]?.start ?? 0);
      expect(end).toBeGreaterThanOrEqual(start);
    }
    expect(session.state).toBe("ended");
  });

  it("reports a growing word before its final one, with its index and start; unless told not to", async () => {
    const session = await stt.createSession({ rate: RATE });
    await session.write(sound(RATE, 3));
    await session.flush();
    await session.write(sound(RATE, 4));
    const all: LiveEvent[] = [];
    const reading = (async () => {
      for await (const event of session) {
        all.push(event);
      }
    })();
    await session.end();
    await reading;
    const words = ofType(all, "word");
    const partials = words.filter(({ final }) => !final);
    expect(partials.length).toBeGreaterThan(0);
    for (const partial of partials) {
      expect(words.find(({ final, index }) => final && index === partial.index)?.start).toBe(partial.start);
    }
    const plain = await stt.createSession({ rate: RATE, partials: false });
    await plain.write(sound(RATE, 3));
    const [, events] = await Promise.all([
      plain.end(),
      (async () => {
        const found = [];
        for await (const event of plain) {
          found.push(event);
        }
        return found;
      })(),
    ]);
    expect(ofType(events, "word").filter(({ final }) => !final)).toEqual([]);
  });

  it("flush() brings out every word spoken before it and leaves the clock alone", async () => {
    const session = await stt.createSession({ rate: RATE });
    const reading = finals(session);
    const audio = sound(1.53 * RATE, 5);
    await session.write(audio);
    expect(await session.flush()).toBeCloseTo(1.53, 6);
    await session.write(audio);
    const flushes = await Promise.all([session.flush(), session.flush()]);
    expect(flushes).toEqual([expect.closeTo(3.06, 6), expect.closeTo(3.06, 6)]);
    await session.end();
    const events = await reading;
    expect(ofType(events, "flushed").map(({ time }) => time)).toEqual(
      [1.53, 3.06, 3.06].map((time) => expect.closeTo(time, 6)),
    );
    const first = events.findIndex(({ type }) => type === "flushed");
    const before = ofType(events.slice(0, first), "word");
    const after = ofType(events.slice(first), "word");
    expect(before.length).toBeGreaterThan(0);
    expect(Math.max(...before.map(({ end }) => end))).toBeLessThanOrEqual(1.53 + FRAME / RATE);
    expect(Math.min(...after.map(({ start }) => start))).toBeGreaterThanOrEqual(1.53 - FRAME / RATE);
  });

  it("any chunking, in any form, of any rates, says what the whole says", async () => {
    const form = fc.constantFrom("float", "int16", "s16le", "f32le");
    const part = fc.record({
      rate: fc.constantFrom(8000, 16_000, RATE),
      seed: fc.integer({ min: 1, max: 50 }),
      flush: fc.boolean(),
    });
    const sizes = fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 3 }), sizes, form, async (parts, chunkSizes, as) => {
        const run = async (split: boolean) => {
          const session = await stt.createSession({ format: as === "f32le" ? "f32le" : "s16le" });
          const reading = said(session);
          for (const { rate, seed, flush } of parts) {
            const ints = Int16Array.from(sound(0.7 * rate, seed), (sample) => Math.round(sample * 32_767));
            const floats = Float32Array.from(ints, (sample) => sample / 32_768);
            const bytes = (data: Int16Array | Float32Array) => new Uint8Array(data.buffer);
            if (!split) {
              await session.write(floats, { rate });
            } else if (as === "s16le" || as === "f32le") {
              const all = bytes(as === "s16le" ? ints : floats);
              for (let at = 0, i = 0; at < all.length; i++) {
                const size = chunkSizes[i % chunkSizes.length] ?? 1;
                await session.write(all.subarray(at, at + size), { rate });
                at += size;
              }
            } else {
              for (const chunk of cut(floats, chunkSizes)) {
                await session.write(as === "float" ? chunk : Int16Array.from(chunk, (sample) => sample * 32_768), {
                  rate,
                });
              }
            }
            if (flush) {
              await session.flush();
            }
          }
          await session.end();
          return reading;
        };
        const whole = await run(false);
        expect(await run(true)).toEqual(whole);
      }),
      { numRuns: 12 },
    );
  });

  it("sessions that join, leave, reset and flush beside others change nothing for them", async () => {
    const action = fc.constantFrom("join", "abort", "dispose", "flush", "reset", "write");
    const audio = sound(2 * RATE, 9);
    const alone = await stt.createSession({ rate: RATE });
    const reading = said(alone);
    await alone.write(audio);
    await alone.end();
    const expected = await reading;
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 12 }), async (actions) => {
        const subject = await stt.createSession({ rate: RATE });
        const found = said(subject);
        const guests: Awaited<ReturnType<typeof stt.createSession>>[] = [];
        const chunks = cut(audio, [Math.ceil(audio.length / (actions.length + 1))]);
        for (const [index, chunk] of chunks.entries()) {
          await subject.write(chunk);
          const guest = guests.at(-1);
          switch (actions[index]) {
            case "join":
              guests.push(await stt.createSession({ rate: RATE }));
              break;
            case "abort":
              guests.pop()?.abort();
              break;
            case "dispose":
              await guests.pop()?.dispose();
              break;
            case "flush":
              void guest?.flush();
              break;
            case "reset":
              await guest?.reset();
              break;
            case "write":
              await guest?.write(sound(4000, index));
              break;
            default:
              break;
          }
        }
        await subject.end();
        expect(await found).toEqual(expected);
        await Promise.all(guests.map((guest) => guest.dispose()));
      }),
      { numRuns: 10 },
    );
  });

  it("reset() is as fresh: clock, words and unread events", async () => {
    const session = await stt.createSession({ rate: RATE });
    await session.write(sound(RATE, 1));
    await session.flush();
    await session.reset();
    expect(session.writtenSeconds).toBe(0);
    const reading = said(session);
    await session.write(sound(RATE, 2));
    await session.end();
    const fresh = await stt.createSession({ rate: RATE });
    const expected = said(fresh);
    await fresh.write(sound(RATE, 2));
    await fresh.end();
    expect(await reading).toEqual(await expected);
  });

  it("a snapshot goes on elsewhere as if nothing had happened", async () => {
    const audio = sound(2 * RATE, 7);
    const whole = await stt.createSession({ rate: RATE });
    const expected = said(whole);
    await whole.write(audio);
    await whole.end();
    const first = await stt.createSession({ rate: RATE });
    const begun = said(first);
    await first.write(audio.subarray(0, 31_111));
    const bytes = await first.snapshot();
    await first.dispose();
    const second = await stt.restoreSession(bytes, { rate: RATE });
    const gone = said(second);
    await second.write(audio.subarray(31_111));
    await second.end();
    const withoutIndex = (events: readonly object[]) => events.map((event) => ({ ...event, index: 0 }));
    expect(withoutIndex([...(await begun), ...(await gone)])).toEqual(withoutIndex(await expected));
  });

  it("tells progress and, when asked, tokens; speech and pauses alternate", async () => {
    const session = await stt.createSession({ rate: RATE, progress: true, tokens: true });
    const reading = finals(session);
    const audio = sound(3 * RATE, 2);
    await session.write(audio);
    await session.write(new Float32Array(2 * RATE));
    await session.end();
    const events = await reading;
    const progress = ofType(events, "progress");
    expect(progress.length).toBeGreaterThan(0);
    for (const { written, heard } of progress) {
      expect(heard).toBeLessThanOrEqual(written);
    }
    expect(ofType(events, "token").length).toBeGreaterThan(60);
    const turns = ofType(events, "speech", "pause");
    expect(turns.slice(0, 2).map(({ type }) => type)).toEqual(["speech", "pause"]);
    expect(turns[1]?.time).toBeCloseTo(3, 0);
  });

  it("moshi_server reports the server's words", async () => {
    const session = await stt.createSession({ rate: RATE, times: "moshi_server", turns: false });
    const reading = said(session);
    await session.write(sound(RATE, 2));
    await session.end();
    const types = new Set((await reading).map(({ type }) => type));
    expect(types).toEqual(new Set(["moshiWord", "moshiEndWord", "end"]));
  });

  it("write() follows the speed of the machine", async () => {
    const session = await stt.createSession({ rate: RATE, maxQueuedSeconds: 1 });
    let most = 0;
    for (let chunk = 0; chunk < 40; chunk++) {
      await session.write(sound(RATE / 2, chunk));
      most = Math.max(most, session.queuedSeconds);
    }
    expect(most).toBeLessThanOrEqual(1 + FRAME / RATE);
    await session.dispose();
  });

  it("nothing waits once everything is computed", async () => {
    const session = await stt.createSession({ rate: 44_100 });
    await session.write(sound(5.27725 * 44_100));
    await session.flush();
    expect(session.queuedSeconds).toBe(0);
    await session.dispose();
  });

  it("one write may hold far more than the queue", async () => {
    const session = await stt.createSession({ rate: RATE, turns: false });
    const reading = said(session);
    await session.write(sound(40 * RATE, 1));
    expect(session.queuedSeconds).toBeLessThanOrEqual(10);
    await session.end();
    expect((await reading).at(-1)).toEqual({ type: "end", duration: 40 });
  });

  it("leaving a loop early does not end the session", async () => {
    const session = await stt.createSession({ rate: RATE });
    await session.write(sound(RATE, 3));
    const word = await until(session, "word");
    expect(word.index).toBe(0);
    await session.end();
    expect((await finals(session)).at(-1)?.type).toBe("end");
  });
});
