/** Live sessions on the contract's fake backend, whose words follow from the samples. */
import type { EventEmitter } from "node:events";
import { afterEach, beforeEach, expect } from "vitest";
import type { LiveEvent } from "../../../ts/api/live-events.js";
import type { LiveSession } from "../../../ts/api/live-session.js";
import type { LoadOptions } from "../../../ts/api/options.js";
import { SpeechToText } from "../../../ts/api/speech-to-text.js";
import type { Backend, EngineHandle } from "../../../ts/contract/backend.js";
import { SttError, type SttErrorCode } from "../../../ts/contract/errors.js";
import { setBackendOpener } from "../../../ts/model/runtime.js";
import { FakeBackend } from "../../contract/fake-backend.js";
import { DIGITS_EN } from "./fixture.js";

export { cut, sound } from "../../contract/subject.js";

export const RATE = 24_000;
export const FRAME = 1920;

type Typed<T extends LiveEvent["type"]> = Extract<LiveEvent, { type: T }>;

export function ofType<T extends LiveEvent["type"]>(events: readonly LiveEvent[], ...types: T[]): Typed<T>[] {
  return events.filter((event): event is Typed<T> => types.includes(event.type as T));
}

/** Loads on the fake; `onStep` is called before every step and may throw. */
export async function loadLive(options: LoadOptions = {}, onStep?: () => void | Promise<void>): Promise<SpeechToText> {
  const backend: Backend = new FakeBackend();
  const create = backend.createEngine.bind(backend);
  backend.createEngine = async (path, engineOptions) => {
    const engine: EngineHandle = await create(path, engineOptions);
    const step = engine.step.bind(engine);
    engine.step = async (maxSteps) => {
      await onStep?.();
      return step(maxSteps);
    };
    return engine;
  };
  setBackendOpener(async () => ({ backend, tried: [{ kind: "cpu", ok: true }] }));
  return SpeechToText.load(DIGITS_EN, options);
}

/** All events until the session ends; partial words are left out, as their number depends on who reads when. */
export async function finals(session: AsyncIterable<LiveEvent>): Promise<LiveEvent[]> {
  const events: LiveEvent[] = [];
  for await (const event of session) {
    if (event.type !== "word" || event.final) {
      events.push(event);
    }
  }
  return events;
}

/** As finals(), without what depends on when the session got its slot. */
export async function said(session: AsyncIterable<LiveEvent>): Promise<LiveEvent[]> {
  return (await finals(session)).filter(({ type }) => type !== "queued" && type !== "started" && type !== "progress");
}

/** Waits for the next event of this type. */
export async function until<T extends LiveEvent["type"]>(session: LiveSession, type: T): Promise<Typed<T>> {
  for await (const event of session) {
    if (event.type === type) {
      return event as Typed<T>;
    }
  }
  return expect.fail(`the session ended without ${type}`);
}

export async function rejection(attempt: Promise<unknown>, code: SttErrorCode): Promise<SttError> {
  const error: unknown = await attempt.then(
    (value) => expect.fail(`resolved to ${value} instead of failing with ${code}`),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SttError);
  expect(error).toMatchObject({ code, message: expect.stringMatching(/\S/) });
  return error as SttError;
}

/** Fails the test if a promise was rejected that nobody handled. */
export function expectNoUnhandledRejections(): void {
  const rejections: unknown[] = [];
  const listener = (reason: unknown): void => {
    rejections.push(reason);
  };
  beforeEach(() => {
    rejections.length = 0;
    (process as EventEmitter).on("unhandledRejection", listener);
  });
  afterEach(async () => {
    // Node reports them after the microtasks of a turn.
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    (process as EventEmitter).off("unhandledRejection", listener);
    expect(rejections).toEqual([]);
  });
}
