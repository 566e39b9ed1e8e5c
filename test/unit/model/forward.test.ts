import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DynamicCache, type LegacyCache } from "../../../ts/model/dynamic-cache.js";
import { type CausalLMForwardOptions, CausalLMOutputWithPast } from "../../../ts/model/forward-options.js";
import { KyutaiSpeechToTextForConditionalGeneration } from "../../../ts/model/kyutai-speech-to-text-for-conditional-generation.js";
import { KyutaiSpeechToTextModel } from "../../../ts/model/kyutai-speech-to-text-model.js";
import { Tensor } from "../../../ts/tensor/tensor.js";
import { expectCode } from "../../contract/subject.js";
import { type FakeBackend, useFakeBackend } from "../support/fake-backend.js";
import { DIGITS_EN } from "../support/fixture.js";

// The fake model: 2 codebooks, hidden size 8, 1 layer, 271 tokens; DIGITS_EN's configuration has 4 heads, a window of 64.
const STREAMS = 3;

const ints = (dims: number[], value = 1): Tensor<"int64"> =>
  new Tensor(
    "int64",
    BigInt64Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => BigInt(value)),
    dims,
  );
const floats = (dims: number[], value = 0): Tensor<"float32"> =>
  new Tensor("float32", new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(value), dims);

describe("forward", () => {
  let backend: FakeBackend;
  let model: KyutaiSpeechToTextForConditionalGeneration;
  let heads = 0;

  beforeEach(async () => {
    backend = useFakeBackend();
    model = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(DIGITS_EN);
    heads = model.config.num_attention_heads;
  });
  afterEach(() => model.dispose());

  const inputs = () => backend.engine.forwards.at(-1);
  const ids = ints([2, 5, STREAMS]);

  it("gives logits and a cache by default, and more on request", async () => {
    const output = await model.forward({ input_ids: ids });
    expect(output).toBeInstanceOf(CausalLMOutputWithPast);
    expect(Object.keys(output)).toEqual(["logits", "past_key_values"]);
    expect(output.logits.dims).toEqual([2, 5, 271]);
    expect(output.past_key_values?.get_seq_length()).toBe(5);
    const labels = ints([2, 5], 7);
    const all = await model.forward({ input_ids: ids, labels, output_attentions: true, output_hidden_states: true });
    expect(Object.keys(all)).toEqual(["loss", "logits", "past_key_values", "hidden_states", "attentions"]);
    expect(all.loss).toMatchObject({ dims: [], data: Float32Array.of(1.5) });
    expect(all.hidden_states?.map((tensor) => tensor.dims)).toEqual([
      [2, 5, 8],
      [2, 5, 8],
    ]);
    expect(all.attentions?.map((tensor) => tensor.dims)[0]?.slice(0, 3)).toEqual([2, heads, 5]);
  });

  it("gives a tuple without return_dict, and makes no cache without use_cache", async () => {
    const tuple = await model.forward({ input_ids: ids, return_dict: false });
    expect(tuple).toHaveLength(2);
    expect(tuple[1]).toBeInstanceOf(DynamicCache);
    const single = await model.forward({ input_ids: ids, use_cache: false });
    expect(single.to_tuple()).toEqual([single.logits]);
  });

  it("can be called, also without its head", async () => {
    expect(await model({ input_ids: ids })).toBeInstanceOf(CausalLMOutputWithPast);
    expect(model).toBeInstanceOf(KyutaiSpeechToTextForConditionalGeneration);
    expect(model.model).toBeInstanceOf(KyutaiSpeechToTextModel);
    const output = await model.model.forward({ input_ids: ids, output_hidden_states: true });
    expect(output.last_hidden_state.dims).toEqual([2, 5, 8]);
    expect(output.hidden_states?.at(-1)).toBe(output.last_hidden_state);
    const [last] = (await model.model({ input_ids: ids, return_dict: false })) as [Tensor];
    expect(last.dims).toEqual([2, 5, 8]);
    expect(inputs()?.logits).toBe(false);
    await expectCode(model.model.forward({ input_ids: ids, labels: ids } as never), "ERR_INVALID_ARGUMENT");
  });

  it("follows the configuration where nothing is said", async () => {
    Object.assign(model.config, { use_cache: false, output_hidden_states: true, return_dict: false });
    const tuple = await model.forward({ input_ids: ids, return_dict: null as never });
    expect(tuple).toHaveLength(2);
    expect(inputs()?.hiddenStates).toBe(true);
    Object.assign(model.config, { use_cache: true, output_hidden_states: false, return_dict: true });
  });

  it("takes ids of text alone, and embeddings", async () => {
    await model.forward({ input_ids: ints([2, 5]) });
    expect(inputs()).toMatchObject({ rows: 2, length: 5, streams: 1 });
    await model.forward({ inputs_embeds: floats([1, 4, 8]) });
    expect(inputs()).toMatchObject({ rows: 1, length: 4, embeds: new Float32Array(32) });
  });

  it("picks the logits that are wanted", async () => {
    const keep = async (logits_to_keep: CausalLMForwardOptions["logits_to_keep"]) => {
      const { logits } = await model.forward({ input_ids: ids, logits_to_keep });
      const { keep: kept } = inputs() ?? {};
      return [logits.dims[1], kept === undefined ? undefined : [...kept]];
    };
    expect(await keep(0)).toEqual([5, undefined]);
    expect(await keep(2)).toEqual([2, [3, 4]]);
    expect(await keep(9)).toEqual([5, [0, 1, 2, 3, 4]]);
    expect(await keep([1, -1])).toEqual([2, [1, 4]]);
    expect(await keep(new Tensor("int64", BigInt64Array.of(2n), [1]))).toEqual([1, [2]]);
    expect(await keep([])).toEqual([0, []]);
  });

  it("goes on from a cache, which counts what it has seen", async () => {
    const { past_key_values: cache } = await model.forward({ input_ids: ids });
    if (cache === undefined) {
      expect.fail("no cache");
    }
    const mask = ints([2, 6]);
    const cache_position = new Tensor("int64", BigInt64Array.of(5n), [1]);
    const step = { input_ids: ints([2, 1, STREAMS]), past_key_values: cache, attention_mask: mask, cache_position };
    expect((await model.forward(step)).past_key_values).toBe(cache);
    expect(cache).toMatchObject({ batch_size: 2, is_sliding: true, stored_length: 6 });
    expect([cache.get_seq_length(), cache.get_max_length()]).toEqual([6, model.config.sliding_window]);
    await cache.crop(-1);
    expect(cache.get_seq_length()).toBe(5);
    await cache.crop(3);
    expect(cache.get_seq_length()).toBe(3);
    await cache.batch_repeat_interleave(2);
    await cache.reorder_cache([3, 2, 1, 0]);
    await cache.batch_select_indices(new Tensor("int32", Int32Array.of(0, 3), [2]));
    expect(cache.batch_size).toBe(2);
    const copy = await cache.clone();
    await cache.reset();
    expect([cache.get_seq_length(), copy.get_seq_length()]).toEqual([0, 3]);
    await cache.dispose();
    await expectCode(model.forward({ ...step, attention_mask: null, cache_position: null }), "ERR_DISPOSED");
  });

  it("reads and takes the tuples of old", async () => {
    const { past_key_values: cache } = await model.forward({ input_ids: ids });
    const tuples = (await cache?.to_legacy_cache()) as LegacyCache;
    expect(tuples).toHaveLength(1);
    expect(tuples[0]?.map((tensor) => tensor.dims)).toEqual([
      [2, 1, 5, 2],
      [2, 1, 5, 2],
    ]);
    const { past_key_values: next } = await model.forward({ input_ids: ids, past_key_values: tuples });
    expect(next?.get_seq_length()).toBe(10);
    const own = DynamicCache.from_legacy_cache(tuples);
    expect([own.get_seq_length(), own.batch_size, own.get_max_length()]).toEqual([5, 2, -1]);
    await expectCode(own.to_legacy_cache(), "ERR_INVALID_STATE");
    await model.forward({ input_ids: ids, past_key_values: own });
    expect(own.get_seq_length()).toBe(10);
    expect(await new DynamicCache().to_legacy_cache()).toEqual([]);
    const layer: LegacyCache[number] = [floats([2, 3, 5, 2]), floats([2, 3, 5, 2])];
    await expectCode(model.forward({ input_ids: ids, past_key_values: [layer] }), "ERR_INVALID_ARGUMENT");
  });

  it("gives positions of one row to all rows, and finds packed sequences only where transformers does", async () => {
    const positions = new Tensor("int64", BigInt64Array.of(0n, 1n, 0n, 1n, 2n), [1, 5]);
    await model.forward({ input_ids: ids, position_ids: positions });
    expect(inputs()).toMatchObject({ packed: true });
    expect([...(inputs()?.positions ?? [])].map(Number)).toEqual([0, 1, 0, 1, 2, 0, 1, 0, 1, 2]);
    await model.forward({ input_ids: ids, position_ids: positions, past_key_values: new DynamicCache() });
    expect(inputs()).toMatchObject({ packed: false });
    await model.forward({ input_ids: ids, position_ids: positions.view(5), attention_mask: ints([2, 5]) });
    expect(inputs()).toMatchObject({ packed: false });
  });

  it("hides by masks of any type and adds those of floats", async () => {
    await model.forward({ input_ids: ids, attention_mask: new Tensor("bool", new Uint8Array(10).fill(1), [2, 5]) });
    expect(inputs()?.mask).toEqual(new Uint8Array(10).fill(1));
    await model.forward({ input_ids: ids, attention_mask: floats([1, heads, 5, 5], -1) });
    expect(inputs()).toMatchObject({ biasRows: 1, biasHeads: heads, bias: new Float32Array(25 * heads).fill(-1) });
    await model.forward({ input_ids: ids, attention_mask: ints([2, 1, 5, 5], 0) });
    expect(inputs()?.bias?.[0]).toBe(Number.NEGATIVE_INFINITY);
  });

  const errors: [string, object, string][] = [
    ["nothing", {}, "You must specify exactly one of input_ids or inputs_embeds"],
    ["both", { input_ids: ids, inputs_embeds: floats([2, 5, 8]) }, "exactly one"],
    ["ids of floats", { input_ids: floats([2, 5, STREAMS]) }, "whole numbers, not a float32 tensor [2, 5, 3]"],
    ["ids that are a list", { input_ids: [[1, 2]] }, "whole numbers, not an array of 1"],
    ["another number of streams", { input_ids: ints([2, 5, 9]) }, "shape [batch, positions, 3] or [batch, positions]"],
    ["one dimension", { input_ids: ints([5]) }, "input_ids must have the shape"],
    ["no positions", { input_ids: ints([2, 0, STREAMS]) }, "input_ids must have the shape"],
    ["huge ids", { input_ids: new Tensor("int64", BigInt64Array.of(2n ** 40n), [1, 1]) }, "is no id of any model"],
    ["embeds of another width", { inputs_embeds: floats([2, 5, 9]) }, "[batch, positions, 8]"],
    ["embeds of ints", { inputs_embeds: ints([2, 5, 8]) }, "float32 tensor"],
    ["a short mask", { input_ids: ids, attention_mask: ints([2, 4]) }, "attention_mask must have the shape [2, 5]"],
    ["a mask of other rows", { input_ids: ids, attention_mask: ints([1, 5]) }, "attention_mask"],
    ["a mask of three dimensions", { input_ids: ids, attention_mask: ints([2, 5, 5]) }, "attention_mask"],
    ["a mask of other heads", { input_ids: ids, attention_mask: floats([2, 99, 5, 5]) }, "attention_mask"],
    ["a mask that is none", { input_ids: ids, attention_mask: 1 }, "attention_mask must be a tensor [2, 5]"],
    ["positions of other length", { input_ids: ids, position_ids: ints([2, 4]) }, "position_ids must have the shape"],
    ["positions of floats", { input_ids: ids, position_ids: floats([2, 5]) }, "position_ids"],
    ["a gap in the cache", { input_ids: ids, cache_position: ints([5], 3) }, "cache_position[0] is 3"],
    ["cache_position of rows", { input_ids: ids, cache_position: ints([2, 5]) }, "cache_position"],
    ["another cache", { input_ids: ids, past_key_values: 7 }, "past_key_values must be a cache"],
    ["labels of other shape", { input_ids: ids, labels: ints([2, 4]) }, "labels must have the shape [2, 5]"],
    ["labels beside fewer logits", { input_ids: ids, labels: ints([2, 5]), logits_to_keep: 2 }, "shape [2, 2]"],
    ["labels beside no logits", { input_ids: ids, labels: ints([2, 0]), logits_to_keep: [] }, "labels"],
    ["negative logits_to_keep", { input_ids: ids, logits_to_keep: -1 }, "logits_to_keep"],
    ["logits of a position outside", { input_ids: ids, logits_to_keep: [5] }, "logits_to_keep"],
    ["logits_to_keep of a word", { input_ids: ids, logits_to_keep: "all" }, "logits_to_keep must be a number"],
    ["items below 1", { input_ids: ids, num_items_in_batch: 0 }, "num_items_in_batch"],
    ["a flag that is none", { input_ids: ids, output_attentions: 1 }, "'output_attentions' must be true or false"],
    ["an unknown argument", { input_ids: ids, head_mask: null, foo: 1 }, "unknown options 'head_mask', 'foo'"],
    ["a callback that is none", { input_ids: ids, onProgress: 1 }, "onProgress"],
  ];

  it.each(errors)("refuses %s", async (_, options, words) => {
    const attempt = model.forward(options as CausalLMForwardOptions);
    await expectCode(attempt, "ERR_INVALID_ARGUMENT");
    await expect(attempt).rejects.toThrow(words);
  });

  it("keeps the caches of models apart, and rows of a cache", async () => {
    const other = await KyutaiSpeechToTextModel.from_pretrained(DIGITS_EN);
    const { past_key_values: cache } = await other.forward({ input_ids: ids });
    await expectCode(model.forward({ input_ids: ids, past_key_values: cache ?? null }), "ERR_INVALID_ARGUMENT");
    const one = { input_ids: ints([1, 1, STREAMS]), past_key_values: cache ?? null };
    await expect(other.forward(one)).rejects.toThrow("past_key_values hold 2 rows, but the input has 1");
    await other.dispose();
    await expectCode(other.forward({ input_ids: ids }), "ERR_DISPOSED");
  });

  it("can be aborted before and while it computes; the cache is then as before", async () => {
    await expectCode(model.forward({ input_ids: ids, signal: AbortSignal.abort() }), "ERR_ABORTED");
    const cache = new DynamicCache({ config: model.config });
    const controller = new AbortController();
    const attempt = model.forward({
      input_ids: ints([1, 2000, STREAMS]),
      past_key_values: cache,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expectCode(attempt, "ERR_ABORTED");
    expect(cache.get_seq_length()).toBe(0);
    expect((await model.forward({ input_ids: ids.slice([0, 1]), past_key_values: cache })).logits.dims[1]).toBe(5);
  });

  it("refuses options of caches that are none", async () => {
    await expectCode(() => new DynamicCache({ config: { sliding_window: -1 } }), "ERR_INVALID_ARGUMENT");
    await expectCode(() => new DynamicCache({ layers: 3 } as never), "ERR_INVALID_ARGUMENT");
    const cache = new DynamicCache();
    await expectCode(cache.crop(0.5), "ERR_INVALID_ARGUMENT");
    await expectCode(cache.batch_select_indices([]), "ERR_INVALID_ARGUMENT");
    await expectCode(cache.reorder_cache([-1]), "ERR_INVALID_ARGUMENT");
    await expectCode(cache.batch_repeat_interleave(0), "ERR_INVALID_ARGUMENT");
  });
});
