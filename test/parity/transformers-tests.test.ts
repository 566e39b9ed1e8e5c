/**
 * What transformers' own test classes for this model ask of it (tests/models/kyutai_speech_to_text, and the classes they
 * inherit: ModelTesterMixin, GenerationTesterMixin), asked of ours. docs/transformers-tests.md has the whole table; here
 * is what no other test asks.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type GenerateOptions,
  KyutaiSpeechToTextForConditionalGeneration,
  KyutaiSpeechToTextModel,
  KyutaiSpeechToTextProcessor,
  Tensor,
} from "../../ts/index.node.js";
import { audioSignal } from "./audio-signal.js";
import { relativeError } from "./tensor-file.js";

const PARITY = fileURLToPath(new URL("../fixtures/parity", import.meta.url));
const ROWS = 3;
const LENGTH = 7;

describe.each(["plain-f32", "gqa-f32"])("%s", (name) => {
  const checkpoint = join(PARITY, name, "checkpoint");
  let model: KyutaiSpeechToTextForConditionalGeneration;
  let input_ids: Tensor<"int64">;
  let input_values: Tensor<"float32">;

  beforeAll(async () => {
    model = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(checkpoint, {
      backend: "cpu",
      threads: 2,
    });
    const { num_codebooks, vocab_size, codebook_vocab_size } = model.config;
    const width = 1 + num_codebooks;
    const ids = Array.from({ length: ROWS * LENGTH * width }, (_, index) =>
      BigInt((index * 2_654_435_761) % (index % width === 0 ? vocab_size : codebook_vocab_size)),
    );
    input_ids = new Tensor("int64", BigInt64Array.from(ids), [ROWS, LENGTH, width]);
    const processor = await KyutaiSpeechToTextProcessor.from_pretrained(checkpoint);
    const { frame_size } = model.config;
    ({ input_values } = await processor([audioSignal(71, 12 * frame_size), audioSignal(72, 9 * frame_size)]));
  });
  afterAll(() => model.dispose());

  const generate = (options: Partial<GenerateOptions>) =>
    model.generate({ input_values, max_new_tokens: 8, ...options } as GenerateOptions);

  test("test_model: hidden states of the shape of the input, with a mask and without", async () => {
    const { last_hidden_state } = await model.model.forward({ input_ids });
    expect(last_hidden_state.dims).toEqual([ROWS, LENGTH, model.config.hidden_size]);
    const attention_mask = new Tensor("int64", new BigInt64Array(ROWS * LENGTH).fill(1n), [ROWS, LENGTH]);
    expect((await model.model.forward({ input_ids, attention_mask })).last_hidden_state).toEqual(last_hidden_state);
    await using alone = await KyutaiSpeechToTextModel.from_pretrained(checkpoint, { backend: "cpu", threads: 2 });
    expect((await alone.forward({ input_ids })).last_hidden_state).toEqual(last_hidden_state);
  });

  test("test_determinism: the same call gives the same bits", async () => {
    const [first, second] = [await model.forward({ input_ids }), await model.forward({ input_ids })];
    expect(second.logits).toEqual(first.logits);
    expect(await generate({})).toEqual(await generate({}));
  });

  test("test_batching_equivalence: a row of a batch is what it is alone", async () => {
    const { logits } = await model.forward({ input_ids });
    const tokens = await generate({});
    for (let row = 0; row < ROWS; row++) {
      const alone = await model.forward({ input_ids: input_ids.slice([row, row + 1]) });
      expect(alone.logits.at(0).data).toEqual(logits.at(row).data);
    }
    for (let row = 0; row < 2; row++) {
      const alone = await generate({ input_values: input_values.slice([row, row + 1]) as Tensor<"float32"> });
      expect(alone.at(0).tolist()).toEqual(tokens.at(row).tolist());
    }
  });

  test("test_model_outputs_equivalence: tuples hold what objects hold", async () => {
    const options = { input_ids, output_hidden_states: true, output_attentions: true, use_cache: false } as const;
    const named = await model.forward(options);
    expect(await model.forward({ ...options, return_dict: false })).toEqual(named.to_tuple());
    const tuple = await model.model.forward({ ...options, return_dict: false });
    expect(tuple).toEqual((await model.model.forward(options)).to_tuple());
  });

  test("test_attention_outputs, test_hidden_states_output: one per layer, by argument or by configuration", async () => {
    const { num_hidden_layers: layers, num_attention_heads: heads, hidden_size } = model.config;
    const check = async (options: object): Promise<void> => {
      const { attentions, hidden_states } = await model.model.forward({ input_ids, ...options });
      expect(attentions?.map(({ dims }) => dims)).toEqual(Array(layers).fill([ROWS, heads, LENGTH, LENGTH]));
      expect(hidden_states?.map(({ dims }) => dims)).toEqual(Array(layers + 1).fill([ROWS, LENGTH, hidden_size]));
      for (const row of attentions?.[0]?.view(-1, LENGTH) ?? []) {
        expect(row.data.reduce((sum: number, value: number) => sum + value, 0)).toBeCloseTo(1, 5);
      }
    };
    await check({ output_attentions: true, output_hidden_states: true });
    Object.assign(model.config, { output_attentions: true, output_hidden_states: true });
    try {
      await check({});
    } finally {
      Object.assign(model.config, { output_attentions: false, output_hidden_states: false });
    }
    const { hidden_states, last_hidden_state } = await model.model.forward({ input_ids, output_hidden_states: true });
    expect(hidden_states?.at(-1)).toEqual(last_hidden_state);
  });

  test("test_inputs_embeds_matches_input_ids", async () => {
    const { logits, hidden_states } = await model.forward({ input_ids, output_hidden_states: true });
    const embedded = await model.forward({ inputs_embeds: hidden_states?.[0] as Tensor<"float32"> });
    expect(embedded.logits).toEqual(logits);
  });

  test("test_left_padding_compatibility: 32 hidden positions before change nothing", async () => {
    const pads = 32;
    const width = input_ids.dims[2] ?? 0;
    const padded = new Tensor("int64", new BigInt64Array(ROWS * (pads + LENGTH) * width), [ROWS, pads + LENGTH, width]);
    const mask = new Tensor("int64", new BigInt64Array(ROWS * (pads + LENGTH)), [ROWS, pads + LENGTH]);
    const positions = new Tensor("int64", new BigInt64Array(ROWS * (pads + LENGTH)).fill(1n), mask.dims);
    for (let row = 0; row < ROWS; row++) {
      padded.at(row).data.set(input_ids.at(row).data, pads * width);
      mask.at(row).data.fill(1n, pads);
      positions.at(row).data.set(
        Array.from({ length: LENGTH }, (_, index) => BigInt(index)),
        pads,
      );
    }
    const last = { logits_to_keep: 1, use_cache: false } as const;
    const plain = await model.forward({ input_ids, ...last });
    const shifted = await model.forward({ input_ids: padded, attention_mask: mask, position_ids: positions, ...last });
    expect(relativeError(shifted.logits, plain.logits)).toBeLessThanOrEqual(1e-5);
  });

  test("test_past_key_values_format: keys and values per layer, by position", async () => {
    const { num_hidden_layers: layers, num_key_value_heads: heads, head_dim } = model.config;
    const { past_key_values } = await model.forward({ input_ids });
    const tuples = (await past_key_values?.to_legacy_cache()) ?? [];
    expect(tuples.map((pair) => pair.map(({ dims }) => dims))).toEqual(
      Array(layers).fill(Array(2).fill([ROWS, heads, LENGTH, head_dim])),
    );
  });

  test("test_greedy_generate, test_sample_generate and their dict outputs", async () => {
    const record = { return_dict_in_generate: true, output_scores: true, output_logits: true } as const;
    const plain = await generate({});
    expect(plain.dims).toEqual([2, 9]);
    const greedy = await model.generate({ input_values, max_new_tokens: 8, ...record });
    expect(greedy.sequences).toEqual(plain);
    expect(greedy.logits).toEqual(greedy.scores);
    const sampling = { do_sample: true, seed: 11, num_return_sequences: 2, top_k: 5 };
    const sampled = await model.generate({ input_values, max_new_tokens: 8, ...sampling, ...record });
    expect(sampled.sequences).toEqual(await generate(sampling));
    expect(sampled.scores?.[0]?.dims).toEqual([4, model.config.vocab_size]);
    for (const row of sampled.scores?.[0] ?? []) {
      expect(row.data.filter(Number.isFinite)).toHaveLength(5);
    }
    expect(await generate({ ...sampling, seed: 12 })).not.toEqual(sampled.sequences);
  });
});

describe("test_bf16_fp32_conversion: the codec is f32 in every checkpoint", () => {
  test.each([
    ["plain-f32", "float32"],
    ["bf16", "bfloat16"],
  ])("%s", async (name, dtype) => {
    const checkpoint = join(PARITY, name, "checkpoint");
    await using model = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(checkpoint, {
      backend: "cpu",
    });
    expect([model.dtype, model.model.dtype, model.codec_model.dtype]).toEqual([dtype, dtype, "float32"]);
    expect(model.device).toBe(model.backend.device);
    expect(model.eval().to(model.device, dtype).to({ device: model.device })).toBe(model);
    expect(() => model.to("cuda")).toThrow('cannot be moved to "cuda"');
    expect(() => model.model.to({ dtype: "float64" })).toThrow("cannot be moved");
  });
});
