/** What compiles and what does not: `tsc` checks this file, and fails where an expected error is missing. */
import { expect, expectTypeOf, it } from "vitest";
import {
  type BaseModelOutputWithPast,
  type CausalLMForwardOptions,
  type CausalLMOutputWithPast,
  DynamicCache,
  type ForwardOptions,
  type KyutaiSpeechToTextForConditionalGeneration,
  type KyutaiSpeechToTextModel,
  type LegacyCache,
  Tensor,
} from "../../../ts/index.node.js";

type Model = KyutaiSpeechToTextForConditionalGeneration;

const ids = new Tensor("int64", BigInt64Array.of(1n), [1, 1]);
const embeds = new Tensor("float32", Float32Array.of(1), [1, 1, 1]);

it("arguments of forward have types", () => {
  const good: CausalLMForwardOptions[] = [
    { input_ids: ids },
    { input_ids: ids.to("int32"), attention_mask: ids, position_ids: ids, cache_position: ids.view(1) },
    { inputs_embeds: embeds, past_key_values: new DynamicCache(), use_cache: true },
    { input_ids: ids, past_key_values: [[embeds, embeds]], labels: ids, logits_to_keep: [0] },
    { input_ids: ids, logits_to_keep: ids, shift_labels: ids, num_items_in_batch: 3, ignore_index: 0 },
    // What transformers.js calls a tensor.
    { input_ids: { type: "int64", data: BigInt64Array.of(1n), dims: [1, 1] } },
  ];
  const bad: unknown[] = [
    // @ts-expect-error: neither ids nor embeddings
    { attention_mask: ids } satisfies CausalLMForwardOptions,
    // @ts-expect-error: both
    { input_ids: ids, inputs_embeds: embeds } satisfies CausalLMForwardOptions,
    // @ts-expect-error: ids are whole numbers
    { input_ids: embeds } satisfies CausalLMForwardOptions,
    // @ts-expect-error: embeddings are not
    { inputs_embeds: ids } satisfies CausalLMForwardOptions,
    // @ts-expect-error: labels belong to the head
    { input_ids: ids, labels: ids } satisfies ForwardOptions,
    // @ts-expect-error: a pair per layer
    { input_ids: ids, past_key_values: [[embeds]] } satisfies ForwardOptions,
    // @ts-expect-error: no such argument
    { input_ids: ids, head_mask: ids } satisfies ForwardOptions,
    // @ts-expect-error: a flag
    { input_ids: ids, use_cache: 1 } satisfies ForwardOptions,
  ];
  expect([good.length, bad.length]).toEqual([6, 8]);
});

it("results have types, by return_dict", () => {
  type Forward<Options> = (model: Model, options: Options) => unknown;
  const named = ((model, options) => model.forward(options)) satisfies Forward<{ input_ids: typeof ids }>;
  const tuple = ((model, options) => model.forward(options)) satisfies Forward<{
    input_ids: typeof ids;
    return_dict: false;
  }>;
  expectTypeOf<ReturnType<typeof named>>().toEqualTypeOf<Promise<CausalLMOutputWithPast>>();
  expectTypeOf<ReturnType<typeof tuple>>().toEqualTypeOf<Promise<unknown[]>>();
  const base = (model: KyutaiSpeechToTextModel) => model.forward({ input_ids: ids });
  expectTypeOf<ReturnType<typeof base>>().toEqualTypeOf<Promise<BaseModelOutputWithPast>>();
  expectTypeOf<CausalLMOutputWithPast["logits"]>().toEqualTypeOf<Tensor<"float32">>();
  expectTypeOf<CausalLMOutputWithPast["loss"]>().toEqualTypeOf<Tensor<"float32"> | undefined>();
  expectTypeOf<Awaited<ReturnType<DynamicCache["to_legacy_cache"]>>>().toExtend<LegacyCache>();
  expectTypeOf<Model["model"]>().toEqualTypeOf<KyutaiSpeechToTextModel>();
});

it("tensors keep the type of their elements", () => {
  expectTypeOf(ids.data).toEqualTypeOf<BigInt64Array>();
  expectTypeOf(ids.to("float32").data).toEqualTypeOf<Float32Array>();
  expectTypeOf(embeds.slice(0).item()).toEqualTypeOf<number>();
  // @ts-expect-error: data of another type
  expect(() => new Tensor("float32", Int32Array.of(1), [1])).toThrow();
});
