/** The addon without the layer above it: whatever is called in whatever order, memory stays safe. */
import { beforeAll, expect, test } from "vitest";
import type { NativeEngine, NativeModule } from "../../ts/backend/native/addon-types.js";
import { openAddon } from "../../ts/backend/native/load-addon.js";
import type { ForwardInputs } from "../../ts/contract/backend.js";
import { addonPath, SMALL_MODEL } from "./addon-path.js";
import { expectCode, sound, TOKENS } from "./subject.js";

const FORWARD: ForwardInputs = {
  rows: 1,
  length: 2,
  streams: 1,
  ids: Int32Array.of(5, 6),
  packed: false,
  biasRows: 1,
  biasHeads: 1,
  logits: true,
  labelsShifted: false,
  ignoreIndex: -100,
  lossItems: 0,
  hiddenStates: false,
  attentions: false,
};
const ALL = { maxNewTokens: -1, audioWindowSize: 0 };
let addon: NativeModule;
let engine: NativeEngine;

beforeAll(async () => {
  addon = openAddon(addonPath());
  engine = await addon.createEngine(SMALL_MODEL, { threads: 1, slots: 2 });
  return () => engine.dispose();
});

// What TypeScript would not let through.
const wrong = (value: unknown) => value as never;

test("arguments of a wrong type or size are refused by name", async () => {
  const input = sound(2000);
  const options = { threads: 1, slots: 1 };
  const calls: [string, () => unknown][] = [
    ["path", () => addon.createEngine(wrong(undefined), options)],
    ["path", () => addon.createEngine("a\0b", options)],
    ["options", () => addon.createEngine(SMALL_MODEL, wrong(7))],
    ["slots", () => addon.createEngine(SMALL_MODEL, wrong({ threads: 1 }))],
    ["threads", () => addon.createEngine(SMALL_MODEL, { threads: 1.5, slots: 1 })],
    ["threads", () => addon.createEngine(SMALL_MODEL, { threads: 2 ** 40, slots: 1 })],
    ["rateIn", () => addon.createResampler(wrong("8000"), 24_000)],
    ["inputValues", () => engine.createGeneration(wrong([1, 2, 3]), 1, 3, ALL)],
    ["inputValues", () => engine.createGeneration(wrong(new Float64Array(3)), 1, 3, ALL)],
    ["rows of", () => engine.createGeneration(input, 1, 3000, ALL)],
    ["rows of", () => engine.createGeneration(input, -1, -2000, ALL)],
    ["rows of", () => engine.createEncoding(input, 2 ** 31 - 1, 2 ** 53 - 1)],
    ["codes", () => engine.createDecoding(wrong(new Float32Array(8)), 1, 8, 1)],
    ["rows of", () => engine.createDecoding(new Int32Array(8), 1, 2 ** 31 - 1, 2 ** 53 - 1)],
    ["rows of", () => engine.createDecoding(new Int32Array(8), 1, 0, 8)],
    ["stream", () => engine.createDecoding(new Int32Array(8), 1, 8, 1, wrong(engine))],
    ["stream", () => engine.createEncoding(input, 1, 2000, wrong(7))],
    ["half", () => engine.createCodecStream(wrong("both"), 1)],
    ["rows", () => engine.createCodecStream("encoder", wrong("1"))],
    ["maxNewTokens", () => engine.createGeneration(input, 1, 2000, wrong({ audioWindowSize: 0 }))],
    ["emitTokens", () => engine.createSession(wrong({ ...TOKENS, emitTokens: 1 }))],
    ["prefixSeconds", () => engine.createSession({ ...TOKENS, prefixSeconds: Number.NaN })],
    ["priority", () => engine.createSession(wrong({ ...TOKENS, priority: "slow" }))],
    ["times", () => engine.createSession(wrong({ ...TOKENS, times: undefined }))],
    ["turn", () => engine.createSession(wrong({ ...TOKENS, turn: true }))],
    ["head", () => engine.createSession(wrong({ ...TOKENS, turn: {} }))],
    ["limitSteps", () => engine.createSession(wrong({ ...TOKENS, refresh: { pauseSteps: 0 } }))],
    ["tokens", () => engine.createSession(wrong({ ...TOKENS, prompt: { tokens: [1], pcm: input, rate: 24_000 } }))],
    ["bannedTokens", () => engine.createSession(wrong({ ...TOKENS, bannedTokens: [1] }))],
    ["allowedTokens", () => engine.createSession(wrong({ ...TOKENS, allowedTokens: new Uint32Array(1) }))],
    ["snapshot", () => engine.restoreSession(wrong(new Float32Array(4)))],
    ["snapshot", () => engine.restoreSession(wrong("bytes"))],
    ["rows", () => engine.createCache(wrong("2"), 0)],
    ["window", () => engine.createCache(1, wrong(undefined))],
    ["inputs", () => engine.createForward(wrong(undefined), undefined)],
    ["ids", () => engine.createForward(wrong({ ...FORWARD, ids: [1] }), undefined)],
    ["mask", () => engine.createForward(wrong({ ...FORWARD, mask: new Int32Array(2) }), undefined)],
    ["positions", () => engine.createForward(wrong({ ...FORWARD, positions: new Int32Array(2) }), undefined)],
    ["packed", () => engine.createForward(wrong({ ...FORWARD, packed: 1 }), undefined)],
    ["lossItems", () => engine.createForward({ ...FORWARD, lossItems: Number.NaN }, undefined)],
    ["cache", () => engine.createForward(FORWARD, wrong(engine))],
    ["maxSteps", () => engine.step(wrong(null))],
    ["maxBytes", () => engine.prefault(Number.POSITIVE_INFINITY)],
  ];
  for (const [name, call] of calls) {
    await expectCode(call, "ERR_INVALID_ARGUMENT");
    expect(call).toThrow(name);
  }
});

test("objects cannot be constructed, nor methods borrowed, by scripts", async () => {
  const session = await engine.createSession(TOKENS);
  const SessionObject = Object.getPrototypeOf(session).constructor;
  for (const argument of [undefined, 0, {}, session]) {
    await expectCode(() => new SessionObject(argument), "ERR_INVALID_ARGUMENT");
  }
  expect(() => Reflect.apply(engine.step, session, [1])).toThrow(TypeError);
  expect(() => Reflect.apply(session.poll, {}, [])).toThrow(TypeError);
  await session.dispose();
});

test("info is frozen and has exactly the contract's keys", () => {
  expect(Object.isFrozen(engine.info)).toBe(true);
  expect(Object.keys(engine.info).toSorted()).toEqual(
    [
      ["sampleRate", "frameSize", "frameRate", "numCodebooks", "numQuantizers", "codebookSize", "vocabSize"],
      ["bosTokenId", "padTokenId", "hiddenSize", "numLayers", "window", "codecWindow", "delaySeconds"],
      ["prefixSeconds", "slots", "threads", "weightBytes", "copiedBytes", "stateBytes", "weightType", "device"],
      ["kernels", "unusedSettings"],
    ]
      .flat()
      .toSorted(),
  );
});

test("an engine disposed under its objects and calls frees nothing that is in use", async () => {
  const doomed = await addon.createEngine(SMALL_MODEL, { threads: 1, slots: 1 });
  const input = sound(200 * doomed.info.frameSize);
  const generation = await doomed.createGeneration(input, 1, input.length, ALL);
  const session = await doomed.createSession(TOKENS);
  const computing = generation.advance(1000);
  await Promise.all([doomed.dispose(), doomed.dispose()]);
  await expectCode(() => doomed.stats(), "ERR_DISPOSED");
  await generation.dispose();
  await expectCode(() => generation.tokens(), "ERR_DISPOSED");
  expect(await computing).toMatchObject({ finished: true });
  expect(await session.pushPcm(sound(3 * doomed.info.frameSize), doomed.info.sampleRate)).toBe(3);
  expect(session.poll()).toEqual([]);
  await session.dispose();
});

test("inputs of another length than their shape says are refused before the core reads them", async () => {
  const cache = await engine.createCache(1, 0);
  const wrongs: Partial<ForwardInputs>[] = [
    { length: 3 },
    { rows: 2 },
    { rows: -1 },
    { streams: 2 },
    { ids: Int32Array.of(1, 2, 3) },
    { positions: BigInt64Array.of(1n) },
    { bias: new Float32Array(5) },
    { bias: new Float32Array(4), biasRows: 0 },
    { labels: Int32Array.of(1) },
    { keep: Int32Array.of(0), labels: Int32Array.of(1, 2) },
    { ids: undefined, embeds: new Float32Array(3) },
    { mask: new Uint8Array(1) },
  ];
  for (const inputs of wrongs) {
    await expectCode(engine.createForward({ ...FORWARD, ...inputs }, cache), "ERR_INVALID_ARGUMENT");
  }
  await expectCode(cache.import(2 ** 40, [], []), "ERR_INVALID_ARGUMENT");
  await expectCode(cache.select(new Int32Array()), "ERR_INVALID_ARGUMENT");
  expect(await cache.info()).toMatchObject({ rows: 1, seen: 0 });
});

test("a cache and its passes may be used and disposed in any order", async () => {
  const doomed = await addon.createEngine(SMALL_MODEL, { threads: 1, slots: 1 });
  const cache = await doomed.createCache(1, 0);
  const forward = await doomed.createForward({ ...FORWARD, length: 300, ids: new Int32Array(300).fill(5) }, cache);
  const calls = Promise.allSettled([forward.advance(200), forward.advance(200), forward.read(0, 0), cache.info()]);
  await Promise.all([cache.dispose(), doomed.dispose()]);
  const results = await calls;
  expect(results[0]).toMatchObject({ status: "fulfilled" });
  await expectCode(() => cache.info(), "ERR_DISPOSED");
  expect(await forward.advance(200)).toMatchObject({ finished: true });
  await forward.dispose();
  await expectCode(() => forward.advance(1), "ERR_DISPOSED");
});

test("calls on one session and one resampler may overlap", async () => {
  const session = await engine.createSession(TOKENS);
  const resampler = await addon.createResampler(44_100, 24_000);
  const pushes = Array.from({ length: 20 }, () => session.pushPcm(sound(60_000), 24_000));
  const resampled = Array.from({ length: 20 }, () => resampler.push(sound(10_000)));
  const stepping = engine.step(50);
  while (
    await Promise.race([Promise.all(pushes).then(() => false), new Promise((resolve) => setImmediate(resolve, true))])
  ) {
    session.poll();
    session.ready();
  }
  await stepping;
  const parts = [...(await Promise.all(resampled)), await resampler.flush()];
  expect(parts.reduce((sum, part) => sum + part.length, 0)).toBe(Math.ceil((20 * 10_000 * 24_000) / 44_100));
  const resetting = session.reset();
  session.poll();
  await resetting;
  expect(session.ready()).toBe(0);
  await Promise.all([session.dispose(), resampler.dispose()]);
});
