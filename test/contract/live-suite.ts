/** Live sessions: flush, partial words, turns, refreshes, prompts, snapshots, priorities. */
import { expect, test } from "vitest";
import type { EngineHandle, SessionEvent, SessionHandle, SessionParams } from "../../ts/contract/backend.js";
import { DEFAULT_REFRESH, DEFAULT_SESSION, DEFAULT_TURN } from "../../ts/contract/session.js";
import { cut, drain, engineOf, expectCode, frames, type Subject, sound, TOKENS } from "./subject.js";

type Typed<T extends SessionEvent["type"]> = Extract<SessionEvent, { type: T }>;

function ofType<T extends SessionEvent["type"]>(events: readonly SessionEvent[], ...types: T[]): Typed<T>[] {
  return events.filter((event): event is Typed<T> => types.includes(event.type as T));
}

const LIVE: SessionParams = { ...TOKENS, emitPartials: true };

/** Pushes the chunks, flushing after those marked, and steps as it goes; all events. */
async function talk(
  engine: EngineHandle,
  session: SessionHandle,
  chunks: readonly (Float32Array | "flush")[],
  rate = engine.info.sampleRate,
): Promise<SessionEvent[]> {
  const events: SessionEvent[] = [];
  for (const chunk of chunks) {
    await (chunk === "flush" ? session.flush() : session.pushPcm(chunk, rate));
    await engine.step(2);
    events.push(...session.poll());
  }
  await session.end();
  events.push(...(await drain(engine, session)));
  return events;
}

export function testLive(subject: Subject): void {
  const withEngine = engineOf(subject);

  test("flush brings everything out, in order, and leaves the clock alone", () =>
    withEngine(1, async (engine) => {
      const { sampleRate } = engine.info;
      const session = await engine.createSession(LIVE);
      const audio = sound(2.03 * sampleRate, 3);
      await session.pushPcm(audio, sampleRate);
      await session.flush();
      // Pushed behind the flush: comes after it.
      await session.pushPcm(audio, sampleRate);
      await session.flush();
      const events = await drain(engine, session);
      const flushes = ofType(events, "flushed");
      expect(flushes.map(({ time }) => time)).toEqual([
        expect.closeTo(audio.length / sampleRate, 6),
        expect.closeTo((2 * audio.length) / sampleRate, 6),
      ]);
      const first = events.findIndex(({ type }) => type === "flushed");
      let previous = 0;
      for (const [index, event] of events.entries()) {
        if (event.type === "word") {
          expect(event.start).toBeGreaterThanOrEqual(previous);
          expect(event.end).toBeGreaterThanOrEqual(event.start);
          const limit = (index < first ? 1 : 2) * (audio.length / sampleRate);
          expect(event.end).toBeLessThanOrEqual(limit + 1e-6);
          previous = event.start;
        }
      }
      expect(session.ready).toBe(0);
      await session.end();
      expect(ofType(await drain(engine, session), "end")).toEqual([
        { type: "end", duration: expect.closeTo((2 * audio.length) / sampleRate, 6) },
      ]);
    }));

  test("flush without anything new is answered at once, and refused after the end", () =>
    withEngine(1, async (engine) => {
      const session = await engine.createSession(LIVE);
      await session.flush();
      expect(session.poll()).toEqual([{ type: "flushed", time: 0 }]);
      await session.pushPcm(frames(engine, 3), engine.info.sampleRate);
      await session.flush();
      await session.flush();
      const events = await drain(engine, session);
      expect(ofType(events, "flushed")).toHaveLength(2);
      await session.end();
      await expectCode(session.flush(), "ERR_INVALID_STATE");
      await session.end();
      expect(ofType(await drain(engine, session), "end")).toHaveLength(1);
    }));

  test.each([24_000, 16_000])("any chunking of %i Hz between the same flushes gives the same events", (rate) =>
    withEngine(1, async (engine) => {
      const parts = [sound(1.3 * rate, 2), sound(0.5 * rate, 4), sound(1.7 * rate, 6)];
      const hear = async (sizes: readonly number[]) => {
        const session = await engine.createSession(LIVE);
        const chunks = parts.flatMap((part) => [...cut(part, sizes), "flush" as const]);
        const events = await talk(engine, session, chunks, rate);
        await session.dispose();
        return events;
      };
      const whole = await hear([1_000_000]);
      for (const sizes of [[1920], [777, 0, 5000], [160]]) {
        expect(await hear(sizes), `chunks of ${sizes}`).toEqual(whole);
      }
    }),
  );

  test("a partial word has the start of its word and grows into it", () =>
    withEngine(1, async (engine) => {
      const session = await engine.createSession({ ...LIVE, tailSeconds: 2 });
      const events = await talk(engine, session, [frames(engine, 60, 7)]);
      let open: Typed<"partial"> | undefined;
      for (const event of ofType(events, "partial", "word")) {
        if (event.type === "word") {
          expect(open?.start).toBe(event.start);
          // Bytes of a character that never became complete are shown by the word only.
          expect(event.text.startsWith(open?.text.replace(/\uFFFD+$/, "") ?? "none")).toBe(true);
          open = undefined;
        } else {
          if (open !== undefined && open.start === event.start) {
            expect(event.text).not.toBe(open.text);
          }
          open = event;
        }
      }
    }));

  test("a snapshot goes on as the session does, in another slot and another engine", () =>
    withEngine(3, (first) =>
      withEngine(1, async (second) => {
        const { sampleRate } = first.info;
        const params = { ...LIVE, turn: DEFAULT_TURN, bannedTokens: Int32Array.of(5) };
        const session = await first.createSession(params);
        await session.pushPcm(sound(1.7 * 16_000, 8), 16_000);
        await session.flush();
        await first.step(3);
        await session.pushPcm(frames(first, 2, 4), sampleRate);
        session.poll();
        const snapshot = await session.snapshot();
        const rest = [frames(first, 5, 11).subarray(0, 7001), "flush" as const, frames(first, 3, 12)];
        const expected = await talk(first, session, rest);
        expect(expected.at(-1)?.type).toBe("end");
        for (const engine of [first, second]) {
          const restored = await engine.restoreSession(snapshot);
          expect(await talk(engine, restored, rest)).toEqual(expected);
        }
      }),
    ));

  test("bytes that are no snapshot are refused and the engine goes on", () =>
    withEngine(2, async (engine) => {
      const session = await engine.createSession(LIVE);
      await session.pushPcm(frames(engine, 3), engine.info.sampleRate);
      await engine.step(2);
      const snapshot = await session.snapshot();
      const damaged = snapshot.slice();
      damaged[20] = (damaged[20] ?? 0) ^ 255;
      for (const bytes of [new Uint8Array(), new Uint8Array(1000), snapshot.subarray(0, -1), damaged]) {
        await expectCode(engine.restoreSession(bytes), "ERR_INVALID_SNAPSHOT");
      }
      const restored = await engine.restoreSession(snapshot);
      await expectCode(engine.restoreSession(snapshot), "ERR_NO_SLOT");
      await restored.dispose();
      await session.dispose();
    }));

  test("speech and pauses come by turns, with times in order", () =>
    withEngine(1, async (engine) => {
      const { sampleRate } = engine.info;
      const session = await engine.createSession({ ...LIVE, turn: DEFAULT_TURN });
      const gap = new Float32Array(4 * sampleRate);
      const events = await talk(engine, session, [frames(engine, 25, 7), gap, frames(engine, 25, 9), gap]);
      const turns = ofType(events, "speech", "pause");
      expect(turns.length).toBeGreaterThan(0);
      let previous = 0;
      for (const [index, turn] of turns.entries()) {
        expect(turn.type).toBe(index % 2 === 0 ? "speech" : "pause");
        expect(turn.time).toBeGreaterThanOrEqual(previous);
        expect(turn.heard).toBeGreaterThanOrEqual(turn.time);
        expect(turn.probability).toBeGreaterThanOrEqual(0);
        expect(turn.probability).toBeLessThanOrEqual(1);
        expect(turn.source).toBe("tokens");
        previous = turn.time;
      }
    }));

  test("refreshes keep to their limit and can be turned off", () =>
    withEngine(2, async (engine) => {
      const audio = frames(engine, 130, 5);
      const limited = { ...DEFAULT_REFRESH, pauseSteps: 30, limitSteps: 30, replaySteps: 5 };
      const session = await engine.createSession({ ...LIVE, refresh: limited });
      const events = await talk(engine, session, [audio]);
      const refreshes = ofType(events, "refresh");
      expect(refreshes.length).toBeGreaterThanOrEqual(3);
      for (const [index, refresh] of refreshes.entries()) {
        expect(["limit", "pause", "stall"]).toContain(refresh.reason);
        expect(refresh.time).toBeGreaterThanOrEqual(refreshes[index - 1]?.time ?? 0);
      }
      const strict = await engine.createSession({ ...LIVE, refresh: null });
      expect(ofType(await talk(engine, strict, [audio]), "refresh")).toEqual([]);
    }));

  test("moshi-server's messages take the place of words", () =>
    withEngine(1, async (engine) => {
      const session = await engine.createSession({ ...LIVE, times: "moshi_server" });
      const events = await talk(engine, session, [frames(engine, 60, 7)]);
      expect(ofType(events, "word", "partial")).toEqual([]);
      for (const event of ofType(events, "moshiWord", "moshiEndWord")) {
        expect(event.type === "moshiWord" ? event.start : event.stop).toBeGreaterThanOrEqual(0);
      }
    }));

  test("banned tokens are never chosen", () =>
    withEngine(1, async (engine) => {
      const audio = frames(engine, 12, 3);
      const free = await engine.createSession(TOKENS);
      const { padTokenId } = engine.info;
      const seen = new Set(ofType(await talk(engine, free, [audio]), "token").map(({ token }) => token));
      await free.dispose();
      const banned = Int32Array.from([...seen].filter((token) => token !== padTokenId));
      expect(banned.length).toBeGreaterThan(0);
      const session = await engine.createSession({ ...TOKENS, bannedTokens: banned });
      for (const { token } of ofType(await talk(engine, session, [audio]), "token")) {
        expect(banned).not.toContain(token);
      }
    }));

  test("parameters out of range are refused and take no slot", () =>
    withEngine(1, async (engine) => {
      const { padTokenId, vocabSize } = engine.info;
      const bad: Partial<SessionParams>[] = [
        { bannedTokens: Int32Array.of(padTokenId) },
        { bannedTokens: Int32Array.of(-1) },
        { allowedTokens: Int32Array.of(vocabSize) },
        { prompt: { tokens: Int32Array.of(vocabSize), pcm: new Float32Array(), rate: 24_000 } },
      ];
      for (const params of bad) {
        await expectCode(engine.createSession({ ...TOKENS, ...params }), "ERR_INVALID_ARGUMENT");
      }
      const session = await engine.createSession(DEFAULT_SESSION);
      await session.dispose();
    }));

  test("a live session goes before a file, and the file comes to its end", () =>
    withEngine(2, async (engine) => {
      const { sampleRate } = engine.info;
      const file = await engine.createSession({ ...TOKENS, priority: "file" });
      const live = await engine.createSession({ ...TOKENS, priority: "live" });
      await file.pushPcm(frames(engine, 40, 1), sampleRate);
      await live.pushPcm(frames(engine, 4, 2), sampleRate);
      await engine.step(3);
      expect(ofType(live.poll(), "token").length).toBeGreaterThanOrEqual(3);
      expect(file.poll()).toEqual([]);
      await file.end();
      expect((await drain(engine, file)).at(-1)?.type).toBe("end");
    }));

  test("leaving, joining and flushing beside others changes nothing for them", () =>
    withEngine(4, async (engine) => {
      const { sampleRate } = engine.info;
      const audio = sound(3 * sampleRate, 21);
      const alone = await engine.createSession(LIVE);
      const expected = await talk(engine, alone, cut(audio, [4000]));
      await alone.dispose();
      const subject = await engine.createSession(LIVE);
      const events: SessionEvent[] = [];
      let guest = await engine.createSession({ ...LIVE, refresh: { pauseSteps: 9, limitSteps: 9, replaySteps: 3 } });
      for (const [index, chunk] of cut(audio, [4000]).entries()) {
        await subject.pushPcm(chunk, sampleRate);
        await guest.pushPcm(sound(3000, index), sampleRate);
        if (index % 3 === 1) {
          await guest.flush();
        }
        const stepping = engine.step(2);
        if (index % 4 === 3) {
          await guest.dispose();
          guest = await engine.createSession(LIVE);
        }
        await stepping;
        events.push(...subject.poll());
      }
      await subject.end();
      events.push(...(await drain(engine, subject)));
      expect(events).toEqual(expected);
    }));
}
