/** Sessions and resamplers. */
import { expect, test } from "vitest";
import type { ResamplerHandle, SessionEvent } from "../../ts/contract/backend.js";
import { cut, drain, engineOf, expectCode, frames, hear, type Subject, sound, TOKENS } from "./subject.js";

/**
 * Events without what may differ in the last bits: a confidence when frames share a computation, and seconds, which
 * are summed over the pushes.
 */
function comparable(events: readonly SessionEvent[]) {
  return events.map((event) => {
    switch (event.type) {
      case "word":
        return {
          ...event,
          start: event.start.toFixed(6),
          end: event.end.toFixed(6),
          confidence: event.confidence.toFixed(4),
        };
      case "end":
        return { ...event, duration: event.duration.toFixed(6) };
      default:
        return event;
    }
  });
}

export function testSession(subject: Subject): void {
  const withEngine = engineOf(subject);

  test("tokens come step by step, the end comes last", () =>
    withEngine(1, async (engine) => {
      const { frameRate, sampleRate, vocabSize } = engine.info;
      const audio = frames(engine, 20);
      const events = await hear(engine, [audio]);
      const tokens = events.filter((event) => event.type === "token");
      // The tail follows the audio; a core may also report the step that precedes all audio.
      expect(tokens.length).toBeGreaterThanOrEqual(20 + Math.floor(TOKENS.tailSeconds * frameRate));
      const first = tokens[0]?.step ?? -1;
      expect(first).toBeGreaterThanOrEqual(0);
      expect(tokens.map(({ step }) => step)).toEqual(tokens.map((_, i) => first + i));
      expect(tokens.every(({ token }) => token >= 0 && token < vocabSize)).toBe(true);
      expect(events.filter((event) => event.type === "end")).toHaveLength(1);
      expect(events.at(-1)).toEqual({ type: "end", duration: expect.closeTo(audio.length / sampleRate, 9) });
    }));

  test("words are in order and inside the audio", () =>
    withEngine(1, async (engine) => {
      const audio = frames(engine, 60, 7);
      const events = await hear(engine, [audio]);
      let previous = 0;
      for (const event of events) {
        if (event.type === "word") {
          expect(event.start).toBeGreaterThanOrEqual(previous);
          expect(event.end).toBeGreaterThanOrEqual(event.start);
          expect(event.confidence).toBeGreaterThan(0);
          expect(event.confidence).toBeLessThanOrEqual(1);
          previous = event.start;
        }
      }
      expect(events.at(-1)?.type).toBe("end");
    }));

  test.each([24_000, 44_100, 8000])("any chunking of %i Hz gives the events of one chunk", (rate) =>
    withEngine(1, async (engine) => {
      const audio = sound(3 * rate, 5);
      const whole = comparable(await hear(engine, [audio], rate));
      for (const sizes of [[1920], [1, 7, 4000, 0, 333], [20_000, 100]]) {
        expect(comparable(await hear(engine, cut(audio, sizes), rate, 1)), `chunks of ${sizes}`).toEqual(whole);
      }
    }),
  );

  test("pushes are taken in order without waiting, and the caller may reuse the array at once", () =>
    withEngine(1, async (engine) => {
      const rate = engine.info.sampleRate;
      const audio = sound(4 * rate, 9);
      const expected = comparable(await hear(engine, [audio]));
      const session = await engine.createSession(TOKENS);
      // Long and short ones by turns: a backend may treat them differently.
      const pushes = cut(audio, [30_000, 500, 100, 12_000]).map((chunk) => {
        const reused = chunk.slice();
        const pushed = session.pushPcm(reused, rate);
        reused.fill(0.9);
        return pushed;
      });
      const ended = session.end();
      const ready = await Promise.all(pushes);
      await ended;
      expect(ready).toEqual(ready.toSorted((a, b) => a - b));
      expect(comparable(await drain(engine, session))).toEqual(expected);
    }));

  test("push reports the frames that wait, step takes them, poll gives each event once", () =>
    withEngine(1, async (engine) => {
      const { sampleRate } = engine.info;
      const session = await engine.createSession(TOKENS);
      expect(session.ready).toBe(0);
      expect(await engine.step(5)).toBe(0);
      const ready = await session.pushPcm(frames(engine, 4), sampleRate);
      expect(ready).toBe(4);
      expect(session.ready).toBe(4);
      expect(await engine.step(3)).toBe(3);
      // The step that precedes all audio takes no frame of it.
      expect([1, 2]).toContain(session.ready);
      expect(session.poll().length).toBeGreaterThan(0);
      expect(session.poll()).toEqual([]);
      await engine.step(5);
      expect(session.ready).toBe(0);
      expect(await engine.step(5)).toBe(0);
    }));

  test("a session without audio ends at 0", () =>
    withEngine(1, async (engine) => {
      const events = await hear(engine, []);
      expect(events.at(-1)).toEqual({ type: "end", duration: 0 });
    }));

  test("after a reset the session is as fresh", () =>
    withEngine(1, async (engine) => {
      const { sampleRate } = engine.info;
      const audio = frames(engine, 10, 3);
      const expected = comparable(await hear(engine, [audio]));
      const session = await engine.createSession(TOKENS);
      await session.pushPcm(frames(engine, 7, 4), sampleRate);
      await engine.step(4);
      const resetting = session.reset();
      expect(session.poll()).toEqual([]);
      await resetting;
      expect(session.ready).toBe(0);
      await session.pushPcm(audio, sampleRate);
      await session.end();
      expect(comparable(await drain(engine, session))).toEqual(expected);
      await session.reset();
      await session.pushPcm(audio, sampleRate);
      await session.end();
      expect(comparable(await drain(engine, session))).toEqual(expected);
    }));

  test("sessions side by side do not hear each other", () =>
    withEngine(3, async (engine) => {
      const { sampleRate } = engine.info;
      const audio = [1, 2, 3].map((seed) => frames(engine, 6 + 2 * seed, seed));
      const expected: unknown[] = [];
      for (const one of audio) {
        expected.push(comparable(await hear(engine, [one])));
      }
      const sessions = await Promise.all(audio.map(() => engine.createSession(TOKENS)));
      await Promise.all(sessions.map((session, i) => session.pushPcm(audio[i] ?? new Float32Array(), sampleRate)));
      await Promise.all(sessions.map((session) => session.end()));
      while ((await engine.step(4)) > 0) {
        // all sessions advance together
      }
      expect(sessions.map((session) => comparable(session.poll()))).toEqual(expected);
    }));

  test("a full engine refuses another session until one is disposed", () =>
    withEngine(2, async (engine) => {
      const first = await engine.createSession(TOKENS);
      await engine.createSession(TOKENS);
      await expectCode(engine.createSession(TOKENS), "ERR_NO_SLOT");
      await first.dispose();
      await engine.createSession(TOKENS);
    }));

  test("a refused push takes nothing and the session goes on", () =>
    withEngine(1, async (engine) => {
      const { sampleRate } = engine.info;
      const audio = frames(engine, 12, 6);
      const expected = comparable(await hear(engine, [audio]));
      const session = await engine.createSession(TOKENS);
      await session.pushPcm(audio.subarray(0, 5000), sampleRate);
      for (const length of [1000, 60_000]) {
        const bad = sound(length);
        bad[length - 1] = Number.POSITIVE_INFINITY;
        await expectCode(session.pushPcm(bad, sampleRate), "ERR_INVALID_AUDIO");
      }
      await expectCode(session.pushPcm(sound(10), 999), "ERR_INVALID_AUDIO");
      await session.pushPcm(audio.subarray(5000), sampleRate);
      await session.end();
      await expectCode(session.pushPcm(audio, sampleRate), "ERR_INVALID_STATE");
      expect(comparable(await drain(engine, session))).toEqual(expected);
    }));
}

async function resample(resampler: ResamplerHandle, chunks: readonly Float32Array[]): Promise<number[]> {
  const parts = await Promise.all([...chunks.map((chunk) => resampler.push(chunk)), resampler.flush()]);
  return parts.flatMap((part) => [...part]);
}

export function testResampler(subject: Subject): void {
  test.each([
    [44_100, 24_000],
    [8000, 24_000],
    [48_000, 24_000],
    [24_000, 24_000],
  ])("%i to %i Hz: exact length, the same in any chunking, fresh after flush", async (rateIn, rateOut) => {
    const backend = await subject.open();
    const resampler = await backend.createResampler(rateIn, rateOut);
    const audio = sound(30_001);
    const whole = await resample(resampler, [audio]);
    expect(whole).toHaveLength(Math.ceil((audio.length * rateOut) / rateIn));
    // Pushed without waiting: the order is the backend's business.
    expect(await resample(resampler, cut(audio, [1, 5000, 0, 77]))).toEqual(whole);
    await resampler.dispose();
    await expectCode(resampler.push(audio), "ERR_DISPOSED");
    await expectCode(resampler.flush(), "ERR_DISPOSED");
  });
}
