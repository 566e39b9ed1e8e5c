import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BatchFeature } from "../../../ts/model/batch-feature.js";
import { GenerationConfig } from "../../../ts/model/generation-config.js";
import { isGenerationOption } from "../../../ts/model/generation-names.js";
import { KyutaiSpeechToTextForConditionalGeneration } from "../../../ts/model/kyutai-speech-to-text-for-conditional-generation.js";
import { Tensor } from "../../../ts/tensor/tensor.js";
import { expectCode } from "../../contract/subject.js";
import { type FakeBackend, FRAME, useFakeBackend } from "../support/fake-backend.js";
import { DIGITS_EN } from "../support/fixture.js";
import { collectWarnings } from "../support/warnings.js";

/**
 * Entries of GenerationConfig, arguments of GenerationMixin.generate() and of the model's prepare_inputs_for_generation()
 * and forward(), those apart that generate() takes for itself here.
 */
const ARGUMENTS_5_18 = `
  _from_model_config assistant_confidence_threshold assistant_early_exit assistant_ensemble_weight assistant_lookbehind
  bad_words_ids begin_suppress_tokens bos_token_id cache_config cache_implementation compile_config constraints
  continuous_batching_config decoder_start_token_id disable_compile diversity_penalty do_sample dola_layers early_stopping
  encoder_no_repeat_ngram_size encoder_repetition_penalty eos_token_id epsilon_cutoff eta_cutoff
  exponential_decay_length_penalty force_words_ids forced_bos_token_id forced_eos_token_id guidance_scale is_assistant
  length_penalty low_memory max_cache_len max_length max_matching_ngram_size max_new_tokens max_time min_length
  min_new_tokens min_p no_repeat_ngram_size num_assistant_tokens num_assistant_tokens_schedule num_beam_groups num_beams
  num_return_sequences output_attentions output_hidden_states output_logits output_scores pad_token_id penalty_alpha
  prefill_chunk_size prompt_lookup_num_tokens remove_invalid_values renormalize_logits repetition_penalty
  return_dict_in_generate sequence_bias speculation_type stop_strings suppress_tokens target_lookbehind temperature
  token_healing top_h top_k top_p transformers_version typical_p use_cache use_mtp watermarking_config
  inputs logits_processor stopping_criteria prefix_allowed_tokens_fn synced_gpus assistant_model streamer
  negative_prompt_ids negative_prompt_attention_mask custom_generate tokenizer assistant_tokenizer
  audio_tokens padding_mask audio_window_size current_window encoder_past_key_values padding_cache
  input_ids attention_mask position_ids past_key_values inputs_embeds labels logits_to_keep`
  .trim()
  .split(/\s+/);

function inputs(frames: number, rows = 1): BatchFeature {
  return new BatchFeature({
    input_values: new Tensor("float32", new Float32Array(rows * frames * FRAME), [rows, 1, frames * FRAME]),
  });
}

describe("KyutaiSpeechToTextForConditionalGeneration", () => {
  const warnings = collectWarnings();
  let backend: FakeBackend;
  let model: KyutaiSpeechToTextForConditionalGeneration;

  beforeEach(async () => {
    backend = useFakeBackend();
    model = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(DIGITS_EN);
  });
  afterEach(() => model.dispose());

  /** Parameters the last generate() gave to the core. */
  const params = () => backend.engine.generations.at(-1)?.params;

  it("generates one token per whole frame, start token first", async () => {
    const output = await model.generate(inputs(4, 2));
    expect(output).toMatchObject({ type: "int64", dims: [2, 5] });
    expect(output.at(0).tolist()).toEqual([270n, 261n, 262n, 263n, 264n]);
    expect(output.at(1).tolist()).toEqual([270n, 262n, 263n, 264n, 265n]);
    expect(params()).toEqual({ maxNewTokens: 4, audioWindowSize: 0 });
    expect(warnings).toEqual([]);
  });

  it("honours smaller max_new_tokens and clamps larger ones with a warning", async () => {
    expect((await model.generate({ ...inputs(4), max_new_tokens: 2 })).dims).toEqual([1, 3]);
    expect(warnings).toEqual([]);
    expect((await model.generate({ ...inputs(4), max_new_tokens: 9 })).dims).toEqual([1, 5]);
    expect(warnings).toEqual([
      "`max_new_tokens` (9) is greater than the maximum number of audio frames (4). Setting `max_new_tokens` to 4.",
    ]);
    for (const bad of [0, -1, 1.5, "3"]) {
      const attempt = model.generate({ ...inputs(4), max_new_tokens: bad as number });
      await expectCode(attempt, "ERR_INVALID_ARGUMENT");
      await expect(attempt).rejects.toThrow("`max_new_tokens` must be an integer greater than 0");
    }
  });

  it("takes audio_window_size from the call, then from generation_config", async () => {
    expect(model.generation_config.audio_window_size).toBeNull();
    model.generation_config.audio_window_size = 3;
    await model.generate(inputs(4));
    expect(params()?.audioWindowSize).toBe(3);
    await model.generate({ ...inputs(4), audio_window_size: 1 });
    expect(params()?.audioWindowSize).toBe(1);
    await model.generate({ ...inputs(4), audio_window_size: null });
    expect(params()?.audioWindowSize).toBe(0);
    // As in transformers: what the argument leaves open comes from the model's own configuration.
    await model.generate({ ...inputs(4), generation_config: { audio_window_size: null } });
    expect(params()).toEqual({ maxNewTokens: 4, audioWindowSize: 3 });
    await model.generate({ ...inputs(4), generation_config: new GenerationConfig({ audio_window_size: 2 }) });
    expect(params()).toEqual({ maxNewTokens: 4, audioWindowSize: 2 });
    await expectCode(model.generate({ ...inputs(4), generation_config: [] as never }), "ERR_INVALID_ARGUMENT");
    await expectCode(model.generate({ ...inputs(4), audio_window_size: 0 }), "ERR_INVALID_ARGUMENT");
  });

  it("does not take max_new_tokens from a configuration, as the reference, and says so", async () => {
    model.generation_config["max_new_tokens"] = 3;
    await model.generate(inputs(4));
    await model.generate({ ...inputs(4), generation_config: { max_new_tokens: 2 } });
    expect(backend.engine.generations.map((one) => one.params.maxNewTokens)).toEqual([4, 4]);
    expect(warnings).toEqual([
      expect.stringContaining("`max_new_tokens` (3) of the generation config is overruled"),
      expect.stringContaining("`max_new_tokens` (2) of the generation config is overruled"),
    ]);
    await model.generate({ ...inputs(4), max_new_tokens: 1 });
    expect(params()?.maxNewTokens).toBe(1);
    expect(warnings).toHaveLength(2);
  });

  it("accepts options that change nothing", async () => {
    const { input_values } = inputs(2);
    const padding_mask = new Tensor("int32", new Int32Array(2 * FRAME), [1, 2 * FRAME]);
    const neutral = { do_sample: false, num_beams: 1, repetition_penalty: 1, use_cache: true, pad_token_id: 3 };
    await model.generate({ input_values, padding_mask, ...neutral, bos_token_id: 270, eos_token_id: null });
    await model.generate({ input_values, logits_to_keep: 0, tokenizer: {} });
    expect(warnings).toEqual([]);
    await model.generate({ input_values, temperature: 0.5, top_k: 3, max_length: 40 });
    expect(warnings).toEqual([
      "The following generation flags are not valid and may be ignored: ['temperature', 'top_k']",
      expect.stringContaining("`max_new_tokens` will take precedence"),
    ]);
  });

  it.each([
    { num_beams: 2 },
    { penalty_alpha: 0.6 },
    { guidance_scale: 2 },
    { bos_token_id: 5 },
    { input_ids: [1] },
    { past_key_values: {} },
    { stop_strings: ["x"] },
    { assistant_model: {} },
    { use_cache: false },
    { watermarking_config: {} },
    { negative_prompt_attention_mask: {} },
    { assistant_tokenizer: {} },
    { continuous_batching_config: {} },
    { encoder_past_key_values: {} },
    { padding_cache: {} },
    { audio_tokens: {} },
    { labels: {} },
    { return_timestamps: true },
    { streamer: {} },
    { max_time: -1 },
    { seed: 0.5 },
    { seed: -1n },
    { logits_processor: 3 },
    { stopping_criteria: [() => true, "x"] },
    { prefix_allowed_tokens_fn: [] },
    { output_scores: 1 },
    { num_return_sequences: 0 },
  ] as object[])("refuses %o by name", async (options) => {
    const attempt = model.generate({ ...inputs(2), ...options });
    await expectCode(attempt, "ERR_INVALID_ARGUMENT");
    await expect(attempt).rejects.toThrow(`'${Object.keys(options)[0]}'`);
    expect(backend.engine.generations).toEqual([]);
  });

  it("knows every argument of transformers 5.18, be it to refuse it with the reason", () => {
    expect(ARGUMENTS_5_18.filter((name) => !isGenerationOption(name))).toEqual([]);
  });

  it("refuses options nobody knows, and such defaults as well", async () => {
    await expect(model.generate({ ...inputs(2), do_smaple: false })).rejects.toMatchObject({
      code: "ERR_INVALID_ARGUMENT",
      message: expect.stringContaining("`model_kwargs` are not used by the model: ['do_smaple']"),
    });
    model.generation_config["num_beams"] = 4;
    await expect(model.generate(inputs(2))).rejects.toThrow("'num_beams'");
  });

  it.each([
    ["nothing", undefined, "ERR_INVALID_ARGUMENT"],
    ["an array", new Float32Array(FRAME), "ERR_INVALID_ARGUMENT"],
    ["int64", new Tensor("int64", new BigInt64Array(FRAME), [1, 1, FRAME]), "ERR_INVALID_ARGUMENT"],
    ["two dimensions", new Tensor("float32", new Float32Array(FRAME), [1, FRAME]), "ERR_INVALID_AUDIO"],
    ["two channels", new Tensor("float32", new Float32Array(2 * FRAME), [1, 2, FRAME]), "ERR_INVALID_AUDIO"],
    ["less than a frame", new Tensor("float32", new Float32Array(FRAME - 1), [1, 1, FRAME - 1]), "ERR_INVALID_AUDIO"],
    ["NaN", new Tensor("float32", new Float32Array(FRAME).fill(Number.NaN), [1, 1, FRAME]), "ERR_INVALID_AUDIO"],
  ] as const)("refuses %s as input_values", async (_name, value, code) => {
    await expectCode(model.generate({ input_values: value as Tensor<"float32"> }), code);
    expect((await model.generate(inputs(1))).dims).toEqual([1, 2]);
  });

  it("encodes", async () => {
    const { input_values } = inputs(3, 2);
    const { audio_codes } = await model.codec_model.encode(input_values);
    expect(audio_codes).toMatchObject({ type: "int64", dims: [2, 8, 3] });
    expect(audio_codes.at(1).at(2).tolist()).toEqual([12n, 12n, 12n]);
    const two = await model.codec_model.encode(input_values, { num_quantizers: 2 });
    expect(two.audio_codes.dims).toEqual([2, 2, 3]);
    expect(two.audio_codes.at(1).at(1).tolist()).toEqual([11n, 11n, 11n]);
    for (const [count, words] of [
      [9, "lower than the total number of quantizers 8"],
      [0, "higher than the number of semantic quantizers 1"],
    ] as const) {
      await expect(model.codec_model.encode(input_values, { num_quantizers: count })).rejects.toThrow(words);
    }
  });

  it("runs calls in turn, never two at once", async () => {
    backend.engine.maxSteps = 2;
    const outputs = await Promise.all([
      model.generate(inputs(40)),
      model.codec_model.encode(inputs(4).input_values),
      model.generate(inputs(30)),
    ]);
    expect(outputs[0].dims).toEqual([1, 41]);
    expect(outputs[1].audio_codes.dims).toEqual([1, 8, 4]);
    expect(outputs[2].dims).toEqual([1, 31]);
  });

  it("reports progress", async () => {
    const seen: number[] = [];
    backend.engine.maxSteps = 10;
    await model.generate({ ...inputs(40), onProgress: ({ done, total }) => seen.push(done / total) });
    expect(seen.length).toBeGreaterThan(2);
    expect(seen.at(-1)).toBe(1);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  it("is aborted before, during and after, and stays usable", async () => {
    const reason = new Error("enough");
    await expect(model.generate({ ...inputs(4), signal: AbortSignal.abort(reason) })).rejects.toMatchObject({
      code: "ERR_ABORTED",
      name: "AbortError",
      cause: reason,
    });
    expect(backend.engine.generations).toEqual([]);
    const during = new AbortController();
    const attempt = model.generate({ ...inputs(400), signal: during.signal, onProgress: () => during.abort(reason) });
    await expect(attempt).rejects.toMatchObject({ code: "ERR_ABORTED", cause: reason });
    const after = new AbortController();
    const output = await model.generate({ ...inputs(4), signal: after.signal });
    after.abort();
    expect(output.dims).toEqual([1, 5]);
  });

  it("is disposed once, ends running work, and refuses further calls", async () => {
    const { engine } = backend;
    engine.maxSteps = 1;
    const running = model.generate(inputs(400));
    const outcome = expectCode(running, "ERR_DISPOSED");
    await Promise.all([model.dispose(), model.dispose(), outcome]);
    expect(engine.disposed).toBe(true);
    expect(model.disposed).toBe(true);
    await expectCode(model.generate(inputs(1)), "ERR_DISPOSED");
    await expectCode(model.codec_model.encode(inputs(1).input_values), "ERR_DISPOSED");
  });
});

describe("from_pretrained", () => {
  it("takes the options of transformers.js and checks them", async () => {
    useFakeBackend();
    const seen: string[] = [];
    const model = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained("digits-en", {
      device: "cpu",
      dtype: "auto",
      threads: 3,
      progress_callback: (info) => seen.push(`${info.status} ${"progress" in info ? info.progress : ""}`),
    });
    expect(model.backend).toMatchObject({ kind: "cpu", device: "fake", threads: 3 });
    expect(seen).toEqual(["progress 100", "ready 100"]);
    expect(model.config.vocab_size).toBe(271);
    expect(model.generation_config).toMatchObject({ bos_token_id: 270, do_sample: false });
    expect(Object.keys(model.generation_config).filter((name) => name.startsWith("codec_"))).toEqual([]);
    await model.dispose();
    const load = (options: object) => KyutaiSpeechToTextForConditionalGeneration.from_pretrained("digits-en", options);
    await expect(load({ dtype: "q8" })).rejects.toThrow("'dtype'");
    await expect(load({ device: "webgpu" })).rejects.toThrow("'backend' must be one of");
    await expectCode(load({ backend: "cuda" }), "ERR_BACKEND_UNAVAILABLE");
    await expectCode(load({ signal: AbortSignal.abort() }), "ERR_ABORTED");
  });

  it("drops audio_window_size of generation_config.json, as the reference does", async () => {
    const folder = await mkdtemp(join(tmpdir(), "kstt-"));
    try {
      await new GenerationConfig({ audio_window_size: 1, bos_token_id: 7 }).save_pretrained(folder);
      const config = await GenerationConfig.from_pretrained(folder);
      expect(config.to_dict()).toEqual({ audio_window_size: null, bos_token_id: 7, pad_token_id: null });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
