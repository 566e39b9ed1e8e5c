/** More sessions than slots, and files beside them. */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { SlotQueue, type SlotRequest } from "../../../ts/api/slot-queue.js";
import type { SpeechToText } from "../../../ts/api/speech-to-text.js";
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

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("SlotQueue", () => {
  const request = (priority: SlotRequest["priority"], more: Partial<SlotRequest> = {}): SlotRequest => ({
    priority,
    count: 1,
    signal: new AbortController().signal,
    ...more,
  });

  it("serves live requests first, in order, and tells everybody's place", async () => {
    const queue = new SlotQueue(1);
    const [held] = await queue.acquire(request("file"));
    const served: string[] = [];
    const places: string[] = [];
    const wait = (name: string, priority: SlotRequest["priority"]): void => {
      const onPosition = (position: number): void => {
        places.push(`${name}${position}`);
      };
      void queue.acquire(request(priority, { onPosition })).then(([slot]) => {
        served.push(name);
        slot?.release();
      });
    };
    wait("a", "file");
    wait("b", "live");
    wait("c", "file");
    wait("d", "live");
    expect(queue.waiting("live")).toBe(2);
    held?.release();
    held?.release();
    await settled();
    expect(served).toEqual(["b", "d", "a", "c"]);
    expect(places.slice(0, 8)).toEqual(["a1", "b1", "a2", "c3", "d2", "a3", "c4", "d1"]);
    expect(queue.free).toBe(1);
  });

  it("gives several slots at once, and nobody overtakes whoever waits for them", async () => {
    const queue = new SlotQueue(2);
    const [held] = await queue.acquire(request("live"));
    const served: string[] = [];
    const pair = queue.acquire(request("live", { count: 2 })).then((slots) => {
      served.push("pair");
      return slots;
    });
    const single = queue.acquire(request("live")).then((slots) => {
      served.push("single");
      return slots;
    });
    await settled();
    expect(served).toEqual([]);
    held?.release();
    const slots = await pair;
    expect(served).toEqual(["pair"]);
    slots[0]?.release();
    await single;
    expect(queue.free).toBe(0);
  });

  it("never hands out more than there are, and all of them in the end", async () => {
    const step = fc.record({
      priority: fc.constantFrom("live" as const, "file" as const),
      count: fc.integer({ min: 1, max: 3 }),
      act: fc.constantFrom("wait", "abort", "release"),
    });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 3, max: 5 }), fc.array(step, { maxLength: 30 }), async (total, steps) => {
        const queue = new SlotQueue(total);
        const held: { release(): void }[] = [];
        const waiting: AbortController[] = [];
        const all = steps.map(async ({ priority, count, act }) => {
          if (act === "release") {
            held.shift()?.release();
          } else if (act === "abort") {
            waiting.pop()?.abort();
          }
          const controller = new AbortController();
          waiting.push(controller);
          const slots = await queue.acquire({ priority, count, signal: controller.signal }).catch(() => []);
          held.push(...slots);
          expect(held.length).toBeLessThanOrEqual(total);
        });
        await settled();
        while (held.length > 0) {
          held.shift()?.release();
          await settled();
        }
        await Promise.all(all);
        expect(queue.free).toBe(total);
      }),
    );
  });
});

describe("more sessions than slots", () => {
  expectNoUnhandledRejections();
  let stt: SpeechToText;
  afterEach(() => stt.dispose());

  it("wait in order, hear of their place, and say the same as alone", async () => {
    stt = await loadLive({ slots: 2 });
    const speak = async (seed: number) => {
      const session = await stt.createSession({ rate: RATE });
      const reading = finals(session);
      return { session, reading, audio: sound(RATE, seed) };
    };
    const alone = new Map<number, unknown[]>();
    for (const seed of [1, 2, 3, 4, 5]) {
      const { session, reading, audio } = await speak(seed);
      await session.write(audio);
      await session.end();
      alone.set(
        seed,
        (await reading).filter(({ type }) => type !== "started"),
      );
    }
    const crowd = [];
    for (const seed of [1, 2, 3, 4, 5]) {
      crowd.push({ seed, ...(await speak(seed)) });
    }
    expect(crowd.map(({ session }) => session.state)).toEqual(["open", "open", "queued", "queued", "queued"]);
    expect(stt.capacity()).toMatchObject({ freeSlots: 0, waiting: { live: 3, file: 0 } });
    await Promise.all(crowd.map(({ session, audio }) => session.write(audio)));
    await Promise.all(crowd.map(({ session }) => session.end()));
    for (const [index, { seed, reading }] of crowd.entries()) {
      const events = await reading;
      const queued = ofType(events, "queued").map(({ position }) => position);
      expect(queued[0]).toBe(index < 2 ? undefined : index - 1);
      expect(queued).toEqual([...queued].sort((a, b) => b - a));
      expect(events.filter(({ type }) => type !== "started" && type !== "queued")).toEqual(alone.get(seed));
      expect(events.findIndex(({ type }) => type === "started")).toBe(queued.length);
    }
  });

  it("take audio up to their bound while they wait, then write() waits, too", async () => {
    stt = await loadLive({ slots: 1 });
    const holder = await stt.createSession({ rate: RATE });
    const waiting = await stt.createSession({ rate: RATE, maxQueuedSeconds: 3 });
    for (let second = 0; second < 3; second++) {
      await waiting.write(sound(RATE, second));
    }
    let isDone = false;
    const write = waiting.write(sound(RATE, 3)).then(() => {
      isDone = true;
    });
    await settled();
    expect(isDone).toBe(false);
    expect(waiting.queuedSeconds).toBe(4);
    await holder.dispose();
    await write;
    expect(await waiting.end()).toBe(4);
  });

  it("are refused beyond maxWaiting, which ends nothing", async () => {
    stt = await loadLive({ slots: 1, maxWaiting: 2 });
    const sessions = [await stt.createSession(), await stt.createSession(), await stt.createSession()];
    const error = await rejection(stt.createSession(), "ERR_NO_SLOT");
    expect(error.message).toContain("2 live sessions wait");
    // A recording waits as ever.
    const recording = stt.transcribe({ samples: sound(RATE, 1), rate: RATE });
    await sessions[2]?.dispose();
    const another = await stt.createSession();
    await Promise.all([...sessions, another].map((session) => session.dispose()));
    expect((await recording).duration).toBe(1);
  });

  it("leave the queue when they are aborted, and those behind move up", async () => {
    stt = await loadLive({ slots: 1 });
    const holder = await stt.createSession();
    const second = await stt.createSession();
    const third = await stt.createSession();
    second.abort();
    expect(await until(third, "queued")).toEqual({ type: "queued", position: 1 });
    await holder.end();
    expect((await until(third, "started")).waited).toBeGreaterThan(0);
    await third.dispose();
    await rejection(said(second), "ERR_ABORTED");
    expect(stt.capacity().freeSlots).toBe(1);
  });

  it("come before recordings that wait", async () => {
    stt = await loadLive({ slots: 1 });
    const order: string[] = [];
    const recordings = [1, 2].map((seed) =>
      stt.transcribe({ samples: sound(3 * RATE, seed), rate: RATE }).then(() => order.push(`file ${seed}`)),
    );
    await settled();
    const session = await stt.createSession({ rate: RATE });
    await session.write(sound(RATE, 3));
    await session.end().then(() => order.push("live"));
    await Promise.all(recordings);
    expect(order).toEqual(["file 1", "live", "file 2"]);
  });

  it("a recording beside a live session changes nothing for it, and comes to its end", async () => {
    stt = await loadLive({ slots: 2 });
    const run = async () => {
      const session = await stt.createSession({ rate: RATE });
      const reading = said(session);
      for (let second = 0; second < 3; second++) {
        await session.write(sound(RATE, second));
      }
      await session.end();
      return reading;
    };
    const alone = await run();
    const [together, recording] = await Promise.all([
      run(),
      stt.transcribe({ samples: sound(5 * RATE, 9), rate: RATE }),
    ]);
    expect(together).toEqual(alone);
    expect(recording.duration).toBe(5);
  });
});

describe("cancel", () => {
  expectNoUnhandledRejections();

  it("takes one step at most, frees the slot and leaves the others alone", async () => {
    let steps = 0;
    const stt = await loadLive({ slots: 2 }, () => {
      steps++;
    });
    const other = await stt.createSession({ rate: RATE });
    const reading = said(other);
    const victim = await stt.createSession({ rate: RATE });
    await victim.write(sound(15 * RATE, 1));
    await other.write(sound(2 * RATE, 2));
    const before = steps;
    victim.abort("enough");
    await victim.dispose();
    expect(steps - before).toBeLessThanOrEqual(1);
    expect(stt.capacity().freeSlots).toBe(1);
    await other.end();
    const events = await reading;
    const alone = await stt.createSession({ rate: RATE });
    const expected = said(alone);
    await alone.write(sound(2 * RATE, 2));
    await alone.end();
    expect(events).toEqual(await expected);
    await stt.dispose();
  });
});

describe("capacity", () => {
  it("counts slots, and live streams once something was computed", async () => {
    const stt = await loadLive({ slots: 4 });
    expect(stt.capacity()).toEqual({
      slots: 4,
      freeSlots: 4,
      waiting: { live: 0, file: 0 },
      frameMs: 80,
      stepMs: undefined,
      liveStreams: undefined,
      basis: expect.stringContaining("measureCapacity"),
    });
    const measured = await stt.measureCapacity();
    expect(measured).toMatchObject({ liveStreams: 4, freeSlots: 4, basis: expect.stringContaining("all slots") });
    expect(measured.stepMs?.rounds).toBeGreaterThanOrEqual(3 * 24);
    await stt.dispose();
    await rejection(stt.measureCapacity(), "ERR_DISPOSED");
  });
});
