/** Arguments of from_pretrained, those of transformers and of transformers.js: honoured, without effect, or refused. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  AutoConfig,
  AutoFeatureExtractor,
  AutoModel,
  AutoModelForMultimodalLM,
  AutoModelForSpeechSeq2Seq,
  AutoProcessor,
  AutoTokenizer,
  GenerationConfig,
  KyutaiSpeechToTextConfig,
  KyutaiSpeechToTextFeatureExtractor,
  KyutaiSpeechToTextForConditionalGeneration,
  KyutaiSpeechToTextModel,
  KyutaiSpeechToTextProcessor,
  KyutaiSpeechToTextTokenizer,
} from "../../../ts/index.common.js";
import { expectCode } from "../../contract/subject.js";
import { type FakeBackend, useFakeBackend } from "../support/fake-backend.js";
import { DIGITS_EN } from "../support/fixture.js";
import { collectWarnings } from "../support/warnings.js";

const warnings = collectWarnings();
let backend: FakeBackend;
beforeEach(() => {
  backend = useFakeBackend();
});

const Model = KyutaiSpeechToTextForConditionalGeneration;
const load = (options: object) => Model.from_pretrained(DIGITS_EN, options);

describe("a model", () => {
  it.each([
    { dtype: "auto" },
    { torch_dtype: "auto" },
    // The fake's weights are bf16.
    { dtype: "bfloat16" },
    { torch_dtype: "torch.bfloat16" },
    { dtype: "auto", torch_dtype: "bf16" },
    { device_map: "cpu" },
    { device_map: "auto" },
    { device: "cpu" },
    { revision: "main", local_files_only: true, cache_dir: "none", token: "abc" },
    { subfolder: "", variant: null, config: null, force_download: false, output_loading_info: false },
    { ignore_mismatched_sizes: false, quantization_config: undefined },
    { from_tf: false, from_flax: false, tp_size: 1, tp_plan: null, gguf_file: null, adapter_name: "default" },
  ])("is loaded with %o", async (options) => {
    await using model = await load(options);
    expect(model.backend.kind).toBe("cpu");
    expect(warnings).toEqual([]);
  });

  it.each([
    [{ dtype: "float32" }, '\'dtype\' must be "auto", not "float32": .* most weights of this checkpoint are bf16'],
    [{ torch_dtype: "fp16" }, "most weights of this checkpoint are bf16"],
    [{ dtype: "q8" }, 'it is "auto" or one of float32, fp32'],
    [{ dtype: { model: "fp32" } }, "'dtype' must be \"auto\""],
    [{ device_map: { "": 0 } }, "'backend' must be one of"],
    [{ device_map: "mps" }, "'backend' must be one of"],
    [{ subfolder: "x" }, "does not support 'subfolder' = \"x\": a model is a whole folder"],
    [{ variant: "fp16" }, "does not support 'variant'"],
    [{ config: new KyutaiSpeechToTextConfig() }, "does not support 'config' = a KyutaiSpeechToTextConfig"],
    [{ force_download: true }, "does not support 'force_download' = true"],
    [{ output_loading_info: true }, "does not support 'output_loading_info'"],
    [{ quantization_config: { load_in_8bit: true } }, "write a quantized file with convertModel"],
    [{ session_options: {} }, "there is no ONNX session here"],
    [{ model_file_name: "model" }, "pass the path of the file"],
    [{ gguf_file: "model.gguf" }, "pass the path of the file"],
    [{ from_tf: true }, "weights come from safetensors or GGUF files"],
    [{ key_mapping: {} }, "does not support 'key_mapping'"],
    [{ adapter_kwargs: {} }, "merge the adapter into the weights first"],
    [{ tp_plan: "auto" }, "a model is on one device"],
    [{ use_auth_token: true }, "does not support 'use_auth_token' = true: pass token"],
    [{ hidden_size: 64 }, "unknown option 'hidden_size'"],
    [{ foo: 3, bar: 4 }, "unknown options 'foo', 'bar'"],
    [{ generation_config: 3 }, "'generation_config' must be a GenerationConfig or an object"],
    [{ revision: "" }, "'revision' must be a string"],
    [{ local_files_only: "yes" }, "'local_files_only'"],
    [{ token: true }, "'token'"],
    [{ cache_dir: 3 }, "'cache_dir'"],
  ] as [object, string][])("is not loaded with %o", async (options, words) => {
    const attempt = load(options);
    await expectCode(attempt, "ERR_INVALID_ARGUMENT");
    await expect(attempt).rejects.toThrow(new RegExp(words));
    for (const engine of backend.engines) {
      expect(engine.disposed).toBe(true);
    }
  });

  it("warns of options that only say how to compute or to read", async () => {
    await using _ = await load({ attn_implementation: "eager", low_cpu_mem_usage: true, trust_remote_code: null });
    expect(warnings).toEqual([
      "from_pretrained: `attn_implementation` has no effect here.",
      "from_pretrained: `low_cpu_mem_usage` has no effect here.",
    ]);
  });

  it("knows every argument of transformers 5.18", async () => {
    const names = `config cache_dir ignore_mismatched_sizes force_download local_files_only token revision
      use_safetensors weights_only fusion_config disable_mmap state_dict proxies output_loading_info trust_remote_code
      dtype torch_dtype attn_implementation experts_implementation device_map max_memory offload_folder offload_buffers
      quantization_config subfolder variant adapter_kwargs adapter_name generation_config gguf_file tp_plan tp_size
      distributed_config device_mesh use_kernels kernel_config allow_all_kernels key_mapping tqdm_class mirror _fast_init
      low_cpu_mem_usage from_tf from_flax offload_state_dict`.split(/\s+/);
    await using model = await load(Object.fromEntries(names.map((name) => [name, undefined])));
    expect(model.disposed).toBe(false);
    expect(warnings).toEqual([]);
  });

  it("takes a generation config in place of the stored one", async () => {
    for (const generation_config of [{ repetition_penalty: 1.2 }, new GenerationConfig({ repetition_penalty: 1.2 })]) {
      await using model = await load({ generation_config });
      expect(model.generation_config).toBeInstanceOf(GenerationConfig);
      expect(model.generation_config.to_dict()).toMatchObject({ repetition_penalty: 1.2, bos_token_id: null });
    }
  });
});

describe("classes without weights", () => {
  const classes = [
    KyutaiSpeechToTextConfig,
    KyutaiSpeechToTextFeatureExtractor,
    KyutaiSpeechToTextProcessor,
    KyutaiSpeechToTextTokenizer,
  ];
  it.each(classes.map((one) => [one.name, one] as const))("%s", async (_, Class) => {
    const from = (options: object) => Class.from_pretrained(DIGITS_EN, options);
    expect(await from({ revision: "main", subfolder: "", local_files_only: true })).toBeInstanceOf(Class);
    await expect(from({ subfolder: "x" })).rejects.toThrow("does not support 'subfolder'");
    await expect(from({ foo: 1 })).rejects.toThrow("unknown option 'foo'");
    expect(warnings).toEqual([]);
    await from({ use_fast: true });
    expect(warnings).toEqual(["from_pretrained: `use_fast` has no effect here."]);
  });
});

describe("Auto classes lead where transformers 5.18 leads", () => {
  const models: { disposed: boolean; dispose(): Promise<void> }[] = [];
  afterEach(() => Promise.all(models.splice(0).map((model) => model.dispose())));

  it("small ones", async () => {
    expect(await AutoConfig.from_pretrained(DIGITS_EN)).toBeInstanceOf(KyutaiSpeechToTextConfig);
    expect(await AutoProcessor.from_pretrained(DIGITS_EN)).toBeInstanceOf(KyutaiSpeechToTextProcessor);
    expect(await AutoTokenizer.from_pretrained(DIGITS_EN)).toBeInstanceOf(KyutaiSpeechToTextTokenizer);
    expect(await AutoFeatureExtractor.from_pretrained(DIGITS_EN)).toBeInstanceOf(KyutaiSpeechToTextFeatureExtractor);
  });

  it("models", async () => {
    for (const Auto of [AutoModelForSpeechSeq2Seq, AutoModelForMultimodalLM]) {
      const model = await Auto.from_pretrained(DIGITS_EN);
      models.push(model);
      expect(model).toBeInstanceOf(KyutaiSpeechToTextForConditionalGeneration);
    }
    const base = await AutoModel.from_pretrained(DIGITS_EN);
    models.push(base);
    expect(base).toBeInstanceOf(KyutaiSpeechToTextModel);
  });
});
