/**
 * What a user writes compiles, and wrong uses do not: `tsc` checks this file, and fails where an expected error is
 * missing. Running it checks little more. forward() and tensors: forward-types.test; live events: live/types.test.
 */
import { expect, expectTypeOf, it } from "vitest";
import {
  AutoModelForSpeechSeq2Seq,
  AutoProcessor,
  type BatchFeature,
  type FeatureExtractorOptions,
  type GenerateDecoderOnlyOutput,
  type GenerateOptions,
  GenerationConfig,
  KyutaiSpeechToTextConfig,
  type KyutaiSpeechToTextFeatureExtractor,
  type KyutaiSpeechToTextForConditionalGeneration,
  type KyutaiSpeechToTextProcessor,
  type LogitsProcessor,
  MimiConfig,
  type MimiDecoderOutput,
  type MimiEncoderOutput,
  type MimiEncoderTuple,
  type MimiModel,
  type PretrainedModelOptions,
  type ProcessorOptions,
  Tensor,
  TextStreamer,
} from "../../../ts/index.node.js";

type Model = KyutaiSpeechToTextForConditionalGeneration;
type Processor = KyutaiSpeechToTextProcessor;

const samples = new Float32Array(3);
const input_values = new Tensor("float32", samples, [1, 1, 3]);
const ids = new Tensor("int64", BigInt64Array.of(1n), [1, 1]);

/** Never called: what it does only has to compile. */
async function typicalUse(model: Model, processor: Processor): Promise<void> {
  const inputs = await processor(samples);
  const tokens = await model.generate({ ...inputs, max_new_tokens: 5 });
  const texts: string[] = processor.batch_decode(tokens, { skip_special_tokens: true });
  const text: string = processor.decode([1, 2]);
  const list: string[] = processor.decode([[1, 2], BigInt64Array.of(3n)]);
  const either: string | string[] = processor.decode(tokens);
  const same: Tensor<"int64"> = await model.generate(inputs);
  const record = await model.generate({ ...inputs, return_dict_in_generate: true, output_scores: true });
  const best: Tensor<"float32"> | undefined = record.scores?.[0];
  await model.forward({ input_ids: same, past_key_values: record.past_key_values });
  await model.generate({ ...inputs, streamer: new TextStreamer(processor.tokenizer), stopping_criteria: () => false });
  model.generation_config = new GenerationConfig({ do_sample: true });
  model.generation_config["temperature"] = 0.5;
  await model.save_pretrained(`${texts.length}${best?.dims.length}${text}${list.length}${either.length}`);
}

it("generate", () => {
  const good: GenerateOptions[] = [
    { input_values },
    { input_values, padding_mask: ids, max_new_tokens: null, seed: 5n },
    { input_values, do_sample: true, temperature: 0.5, top_k: 0, num_return_sequences: 2, seed: 1 },
    { input_values, eos_token_id: [1, 2], pad_token_id: 3, bad_words_ids: [[1], [2, 3]], sequence_bias: [[[1], -2]] },
    { input_values, exponential_decay_length_penalty: [2, 1.5], suppress_tokens: [], forced_eos_token_id: 4 },
    { input_values, generation_config: { repetition_penalty: 2 }, signal: AbortSignal.timeout(1) },
    { input_values, logits_processor: (_, scores) => scores, prefix_allowed_tokens_fn: (row) => [row, 1n] },
    { input_values, stopping_criteria: [async (tokens) => tokens.map((row) => row.length > 3), () => true] },
    { input_values, streamer: { put: () => {}, end: async () => {} }, onProgress: ({ done, total }) => done / total },
  ];
  const bad: unknown[] = [
    // @ts-expect-error: there is nothing without audio
    { max_new_tokens: 3 } satisfies GenerateOptions,
    // @ts-expect-error: audio is real
    { input_values: ids } satisfies GenerateOptions,
    // @ts-expect-error: samples need a shape
    { input_values: samples } satisfies GenerateOptions,
    // @ts-expect-error: a number
    { input_values, max_new_tokens: "3" } satisfies GenerateOptions,
    // @ts-expect-error: a list of lists
    { input_values, bad_words_ids: [1] } satisfies GenerateOptions,
    // @ts-expect-error: pairs
    { input_values, sequence_bias: [[1, 2]] } satisfies GenerateOptions,
    // @ts-expect-error: a pair
    { input_values, exponential_decay_length_penalty: [1] } satisfies GenerateOptions,
    // @ts-expect-error: a flag
    { input_values, do_sample: 1 } satisfies GenerateOptions,
    // @ts-expect-error: without end()
    { input_values, streamer: { put: () => {} } } satisfies GenerateOptions,
    // @ts-expect-error: scores go in and come out
    { input_values, logits_processor: () => 3 } satisfies GenerateOptions,
    // @ts-expect-error: true or false, or one of them per row
    { input_values, stopping_criteria: () => "yes" } satisfies GenerateOptions,
    // @ts-expect-error: ids
    { input_values, prefix_allowed_tokens_fn: () => "a" } satisfies GenerateOptions,
    // @ts-expect-error: a processor's scores are floats
    ((_, scores) => scores.to("int32")) satisfies LogitsProcessor,
  ];
  expect([good.length, bad.length]).toEqual([9, 13]);
  const plain = (model: Model) => model.generate({ input_values });
  const named = (model: Model) => model.generate({ input_values, return_dict_in_generate: true });
  expectTypeOf(typicalUse).returns.toEqualTypeOf<Promise<void>>();
  expectTypeOf<ReturnType<typeof plain>>().toEqualTypeOf<Promise<Tensor<"int64">>>();
  expectTypeOf<ReturnType<typeof named>>().toEqualTypeOf<Promise<GenerateDecoderOnlyOutput>>();
  expectTypeOf<GenerateDecoderOnlyOutput["attentions"]>().toEqualTypeOf<
    readonly (readonly Tensor<"float32">[])[] | undefined
  >();
});

it("the processor and the feature extractor", () => {
  const use = async (processor: Processor, extractor: KyutaiSpeechToTextFeatureExtractor) => {
    await processor([samples, "talk.mp3", new URL("file:///a.wav")], { padding: true, return_tensors: "pt" });
    await processor({ audio: samples, text: ["one", "two"], text_kwargs: { padding: "longest" } });
    await processor(new Int16Array(3), { audio_kwargs: { truncation: true, max_length: 3 } });
    await extractor([[1, 2], [3]], { sampling_rate: 24_000 });
    // @ts-expect-error: nothing to hear
    await processor();
    // @ts-expect-error: a rate is a number
    await processor(samples, { sampling_rate: "24000" });
    // @ts-expect-error: no such option
    await processor(samples, { sample_rate: 24_000 });
    // @ts-expect-error: texts need audio
    await processor({ text: "one" });
    // @ts-expect-error: pictures are nothing to this model
    await processor({ audio: samples, images: samples });
    // @ts-expect-error: files are the processor's to read
    await extractor("talk.mp3");
    // @ts-expect-error: of one sequence
    processor.decode("one");
  };
  expectTypeOf(use).returns.toEqualTypeOf<Promise<void>>();
  expectTypeOf<ReturnType<Processor["_call"]>>().toEqualTypeOf<Promise<BatchFeature>>();
  expectTypeOf<BatchFeature["input_values"]>().toEqualTypeOf<Tensor<"float32">>();
  expectTypeOf<BatchFeature["padding_mask"]>().toEqualTypeOf<Tensor<"int32"> | undefined>();
  expectTypeOf<FeatureExtractorOptions>().toExtend<ProcessorOptions>();
  expectTypeOf<ReturnType<Processor["batch_decode"]>>().toEqualTypeOf<string[]>();
  expectTypeOf<KyutaiSpeechToTextFeatureExtractor["chunk_stride"]>().toEqualTypeOf<number | null>();
  expectTypeOf(AutoProcessor.from_pretrained).returns.toEqualTypeOf<Promise<Processor>>();
});

it("configurations", () => {
  const config = new KyutaiSpeechToTextConfig({ hidden_size: 64, anything: "else" });
  expectTypeOf(config.codec_config).toEqualTypeOf<MimiConfig>();
  expectTypeOf(config.num_key_value_heads).toBeNumber();
  expectTypeOf(config.bos_token_id).toEqualTypeOf<number | null>();
  expectTypeOf(config["anything"]).toBeUnknown();
  expectTypeOf(config.to_dict()).toEqualTypeOf<Record<string, unknown>>();
  expectTypeOf(new MimiConfig().frame_rate).toBeNumber();
  expectTypeOf(new GenerationConfig().bos_token_id).toEqualTypeOf<number | null>();
  const wrong = (): void => {
    // @ts-expect-error: of one kind only
    config.model_type = "mimi";
    // @ts-expect-error: a number
    config.hidden_size = "64";
    // @ts-expect-error: derived
    config.rope_theta = 5;
  };
  expectTypeOf(wrong).returns.toBeVoid();
  // @ts-expect-error: entries by name
  expect(() => new KyutaiSpeechToTextConfig("config.json")).not.toThrow(TypeError);
});

it("loading", () => {
  const good: PretrainedModelOptions[] = [
    {},
    { device: "cpu", dtype: "auto", threads: 2, progress_callback: (info) => info.status },
    { device_map: "auto", torch_dtype: "float32", generation_config: { do_sample: true } },
    { revision: "main", token: false, local_files_only: true, cache_dir: "x", signal: AbortSignal.timeout(1) },
  ];
  const bad: unknown[] = [
    // @ts-expect-error: no such backend
    { device: "webgpu" } satisfies PretrainedModelOptions,
    // @ts-expect-error: one backend for all
    { device_map: { "": 0 } } satisfies PretrainedModelOptions,
    // @ts-expect-error: a name
    { dtype: 16 } satisfies PretrainedModelOptions,
    // @ts-expect-error: a token or none
    { token: true } satisfies PretrainedModelOptions,
    // @ts-expect-error: no such option
    { thread: 2 } satisfies PretrainedModelOptions,
  ];
  expect([good.length, bad.length]).toEqual([4, 5]);
  expectTypeOf(AutoModelForSpeechSeq2Seq.from_pretrained).returns.toEqualTypeOf<Promise<Model>>();
  expectTypeOf<Model>().toExtend<AsyncDisposable>();
  // @ts-expect-error: a model is loaded, not made
  expectTypeOf<ConstructorParameters<typeof AutoModelForSpeechSeq2Seq>>().toBeArray();
});

it("codec_model", () => {
  const use = async (codec: MimiModel) => {
    const { audio_codes, encoder_past_key_values, padding_cache } = await codec.encode(input_values, {
      num_quantizers: 4,
      use_streaming: true,
    });
    const next = await codec.encode(input_values, { encoder_past_key_values, padding_cache });
    const { audio_values } = await codec.decode(audio_codes, { decoder_past_key_values: null });
    const [codes] = await codec.encode(input_values, { return_dict: false });
    await codec.forward({ input_values, audio_codes: codes });
    // @ts-expect-error: codes are whole numbers
    await codec.decode(audio_values);
    // @ts-expect-error: audio is real
    await codec.encode(audio_codes);
    // @ts-expect-error: a cache of the other kind
    await codec.encode(input_values, { padding_cache: encoder_past_key_values });
    // @ts-expect-error: no such option
    await codec.encode(input_values, { bandwidth: 6 });
    return next;
  };
  expectTypeOf(use).returns.toEqualTypeOf<Promise<MimiEncoderOutput>>();
  expectTypeOf<MimiEncoderOutput["audio_codes"]>().toEqualTypeOf<Tensor<"int64">>();
  expectTypeOf<MimiDecoderOutput["audio_values"]>().toEqualTypeOf<Tensor<"float32">>();
  expectTypeOf<MimiEncoderTuple[0]>().toEqualTypeOf<Tensor<"int64">>();
  expectTypeOf<Model["codec_model"]>().toEqualTypeOf<MimiModel>();
});
