/** Engines, generations and encodings. */
import { expect, test } from "vitest";
import { engineOf, expectCode, finish, frames, generate, type Subject, sound } from "./subject.js";

const ALL = { maxNewTokens: -1, audioWindowSize: 0 };

export function testEngine(subject: Subject): void {
  const withEngine = engineOf(subject);

  test("info describes the model in the documented units", () =>
    withEngine(3, async ({ info }) => {
      expect(info.slots).toBe(3);
      expect(info.sampleRate / info.frameSize).toBeCloseTo(info.frameRate, 9);
      expect(info.numQuantizers).toBeGreaterThanOrEqual(info.numCodebooks);
      for (const key of ["codebookSize", "vocabSize", "hiddenSize", "numLayers", "window", "codecWindow"] as const) {
        expect(info[key], key).toBeGreaterThan(0);
      }
      for (const key of ["threads", "weightBytes", "stateBytes"] as const) {
        expect(info[key], key).toBeGreaterThan(0);
      }
      expect(info.weightType).toMatch(/^(f32|bf16|f16)$/);
      expect(info.device).not.toBe("");
      expect(info.kernels).not.toBe("");
    }));

  test("prefault ends with all bytes done", () =>
    withEngine(1, async (engine) => {
      let progress = await engine.prefault(1);
      expect(progress.total).toBeGreaterThan(0);
      while (!progress.finished) {
        const before = progress.done;
        progress = await engine.prefault(Math.ceil(progress.total / 3));
        expect(progress.done).toBeGreaterThan(before);
      }
      expect(progress.done).toBe(progress.total);
    }));

  test("stats count frames and start again after a reset", () =>
    withEngine(1, async (engine) => {
      await generate(engine, frames(engine, 4));
      const stats = engine.stats();
      expect(stats.decoderFrames).toBeGreaterThanOrEqual(4);
      // The last frame may stay uncoded: a step reads the frame before its own.
      expect(stats.codecFrames).toBeGreaterThanOrEqual(3);
      expect(stats.decoderNs).toBeGreaterThan(0);
      engine.resetStats();
      expect(engine.stats()).toMatchObject({ decoderFrames: 0, codecFrames: 0, decoderSteps: 0 });
    }));

  test("a model can be described without loading it", async () => {
    const backend = await subject.open();
    const description = JSON.parse(await backend.describeModel(subject.model, {})) as Record<string, unknown>;
    expect(description["layout"]).toBe("transformers");
    expect(description["n_codebooks"]).toBeGreaterThan(0);
    await expectCode(backend.describeModel(`${subject.model}-that-is-not-there`, {}), "ERR_FILE_NOT_FOUND");
  });

  test("a missing folder is reported as such", async () => {
    const backend = await subject.open();
    await expectCode(
      backend.createEngine(`${subject.model}-that-is-not-there`, { threads: 0, slots: 1 }),
      "ERR_FILE_NOT_FOUND",
    );
  });
}

export function testGeneration(subject: Subject): void {
  const withEngine = engineOf(subject);

  test("one token per whole frame, BOS first, the same each time", () =>
    withEngine(1, async (engine) => {
      const input = sound(12 * engine.info.frameSize + 100);
      const [tokens] = await generate(engine, input);
      expect(tokens).toHaveLength(13);
      expect(tokens?.[0]).toBe(engine.info.bosTokenId);
      expect(await generate(engine, input)).toEqual([tokens]);
    }));

  test("maxNewTokens cuts the output short and is clamped to the input", () =>
    withEngine(1, async (engine) => {
      const input = frames(engine, 8);
      const [all] = await generate(engine, input);
      expect(await generate(engine, input, 1, 5)).toEqual([all?.slice(0, 6)]);
      expect(await generate(engine, input, 1, 99)).toEqual([all]);
    }));

  test("rows of a batch are what they are alone", () =>
    withEngine(1, async (engine) => {
      const rows = [1, 2, 3].map((seed) => frames(engine, 6, seed));
      const batch = new Float32Array(rows.flatMap((row) => [...row]));
      const alone: Int32Array[] = [];
      for (const row of rows) {
        alone.push(...(await generate(engine, row)));
      }
      expect(await generate(engine, batch, 3)).toEqual(alone);
    }));

  test("portions of work add up to the whole", () =>
    withEngine(1, async (engine) => {
      const input = frames(engine, 10);
      const generation = await engine.createGeneration(input, 1, input.length, ALL);
      await expectCode(() => generation.tokens(), "ERR_INVALID_STATE");
      let progress = await generation.advance(1);
      while (!progress.finished) {
        const next = await generation.advance(1);
        expect(next.total).toBe(progress.total);
        expect(next.done).toBeGreaterThan(progress.done);
        progress = next;
      }
      expect(progress.done).toBe(progress.total);
      expect(generation.tokens()).toEqual(await generate(engine, input));
    }));

  test("the caller may reuse the input at once", () =>
    withEngine(1, async (engine) => {
      const input = frames(engine, 5);
      const expected = await generate(engine, input);
      const reused = input.slice();
      const creating = engine.createGeneration(reused, 1, reused.length, ALL);
      reused.fill(Number.NaN);
      const generation = await creating;
      await finish(generation);
      expect(generation.tokens()).toEqual(expected);
    }));

  test("bad input is refused and the engine goes on", () =>
    withEngine(1, async (engine) => {
      const input = frames(engine, 3);
      const expected = await generate(engine, input);
      await expectCode(engine.createGeneration(input, 2, input.length, ALL), "ERR_INVALID_ARGUMENT");
      await expectCode(engine.createGeneration(input, 1, input.length - 1, ALL), "ERR_INVALID_ARGUMENT");
      const bad = input.slice();
      bad[100] = Number.NaN;
      await expectCode(engine.createGeneration(bad, 1, bad.length, ALL), "ERR_INVALID_AUDIO");
      await expectCode(engine.createEncoding(bad, 1, bad.length), "ERR_INVALID_AUDIO");
      expect(await generate(engine, input)).toEqual(expected);
    }));
}

export function testEncoding(subject: Subject): void {
  const withEngine = engineOf(subject);

  test("codes are [rows][quantizers][frames] within the codebook", () =>
    withEngine(1, async (engine) => {
      const { codebookSize, frameSize, numQuantizers } = engine.info;
      const samples = 4 * frameSize;
      const encoding = await engine.createEncoding(sound(2 * samples), 2, samples);
      await expectCode(() => encoding.codes(), "ERR_INVALID_STATE");
      await finish(encoding, 3);
      const codes = encoding.codes();
      expect(codes).toHaveLength(2);
      for (const row of codes) {
        expect(row).toHaveLength(numQuantizers);
        for (const line of row) {
          expect(line).toHaveLength(4);
          expect(line.every((code) => code >= 0 && code < codebookSize)).toBe(true);
        }
      }
    }));

  test("a last partial frame counts", () =>
    withEngine(1, async (engine) => {
      const input = sound(3 * engine.info.frameSize + 1);
      const encoding = await engine.createEncoding(input, 1, input.length);
      await finish(encoding);
      expect(encoding.codes()[0]?.[0]).toHaveLength(4);
    }));
}
