/** Overlapping calls, dispose(), and the event loop. */
import { expect, test } from "vitest";
import { engineOf, expectCode, finish, frames, generate, type Subject, TOKENS } from "./subject.js";

const ALL = { maxNewTokens: -1, audioWindowSize: 0 };
// Enough that the work is still going on when the next lines run.
const LONG = 400;

export function testLifetime(subject: Subject): void {
  const withEngine = engineOf(subject);

  test("a second compute call rejects with ERR_BUSY, other calls go on", () =>
    withEngine(2, async (engine) => {
      const input = frames(engine, LONG);
      const generation = await engine.createGeneration(input, 1, input.length, ALL);
      const encoding = await engine.createEncoding(input, 1, input.length);
      const session = await engine.createSession(TOKENS);
      let running = true;
      const computing = generation.advance(10 * LONG).finally(() => {
        running = false;
      });
      await expectCode(engine.step(1), "ERR_BUSY");
      await expectCode(encoding.advance(1), "ERR_BUSY");
      await expectCode(generation.advance(1), "ERR_BUSY");
      expect(running).toBe(true);
      expect(await session.pushPcm(frames(engine, 2), engine.info.sampleRate)).toBe(2);
      expect(session.poll()).toEqual([]);
      expect(engine.stats()).toBeDefined();
      await computing;
      expect(await engine.step(10)).toBeGreaterThanOrEqual(2);
      await finish(encoding);
    }));

  test("the event loop keeps turning while the engine computes", () =>
    withEngine(1, async (engine) => {
      const input = frames(engine, LONG);
      const generation = await engine.createGeneration(input, 1, input.length, ALL);
      let turns = 0;
      let computing = true;
      // Pages have no setImmediate. A timer alone may wait a millisecond, in which the fake is done.
      const later: (turn: () => void) => unknown = globalThis.setImmediate ?? setTimeout;
      const turn = () => {
        turns++;
        if (computing) {
          later(turn);
        }
      };
      later(turn);
      await generation.advance(10 * LONG);
      computing = false;
      expect(turns).toBeGreaterThan(0);
    }));

  test("engines compute side by side", () =>
    withEngine(1, (first) =>
      withEngine(1, async (second) => {
        const input = frames(first, 20);
        const [one, two] = await Promise.all([generate(first, input), generate(second, input)]);
        expect(one).toEqual(two);
      }),
    ));

  test("dispose waits for the running call, which ends as if nothing had happened", () =>
    withEngine(1, async (engine) => {
      const input = frames(engine, LONG);
      const generation = await engine.createGeneration(input, 1, input.length, ALL);
      let done = false;
      const computing = generation.advance(10 * LONG).then((progress) => {
        done = true;
        return progress;
      });
      await engine.dispose();
      expect(done).toBe(true);
      expect((await computing).finished).toBe(true);
    }));

  test("dispose may be called again, at any time, on parents and children", () =>
    withEngine(2, async (engine) => {
      const input = frames(engine, 2);
      const session = await engine.createSession(TOKENS);
      const generation = await engine.createGeneration(input, 1, input.length, ALL);
      const encoding = await engine.createEncoding(input, 1, input.length);
      await Promise.all([session.dispose(), session.dispose(), generation.dispose()]);
      await Promise.all([engine.dispose(), encoding.dispose(), engine.dispose()]);
      await Promise.all([session.dispose(), generation.dispose(), encoding.dispose(), engine.dispose()]);
    }));

  test("after dispose every call rejects with ERR_DISPOSED, children included", () =>
    withEngine(1, async (engine) => {
      const input = frames(engine, 2);
      const session = await engine.createSession(TOKENS);
      const generation = await engine.createGeneration(input, 1, input.length, ALL);
      const encoding = await engine.createEncoding(input, 1, input.length);
      await finish(generation);
      await finish(encoding);
      const disposing = engine.dispose();
      const calls = [
        () => engine.prefault(1),
        () => engine.step(1),
        () => engine.stats(),
        () => engine.resetStats(),
        () => engine.createSession(TOKENS),
        () => engine.restoreSession(new Uint8Array()),
        () => engine.createGeneration(input, 1, input.length, ALL),
        () => engine.createEncoding(input, 1, input.length),
        () => session.pushPcm(input, 24_000),
        () => session.flush(),
        () => session.snapshot(),
        () => session.end(),
        () => session.reset(),
        () => session.poll(),
        () => generation.advance(1),
        () => generation.tokens(),
        () => encoding.advance(1),
        () => encoding.codes(),
      ];
      for (const call of calls) {
        await expectCode(call, "ERR_DISPOSED");
      }
      await disposing;
      for (const call of calls) {
        await expectCode(call, "ERR_DISPOSED");
      }
      expect(session.ready).toBe(0);
      expect(engine.info.frameSize).toBeGreaterThan(0);
    }));

  test("what is being created while dispose comes does not outlive the engine", () =>
    withEngine(1, async (engine) => {
      const creating = engine.createSession(TOKENS);
      const outcome = creating.then(
        (session) => expectCode(() => session.poll(), "ERR_DISPOSED"),
        (error: unknown) => expectCode(Promise.reject(error), "ERR_DISPOSED"),
      );
      await engine.dispose();
      await outcome;
    }));
}
