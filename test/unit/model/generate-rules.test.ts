import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { GenerationRules } from "../../../ts/contract/generation.js";
import { DynamicCache } from "../../../ts/model/dynamic-cache.js";
import { GenerateDecoderOnlyOutput, type GenerateOptions } from "../../../ts/model/generate-options.js";
import { KyutaiSpeechToTextForConditionalGeneration } from "../../../ts/model/kyutai-speech-to-text-for-conditional-generation.js";
import { Tensor } from "../../../ts/tensor/tensor.js";
import { expectCode } from "../../contract/subject.js";
import { type FakeBackend, FRAME, useFakeBackend } from "../support/fake-backend.js";
import { DIGITS_EN } from "../support/fixture.js";
import { collectWarnings } from "../support/warnings.js";

describe("generate() with rules", () => {
  const warnings = collectWarnings();
  let backend: FakeBackend;
  let model: KyutaiSpeechToTextForConditionalGeneration;

  beforeEach(async () => {
    backend = useFakeBackend();
    model = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(DIGITS_EN);
  });
  afterEach(() => model.dispose());

  const inputs = (frames: number, rows = 1): GenerateOptions => ({
    input_values: new Tensor("float32", new Float32Array(rows * frames * FRAME), [rows, 1, frames * FRAME]),
  });
  const params = () => backend.engine.generations.at(-1)?.params;
  /** What the core was told for `options`. */
  const rules = async (options: object): Promise<Partial<GenerationRules>> => {
    await model.generate({ ...inputs(2), ...options });
    return params()?.rules ?? {};
  };

  it("tells the core nothing where nothing changes the best logit", async () => {
    const neutral = { do_sample: false, repetition_penalty: 1, suppress_tokens: [], num_return_sequences: 1, seed: 4 };
    await model.generate({ ...inputs(2), ...neutral, min_length: 0, renormalize_logits: false, max_time: null });
    expect(params()).toEqual({ maxNewTokens: 2, audioWindowSize: 0 });
  });

  it("brings every option to the core's terms", async () => {
    const given = await rules({
      do_sample: true,
      seed: 2 ** 40,
      temperature: 0.5,
      top_k: 0,
      top_p: 0.9,
      min_p: 0.1,
      typical_p: 0.8,
      top_h: 0.4,
      epsilon_cutoff: 0.01,
      eta_cutoff: 0.02,
      repetition_penalty: 1.2,
      no_repeat_ngram_size: 3,
      bad_words_ids: [[5], [6, 7], [9]],
      sequence_bias: [
        [[1, 2], -1],
        [[3], 2],
        [[3], 4],
      ],
      suppress_tokens: [8],
      begin_suppress_tokens: [10],
      forced_bos_token_id: 11,
      forced_eos_token_id: [12, 13],
      eos_token_id: 9,
      pad_token_id: 3,
      min_new_tokens: 2,
      exponential_decay_length_penalty: [2, 1.5],
      remove_invalid_values: true,
      renormalize_logits: true,
      num_return_sequences: 3,
    });
    expect(given).toEqual({
      sequences: 3,
      pause: false,
      record: false,
      hiddenStates: false,
      attentions: false,
      padId: 3,
      biases: [
        { ids: Int32Array.of(1, 2), bias: -1 },
        { ids: Int32Array.of(3), bias: 4 },
      ],
      // An end cannot be forbidden as a bad word, as in transformers.
      badWords: [{ ids: Int32Array.of(5) }, { ids: Int32Array.of(6, 7) }],
      repetitionPenalty: 1.2,
      noRepeatNgram: 3,
      eos: Int32Array.of(9),
      minLength: 0,
      minNewTokens: 2,
      forcedBos: 11,
      forcedEos: Int32Array.of(12, 13),
      removeInvalid: true,
      decayStart: 2,
      decayFactor: 1.5,
      suppress: Int32Array.of(8),
      beginSuppress: Int32Array.of(10),
      sample: true,
      seed: 2n ** 40n,
      temperature: 0.5,
      topH: 0.4,
      topK: 0,
      topP: 0.9,
      minP: 0.1,
      typicalP: 0.8,
      epsilonCutoff: 0.01,
      etaCutoff: 0.02,
      renormalize: true,
    });
    expect(warnings).toEqual([]);
  });

  it("samples from the 50 best by default, with another seed each time", async () => {
    const first = await rules({ do_sample: true });
    expect(first).toMatchObject({ sample: true, topK: 50, topP: 1, temperature: 1, typicalP: 1, minP: 0 });
    expect((await rules({ do_sample: true })).seed).not.toBe(first.seed);
    expect(await rules({ do_sample: true, seed: 7n })).toMatchObject({ seed: 7n });
  });

  it("takes settings from the call, then the argument, then the model's configuration", async () => {
    Object.assign(model.generation_config, { repetition_penalty: 1.5, no_repeat_ngram_size: 2, suppress_tokens: [1] });
    const generation_config = { repetition_penalty: 1.4, no_repeat_ngram_size: 3 };
    const suppress = Int32Array.of(1);
    expect(await rules({})).toMatchObject({ repetitionPenalty: 1.5, noRepeatNgram: 2, suppress });
    expect(await rules({ generation_config })).toMatchObject({ repetitionPenalty: 1.4, noRepeatNgram: 3, suppress });
    expect(await rules({ generation_config, repetition_penalty: 1.3 })).toMatchObject({ repetitionPenalty: 1.3 });
  });

  it("takes null in a call for none, and undefined for nothing said", async () => {
    Object.assign(model.generation_config, { repetition_penalty: 1.5, top_k: 3, do_sample: true });
    expect(await rules({ repetition_penalty: undefined, top_k: undefined })).toMatchObject({
      repetitionPenalty: 1.5,
      topK: 3,
    });
    expect(await rules({ repetition_penalty: null, top_k: null })).toMatchObject({ repetitionPenalty: 1, topK: 0 });
    model.generation_config["top_k"] = null;
    expect(await rules({})).toMatchObject({ topK: 50 });
    await model.generate({ ...inputs(2), repetition_penalty: null, do_sample: null });
    expect(params()).toEqual({ maxNewTokens: 2, audioWindowSize: 0 });
  });

  it("ends nowhere at ids below 0, and says so", async () => {
    await model.generate({ ...inputs(2), eos_token_id: -1, pad_token_id: -1 });
    expect(params()).toEqual({ maxNewTokens: 2, audioWindowSize: 0 });
    expect(await rules({ eos_token_id: [-1, 5] })).toMatchObject({ eos: Int32Array.of(5) });
    expect(warnings).toEqual([
      expect.stringContaining("`eos_token_id` should consist of positive integers, but is -1"),
      "The following generation flags are not valid and may be ignored: ['pad_token_id']",
      expect.stringContaining("but is [-1,5]"),
    ]);
  });

  it("warns of what has no effect", async () => {
    await model.generate({ ...inputs(2), temperature: 0.5, top_k: 3, early_stopping: true });
    await model.generate({ ...inputs(2), do_sample: true, top_p: 0.5, length_penalty: 2 });
    await model.generate({ ...inputs(2), output_scores: true });
    await model.generate({ ...inputs(2), eos_token_id: 3, min_length: 9 });
    await model.generate({ ...inputs(2), eos_token_id: 3, min_length: 9, min_new_tokens: 8 });
    expect(params()?.rules).toMatchObject({ minLength: 0, minNewTokens: 8 });
    await model.generate({ ...inputs(2), temperature: 1, top_k: 50, typical_p: 1, length_penalty: 1, eta_cutoff: 0 });
    await model.generate({ ...inputs(2), encoder_repetition_penalty: 2, encoder_no_repeat_ngram_size: 0 });
    expect(warnings).toEqual([
      "The following generation flags are not valid and may be ignored: ['temperature', 'top_k', 'early_stopping']",
      "The following generation flags are not valid and may be ignored: ['length_penalty']",
      expect.stringContaining("`return_dict_in_generate` is NOT set to `True`, but `output_scores` is"),
      expect.stringContaining("`min_length` (9) is larger than the maximum possible length (3)"),
      expect.stringContaining("Both `min_new_tokens` (=8) and `min_length`(=9) seem to have been set"),
      expect.stringContaining("`min_new_tokens` (8), when added to the prompt length (1)"),
      expect.stringContaining("Passing `encoder_repetition_penalty` requires some form of `input_ids`"),
    ]);
  });

  it.each([
    [{ num_return_sequences: 2 }, "Greedy methods (do_sample != True) without beam search do not support"],
    [{ do_sample: true, temperature: 0 }, "If you're looking for greedy decoding strategies, set `do_sample=False`"],
    [{ do_sample: true, temperature: -1 }, "`temperature` (=-1) has to be a strictly positive float"],
    [{ do_sample: true, top_k: -1 }, "`top_k` has to be a strictly positive integer, but is -1"],
    [{ do_sample: true, top_k: 1.5 }, "`top_k` has to be"],
    [{ do_sample: true, top_p: 1.1 }, "`top_p` has to be a float > 0 and < 1, but is 1.1"],
    [{ do_sample: true, min_p: -0.1 }, "`min_p` has to be a float in the [0, 1] interval"],
    [{ do_sample: true, typical_p: 0 }, "`typical_p` has to be a float > 0 and < 1"],
    [{ do_sample: true, top_h: 2 }, "`top_h` must be in the range (0, 1]"],
    [{ do_sample: true, epsilon_cutoff: 1 }, "`epsilon_cutoff` has to be a float > 0 and < 1"],
    [{ do_sample: true, eta_cutoff: "x" }, "`eta_cutoff` has to be"],
    [{ do_sample: "yes" }, "'do_sample' must be true or false"],
    [{ repetition_penalty: 0 }, "`repetition_penalty` has to be a strictly positive float, but is 0"],
    [{ no_repeat_ngram_size: -1 }, "`no_repeat_ngram_size` has to be"],
    [{ bad_words_ids: [] }, "`bad_words_ids` has to be a non-empty list, but is []"],
    [{ bad_words_ids: [3] }, "`bad_words_ids` has to be a list of lists"],
    [{ bad_words_ids: [[-3]] }, "Each list in `bad_words_ids` has to be a list of positive integers"],
    [{ sequence_bias: [[[1], "x"]] }, "`sequence_bias` has to be a non-empty list of pairs"],
    [{ suppress_tokens: [0.5] }, "`suppress_tokens` has to be a list of positive integers"],
    [{ suppress_tokens: [271] }, "the id 271 is no token"],
    [{ eos_token_id: [3, 0.5] }, "`eos_token_id` has to be a list of positive integers, but is [3,0.5]"],
    [{ eos_token_id: 3, pad_token_id: -1 }, "`pad_token_id` should be a positive integer"],
    [{ forced_eos_token_id: [3, 4], suppress_tokens: [4, 3] }, "Every token in `forced_eos_token_id` ([3,4]) is also"],
    [{ exponential_decay_length_penalty: [1, 2] }, "`eos_token_id` names none"],
    [{ eos_token_id: 3, exponential_decay_length_penalty: [1] }, "has to be [new tokens, factor]"],
    [{ min_length: -1 }, "`min_length` has to be"],
  ] as [object, string][])("refuses %o", async (options, words) => {
    const attempt = model.generate({ ...inputs(2), ...options });
    await expectCode(attempt, "ERR_INVALID_ARGUMENT");
    await expect(attempt).rejects.toThrow(words);
  });

  it("gives an object on request, without steps where nothing of them is wanted", async () => {
    const output = await model.generate({ ...inputs(4, 2), return_dict_in_generate: true });
    expect(output).toBeInstanceOf(GenerateDecoderOnlyOutput);
    expect(Object.keys(output)).toEqual(["sequences", "past_key_values"]);
    expect(output.past_key_values).toBeInstanceOf(DynamicCache);
    expect(output.past_key_values.get_seq_length()).toBe(4);
    expect(params()?.rules).toMatchObject({ pause: false, record: true });
    const plain = await model.generate(inputs(4, 2));
    expect(plain.tolist()).toEqual(output.sequences.tolist());
  });

  it("keeps what every step gave", async () => {
    const output = await model.generate({
      ...inputs(3, 2),
      return_dict_in_generate: true,
      output_scores: true,
      output_logits: true,
      output_hidden_states: true,
      output_attentions: true,
      suppress_tokens: [0],
    });
    expect(output.scores?.map((tensor) => tensor.dims)).toEqual(Array(3).fill([2, 271]));
    expect(output.scores?.[0]?.at(0).data[0]).toBe(Number.NEGATIVE_INFINITY);
    expect(output.logits?.[0]?.at(0).data[0]).toBe(1);
    expect(output.hidden_states?.map((step) => step.map((tensor) => tensor.dims))).toEqual(
      Array(3).fill(Array(2).fill([2, 1, 8])),
    );
    expect(output.attentions?.map((step) => step[0]?.dims)).toEqual([1, 2, 3].map((keys) => [2, 4, 1, keys]));
  });

  it("lets processors change scores, in their order, before the choice", async () => {
    const seen: unknown[] = [];
    const forbid = (token: number) => (input_ids: bigint[][], scores: Tensor<"float32">) => {
      seen.push([token, input_ids.map((row) => row.length), scores.dims]);
      for (const row of scores) {
        row.data[token] = Number.NEGATIVE_INFINITY;
      }
      return scores;
    };
    const output = await model.generate({
      ...inputs(2),
      logits_processor: [forbid(261), async (...args) => forbid(0)(...args)],
    });
    expect(output.tolist()).toEqual([[270n, 1n, 262n]]);
    expect(seen).toEqual([
      [261, [1], [1, 271]],
      [0, [1], [1, 271]],
      [261, [2], [1, 271]],
      [0, [2], [1, 271]],
    ]);
    for (const wrong of [undefined, new Tensor("float32", new Float32Array(3), [1, 3])]) {
      await expectCode(
        model.generate({ ...inputs(2), logits_processor: () => wrong as Tensor<"float32"> }),
        "ERR_INVALID_ARGUMENT",
      );
    }
    const nan = (_: unknown, scores: Tensor<"float32">) =>
      new Tensor(
        "float32",
        scores.data.map(() => Number.NaN),
        scores.dims,
      );
    await expectCode(model.generate({ ...inputs(2), logits_processor: nan }), "ERR_INVALID_ARGUMENT");
  });

  it("asks which tokens may come in each row", async () => {
    const output = await model.generate({
      ...inputs(2, 2),
      prefix_allowed_tokens_fn: (row, input_ids) => [10 * (row + 1) + input_ids.length],
    });
    expect(output.tolist()).toEqual([
      [270n, 11n, 12n],
      [270n, 21n, 22n],
    ]);
    await expect(model.generate({ ...inputs(2), prefix_allowed_tokens_fn: () => [] })).rejects.toThrow("empty list");
  });

  it("stops by criteria, once all rows are done", async () => {
    const long = async (stop: GenerateOptions["stopping_criteria"]) =>
      (await model.generate({ ...inputs(6, 2), stopping_criteria: stop })).dims[1];
    expect(await long((input_ids) => (input_ids[0]?.length ?? 0) >= 3)).toBe(3);
    const byRow = (input_ids: bigint[][], scores: Tensor<"float32">) => {
      expect(scores.dims).toEqual([2, 271]);
      return [true, (input_ids[1]?.length ?? 0) >= 5];
    };
    expect(await long([async () => false, byRow])).toBe(5);
    expect(await long([])).toBe(7);
    await expectCode(
      long(() => [true] as never),
      "ERR_INVALID_ARGUMENT",
    );
    await expectCode(
      long(() => 1 as never),
      "ERR_INVALID_ARGUMENT",
    );
    expect((await model.generate({ ...inputs(6), max_time: 1e-9 })).dims).toEqual([1, 2]);
    expect((await model.generate({ ...inputs(6), max_time: 1000 })).dims).toEqual([1, 7]);
  });

  it("ends rows at an end token and fills them up", async () => {
    // Row 0 says 261, 262, 263; row 1 says 262, 263, 264.
    const output = await model.generate({ ...inputs(4, 2), eos_token_id: 262, pad_token_id: 5 });
    expect(output.tolist()).toEqual([
      [270n, 261n, 262n],
      [270n, 262n, 5n],
    ]);
  });

  it("streams the start tokens and every step's, then the end", async () => {
    const events: unknown[] = [];
    const streamer = {
      put: (value: bigint[][]) => void events.push(value),
      end: async () => void events.push("end"),
    };
    await model.generate({ ...inputs(2, 2), streamer });
    expect(events).toEqual([[[270n], [270n]], [[261n], [262n]], [[262n], [263n]], "end"]);
    const failing = { put: () => Promise.reject(new Error("full")), end: () => {} };
    await expect(model.generate({ ...inputs(2), streamer: failing })).rejects.toThrow("full");
    expect((await model.generate(inputs(2))).dims).toEqual([1, 3]);
  });

  it("gives several sequences per row, next to each other", async () => {
    const output = await model.generate({ ...inputs(2, 2), do_sample: true, num_return_sequences: 2, seed: 1 });
    expect(output.tolist().map((row) => (row as bigint[])[1])).toEqual([261n, 261n, 262n, 262n]);
    const withSteps = { do_sample: true, num_return_sequences: 2, stopping_criteria: () => true };
    expect((await model.generate({ ...inputs(3, 2), ...withSteps })).dims).toEqual([4, 2]);
  });

  it("shares the engine between stepwise calls, and aborts them", async () => {
    const streamer = () => ({ put: () => {}, end: () => {} });
    const [first, second] = await Promise.all([
      model.generate({ ...inputs(20), streamer: streamer() }),
      model.generate({ ...inputs(10, 2), streamer: streamer() }),
    ]);
    expect([first?.dims, second?.dims]).toEqual([
      [1, 21],
      [2, 11],
    ]);
    const controller = new AbortController();
    const attempt = model.generate({
      ...inputs(20),
      signal: controller.signal,
      stopping_criteria: () => {
        controller.abort();
        return false;
      },
    });
    await expectCode(attempt, "ERR_ABORTED");
  });
});
