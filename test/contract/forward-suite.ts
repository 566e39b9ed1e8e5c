/** Forward passes and their caches. */
import { expect, test } from "vitest";
import type { CacheHandle, EngineHandle, ForwardHandle, ForwardInputs } from "../../ts/contract/backend.js";
import { engineOf, expectCode, type Subject } from "./subject.js";

const NONE = {
  packed: false,
  biasRows: 1,
  biasHeads: 1,
  logits: true,
  labelsShifted: false,
  ignoreIndex: -100,
  lossItems: 0,
  hiddenStates: false,
  attentions: false,
} satisfies Partial<ForwardInputs>;

/** Text ids alone, the same in every test: row r, position p has 5 + 3 r + p. */
function text(rows: number, length: number, first = 0): ForwardInputs {
  const ids = Int32Array.from(
    { length: rows * length },
    (_, index) => 5 + 3 * Math.floor(index / length) + first + (index % length),
  );
  return { ...NONE, rows, length, streams: 1, ids };
}

async function run(
  engine: EngineHandle,
  inputs: ForwardInputs,
  cache?: CacheHandle,
  read: (forward: ForwardHandle) => Promise<Float32Array> = (forward) => forward.read("logits", 0),
): Promise<Float32Array> {
  const forward = await engine.createForward(inputs, cache);
  try {
    while (!(await forward.advance(3)).finished) {}
    return await read(forward);
  } finally {
    await forward.dispose();
  }
}

function join(parts: readonly Float32Array[]): Float32Array {
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

export function testForward(subject: Subject): void {
  const withEngine = engineOf(subject);

  test("one pass, portions and steps through a cache give the same numbers", () =>
    withEngine(1, async (engine) => {
      const whole = await run(engine, text(1, 7));
      expect(whole.length % 7).toBe(0);
      expect(new Set(whole).size).toBeGreaterThan(5);
      const cache = await engine.createCache(1, 0);
      const parts = [await run(engine, text(1, 4), cache)];
      for (let position = 4; position < 7; position++) {
        parts.push(await run(engine, text(1, 1, position), cache));
      }
      expect(join(parts)).toEqual(whole);
      expect(await cache.info()).toMatchObject({ rows: 1, window: 0, seen: 7, stored: 7 });
      await cache.dispose();
    }));

  test("rows of a batch are what they are alone", () =>
    withEngine(1, async (engine) => {
      const both = await run(engine, text(2, 5));
      expect(both.subarray(0, both.length / 2)).toEqual(await run(engine, text(1, 5)));
    }));

  test("results are there when the pass is finished, and only those that were asked for", () =>
    withEngine(1, async (engine) => {
      const { hiddenSize, numLayers } = engine.info;
      const inputs = {
        ...text(2, 5),
        hiddenStates: true,
        keep: Int32Array.of(4, 0),
        labels: Int32Array.of(1, 2, 3, 4),
      };
      const forward = await engine.createForward(inputs, undefined);
      await expectCode(forward.read("logits", 0), "ERR_INVALID_STATE");
      await expectCode(forward.loss(), "ERR_INVALID_STATE");
      while (!(await forward.advance(100)).finished) {}
      expect((await forward.read("logits", 0)).length % 4).toBe(0);
      for (let layer = 0; layer <= numLayers; layer++) {
        expect(await forward.read("hiddenState", layer)).toHaveLength(2 * 5 * hiddenSize);
      }
      expect(await forward.loss()).toBeGreaterThan(0);
      await expectCode(forward.read("attention", 0), "ERR_INVALID_ARGUMENT");
      await expectCode(forward.read("hiddenState", numLayers + 1), "ERR_INVALID_ARGUMENT");
      await forward.dispose();
      await expectCode(forward.read("logits", 0), "ERR_DISPOSED");
    }));

  test("a cache is in use until its pass is finished or gone, and is then as before or complete", () =>
    withEngine(1, async (engine) => {
      const cache = await engine.createCache(1, 0);
      const forward = await engine.createForward(text(1, 5), cache);
      for (const call of [
        () => cache.info(),
        () => cache.reset(),
        () => cache.copy(),
        () => engine.createForward(text(1, 2), cache),
      ]) {
        await expectCode(call, "ERR_INVALID_STATE");
      }
      await forward.dispose();
      expect(await cache.info()).toMatchObject({ seen: 0, stored: 0 });
      await run(engine, text(1, 5), cache);
      expect(await cache.info()).toMatchObject({ seen: 5 });
      await cache.dispose();
      await expectCode(cache.info(), "ERR_DISPOSED");
      await expectCode(engine.createForward(text(1, 2), cache), "ERR_DISPOSED");
    }));

  test("caches are cropped, copied, reordered and emptied", () =>
    withEngine(1, async (engine) => {
      const cache = await engine.createCache(2, 0);
      await run(engine, text(2, 5), cache);
      const next = await run(engine, text(2, 1, 5), await cache.copy());
      await run(engine, text(2, 3, 9), cache);
      expect(await cache.crop(3)).toMatchObject({ seen: 5 });
      expect(await run(engine, text(2, 1, 5), await cache.copy())).toEqual(next);
      expect(await cache.select(Int32Array.of(1, 0, 1))).toMatchObject({ rows: 3 });
      const step = text(2, 1, 5).ids ?? new Int32Array();
      const swapped = { ...text(3, 1), ids: Int32Array.of(step[1] ?? 0, step[0] ?? 0, step[1] ?? 0) };
      const [first, second] = [next.subarray(0, next.length / 2), next.subarray(next.length / 2)];
      expect(await run(engine, swapped, cache)).toEqual(join([second, first, second]));
      await expectCode(cache.select(Int32Array.of(3)), "ERR_INVALID_ARGUMENT");
      await expectCode(cache.crop(99), "ERR_INVALID_ARGUMENT");
      expect(await cache.reset()).toMatchObject({ rows: 3, seen: 0 });
    }));

  test("what is read from a cache makes another one", () =>
    withEngine(1, async (engine) => {
      const cache = await engine.createCache(2, 0);
      await run(engine, text(2, 4), cache);
      const { layers, kvHeads, headDim } = await cache.info();
      const data = await Promise.all(Array.from({ length: layers }, (_, layer) => cache.read(layer)));
      expect(data[0]?.keys).toHaveLength(2 * kvHeads * 4 * headDim);
      const other = await engine.createCache(2, 0);
      const [keys, values] = [data.map((layer) => layer.keys), data.map((layer) => layer.values)];
      expect(await other.import(4, keys, values)).toMatchObject({ seen: 4, stored: 4 });
      expect(await run(engine, text(2, 2, 4), other)).toEqual(await run(engine, text(2, 2, 4), cache));
      await expectCode(other.import(5, keys, values), "ERR_INVALID_ARGUMENT");
      await expectCode(other.import(4, keys.slice(1), values), "ERR_INVALID_ARGUMENT");
      await expectCode(cache.read(layers), "ERR_INVALID_ARGUMENT");
    }));

  test("a window keeps its length less one, and nothing can be cropped then", () =>
    withEngine(1, async (engine) => {
      const cache = await engine.createCache(1, 4);
      await run(engine, text(1, 3), cache);
      expect(await cache.info()).toMatchObject({ window: 4, seen: 3, stored: 3 });
      await run(engine, text(1, 3, 3), cache);
      expect(await cache.info()).toMatchObject({ seen: 6, stored: 3 });
      await expectCode(cache.crop(1), "ERR_INVALID_STATE");
      expect(await (await engine.createCache(1, -1)).info()).toMatchObject({ window: engine.info.window });
    }));

  test("inputs that do not fit are refused, and the cache is as before", () =>
    withEngine(1, async (engine) => {
      const cache = await engine.createCache(1, 0);
      await expectCode(engine.createForward(text(2, 3), cache), "ERR_INVALID_ARGUMENT");
      const negative = { ...text(1, 2), ids: Int32Array.of(5, -1) };
      await expectCode(engine.createForward(negative, cache), "ERR_INVALID_ARGUMENT");
      const short = { ...text(1, 3), mask: new Uint8Array(2).fill(1) };
      await expectCode(engine.createForward(short, cache), "ERR_INVALID_ARGUMENT");
      expect(await cache.info()).toMatchObject({ seen: 0 });
      expect(await run(engine, text(1, 2), cache)).toEqual(await run(engine, text(1, 2)));
    }));
}
