/** Generations under rules, and the steps that a caller takes part in. */
import { expect, test } from "vitest";
import type { EngineHandle, GenerationHandle, GenerationRules } from "../../ts/contract/backend.js";
import { engineOf, expectCode, frames, generate, type Subject } from "./subject.js";

const NONE = new Int32Array();
const RULES: GenerationRules = {
  sequences: 1,
  pause: false,
  record: false,
  hiddenStates: false,
  attentions: false,
  padId: -1,
  biases: [],
  badWords: [],
  repetitionPenalty: 1,
  noRepeatNgram: 0,
  eos: NONE,
  minLength: 0,
  minNewTokens: 0,
  forcedBos: -1,
  forcedEos: NONE,
  removeInvalid: false,
  decayStart: -1,
  decayFactor: 1,
  suppress: NONE,
  beginSuppress: NONE,
  sample: false,
  seed: 0n,
  temperature: 1,
  topH: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  typicalP: 1,
  epsilonCutoff: 0,
  etaCutoff: 0,
  renormalize: false,
};

type Step = (generation: GenerationHandle) => Promise<void>;

async function run(
  engine: EngineHandle,
  rules: Partial<GenerationRules>,
  rows = 1,
  step: Step = async (generation) => void (await generation.choose()),
): Promise<Int32Array[]> {
  const input = new Float32Array(Array.from({ length: rows }, (_, row) => [...frames(engine, 6, row + 1)]).flat());
  const params = { maxNewTokens: -1, audioWindowSize: 0, rules: { ...RULES, ...rules } };
  const generation = await engine.createGeneration(input, rows, input.length / rows, params);
  try {
    while (!(await generation.advance(3)).finished) {
      if (generation.waiting) {
        await step(generation);
      }
    }
    return generation.tokens();
  } finally {
    await generation.dispose();
  }
}

export function testGenerationRules(subject: Subject): void {
  const withEngine = engineOf(subject);

  test("steps, with and without records, choose what a run in one go chooses", () =>
    withEngine(1, async (engine) => {
      const plain = await generate(engine, frames(engine, 6, 1));
      expect(await run(engine, {})).toEqual(plain);
      expect(await run(engine, { pause: true })).toEqual(plain);
      expect(await run(engine, { record: true })).toEqual(plain);
      expect(await run(engine, { pause: true, record: true, hiddenStates: true, attentions: true })).toEqual(plain);
    }));

  test("a step waits with its scores until they are chosen from", () =>
    withEngine(1, async (engine) => {
      const { vocabSize } = engine.info;
      const tokens = await run(engine, { pause: true, suppress: Int32Array.of(5) }, 2, async (generation) => {
        const logits = await generation.read("logits", 0);
        const scores = await generation.read("scores", 0);
        expect(logits).toHaveLength(2 * vocabSize);
        expect(scores[5]).toBe(Number.NEGATIVE_INFINITY);
        expect(logits[5]).toBeGreaterThan(Number.NEGATIVE_INFINITY);
        expect(await generation.advance(100)).toMatchObject({ finished: false });
        expect(() => generation.tokens()).toThrow();
        await expectCode(generation.setScores(new Float32Array(3)), "ERR_INVALID_ARGUMENT");
        await expectCode(generation.setScores(logits.map(() => Number.NaN)), "ERR_INVALID_ARGUMENT");
        const only = logits.map((_, index) => (index % vocabSize === 9 ? 1 : 0));
        await generation.setScores(only);
        expect(await generation.choose()).toEqual(Int32Array.of(9, 9));
        expect(generation.waiting).toBe(false);
        await expectCode(generation.choose(), "ERR_INVALID_STATE");
        await expectCode(generation.setScores(only), "ERR_INVALID_STATE");
      });
      expect(tokens.map((row) => [...row.slice(1)])).toEqual(Array(2).fill(Array(6).fill(9)));
    }));

  test("a generation ends when all rows are done", () =>
    withEngine(1, async (engine) => {
      let steps = 0;
      const tokens = await run(engine, { pause: true }, 2, async (generation) => {
        await generation.choose();
        steps++;
        await expectCode(generation.finishRows(new Uint8Array(3)), "ERR_INVALID_ARGUMENT");
        await generation.finishRows(Uint8Array.of(1, steps === 3 ? 1 : 0));
      });
      expect(tokens.map((row) => row.length)).toEqual([4, 4]);
      const [plain] = await run(engine, {});
      const [ended] = await run(engine, { eos: Int32Array.of(plain?.[1] ?? 0) });
      expect(ended).toHaveLength(2);
    }));

  test("a seed decides what is sampled", () =>
    withEngine(1, async (engine) => {
      const sampled = (seed: bigint, rules: Partial<GenerationRules> = {}) =>
        run(engine, { sample: true, seed, temperature: 3, ...rules });
      expect(await sampled(1n)).toEqual(await sampled(1n));
      expect(await sampled(1n, { pause: true })).toEqual(await sampled(1n));
      expect(await sampled(1n, { topK: 1 })).toEqual(await run(engine, {}));
      expect(await sampled(2n, { sequences: 3 })).toHaveLength(3);
    }));

  test("records are there where they were asked for", () =>
    withEngine(1, async (engine) => {
      const { hiddenSize, numLayers } = engine.info;
      let keys = 0;
      const input = frames(engine, 4, 1);
      const rules = { ...RULES, pause: true, record: true, hiddenStates: true, attentions: true };
      const params = { maxNewTokens: -1, audioWindowSize: 0, rules };
      const generation = await engine.createGeneration(input, 1, input.length, params);
      await expectCode(generation.read("hiddenState", 0), "ERR_INVALID_STATE");
      await expectCode(generation.cache(), "ERR_INVALID_STATE");
      while (!(await generation.advance(3)).finished) {
        if (generation.waiting) {
          keys++;
          expect(await generation.read("hiddenState", numLayers)).toHaveLength(hiddenSize);
          expect((await generation.read("attention", 0)).length % keys).toBe(0);
          await expectCode(generation.read("hiddenState", numLayers + 1), "ERR_INVALID_ARGUMENT");
          await generation.choose();
        }
      }
      const cache = await generation.cache();
      await generation.dispose();
      expect(await cache.info()).toMatchObject({ rows: 1, seen: 4 });
      await cache.dispose();
      await expectCode(generation.read("logits", 0), "ERR_DISPOSED");
    }));

  test("ids outside the vocabulary are refused", () =>
    withEngine(1, async (engine) => {
      const outside = Int32Array.of(engine.info.vocabSize);
      await expectCode(run(engine, { suppress: outside }), "ERR_INVALID_ARGUMENT");
      await expectCode(run(engine, { eos: Int32Array.of(-1) }), "ERR_INVALID_ARGUMENT");
    }));
}
