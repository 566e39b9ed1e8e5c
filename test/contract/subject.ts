/** What the contract suite needs of a backend, and the steps its tests share. */
import { expect } from "vitest";
import type {
  Backend,
  EngineHandle,
  GenerationHandle,
  SessionEvent,
  SessionHandle,
  SessionParams,
} from "../../ts/contract/backend.js";
import { SttError, type SttErrorCode } from "../../ts/contract/errors.js";
import { DEFAULT_SESSION } from "../../ts/contract/session.js";

export interface Subject {
  open(): Promise<Backend>;
  /** A small checkpoint folder; what it says does not matter. */
  readonly model: string;
}

export type WithEngine = (slots: number, test: (engine: EngineHandle) => Promise<void>) => Promise<void>;

/** Runs `test` with an engine of its own, disposed afterwards. */
export function engineOf(subject: Subject): WithEngine {
  return async (slots, test) => {
    const backend = await subject.open();
    const engine = await backend.createEngine(subject.model, { threads: 1, slots });
    try {
      await test(engine);
    } finally {
      await engine.dispose();
    }
  };
}

/** Tones and noise that change all the time, so that a lost or doubled sample changes the result; the same each run. */
export function sound(n: number, seed = 1): Float32Array {
  let state = seed;
  return Float32Array.from({ length: n }, (_, i) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const noise = state / 2 ** 31 - 1;
    const loud = 0.5 + 0.5 * Math.sin((i * (seed + 2)) / 9000);
    return 0.4 * loud * (0.3 * noise + 0.7 * Math.sin((i * i) / 300_000 + i / 13));
  });
}

/** sound() of whole frames. */
export function frames(engine: EngineHandle, count: number, seed = 1): Float32Array {
  return sound(count * engine.info.frameSize, seed);
}

export const TOKENS: SessionParams = {
  ...DEFAULT_SESSION,
  prefixSeconds: 0,
  tailSeconds: 0.5,
  emitTokens: true,
  refresh: null,
};

/** Steps until the end event; returns all events. */
export async function drain(engine: EngineHandle, session: SessionHandle, maxSteps = 16): Promise<SessionEvent[]> {
  const events: SessionEvent[] = [];
  for (;;) {
    const stepped = await engine.step(maxSteps);
    events.push(...session.poll());
    if (stepped === 0) {
      return events;
    }
  }
}

/** A session's events for the audio in these chunks, waiting for each push. */
export async function hear(
  engine: EngineHandle,
  chunks: readonly Float32Array[],
  rate = engine.info.sampleRate,
  maxSteps?: number,
): Promise<SessionEvent[]> {
  const session = await engine.createSession(TOKENS);
  for (const chunk of chunks) {
    await session.pushPcm(chunk, rate);
  }
  await session.end();
  const events = await drain(engine, session, maxSteps);
  await session.dispose();
  return events;
}

/** Chunks of the given sizes, repeated until the audio is used up. */
export function cut(audio: Float32Array, sizes: readonly number[]): Float32Array[] {
  const chunks: Float32Array[] = [];
  for (let start = 0; start < audio.length; ) {
    const size = sizes[chunks.length % sizes.length] ?? 1;
    chunks.push(audio.subarray(start, start + size));
    start += size;
  }
  return chunks;
}

export async function finish(work: Pick<GenerationHandle, "advance">, maxFrames = 1000): Promise<void> {
  while (!(await work.advance(maxFrames)).finished) {
    // goes on until nothing is left to do
  }
}

/** Tokens of transformers' generate() for one batch. */
export async function generate(engine: EngineHandle, input: Float32Array, rows = 1, maxNewTokens = -1) {
  const params = { maxNewTokens, audioWindowSize: 0 };
  const generation = await engine.createGeneration(input, rows, input.length / rows, params);
  await finish(generation);
  const tokens = generation.tokens();
  await generation.dispose();
  return tokens;
}

/** The promise, or the call, fails with an SttError of this code that names its cause. */
export async function expectCode(attempt: Promise<unknown> | (() => unknown), code: SttErrorCode): Promise<void> {
  const error: unknown = await (async () => (typeof attempt === "function" ? attempt() : attempt))().then(
    (value) => expect.fail(`resolved to ${value} instead of failing with ${code}`),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SttError);
  expect(error).toMatchObject({ code, message: expect.stringMatching(/\S/) });
}
