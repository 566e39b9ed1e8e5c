import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KyutaiSpeechToTextConfig } from "../../../ts/model/kyutai-speech-to-text-config.js";
import { MimiConfig } from "../../../ts/model/mimi-config.js";
import { expectCode } from "../../contract/subject.js";
import { DIGITS_EN, readFixture } from "../support/fixture.js";

const golden = readFixture<{
  default: Record<string, unknown> & { codec_config: Record<string, unknown> };
  mimi: Record<string, number>;
}>("api/config.json");

describe("KyutaiSpeechToTextConfig", () => {
  it("has the reference's defaults, and the documented rope_theta", () => {
    const { transformers_version: _, rope_parameters: __, ...expected } = golden.default;
    const config = new KyutaiSpeechToTextConfig();
    expect(config.to_dict()).toMatchObject(expected);
    expect(config.rope_theta).toBe(100_000);
    expect(config.rope_parameters).toEqual({ rope_theta: 100_000, rope_type: "default" });
    expect(config.frame_size).toBe(1920);
  });

  it("derives heads from what is given", () => {
    const config = new KyutaiSpeechToTextConfig({ hidden_size: 160, num_attention_heads: 5 });
    expect(config.num_key_value_heads).toBe(5);
    expect(config.head_dim).toBe(32);
    const set = new KyutaiSpeechToTextConfig({ num_key_value_heads: 4, head_dim: 48 });
    expect([set.num_key_value_heads, set.head_dim]).toEqual([4, 48]);
  });

  it.each([
    [{ rope_theta: 5000 }, 5000],
    [{ rope_parameters: { rope_theta: 7, rope_type: "default" } }, 7],
    [{ rope_theta: 5, rope_parameters: { rope_theta: 7 } }, 7],
    [{ rope_theta: 5, rope_parameters: { rope_type: "default" } }, 5],
  ])("reads rope from %o", (values, theta) => {
    const config = new KyutaiSpeechToTextConfig(values);
    expect(config.rope_theta).toBe(theta);
    expect(config.rope_parameters.rope_type).toBe("default");
  });

  it("takes the codec as object, dict or null", () => {
    const codec = new MimiConfig({ num_filters: 8 });
    expect(new KyutaiSpeechToTextConfig({ codec_config: codec }).codec_config).toBe(codec);
    expect(new KyutaiSpeechToTextConfig({ codec_config: { num_filters: 5 } }).codec_config.num_filters).toBe(5);
    expect(new KyutaiSpeechToTextConfig({ codec_config: null }).codec_config.num_filters).toBe(64);
    expect(new KyutaiSpeechToTextConfig({ codec_config: { upsampling_ratios: [4, 4] } }).frame_size).toBe(32);
  });

  it("keeps what it does not know, without letting it replace members", () => {
    const extras = { audio_encoder_config: { a: 1 }, depth__config: {}, note: "x", to_dict: "no", frame_size: 7 };
    const config = new KyutaiSpeechToTextConfig(extras);
    expect(config.to_dict()).toMatchObject({ audio_encoder_config: { a: 1 }, depth__config: {}, note: "x" });
    expect(config.frame_size).toBe(1920);
  });

  it("survives a JSON round trip", () => {
    const config = new KyutaiSpeechToTextConfig({
      hidden_size: 64,
      num_attention_heads: 4,
      note: [1, 2],
      rope_theta: 9,
    });
    const copy = KyutaiSpeechToTextConfig.from_dict(JSON.parse(config.to_json_string()));
    expect(copy.to_dict()).toEqual(config.to_dict());
    expect(JSON.parse(JSON.stringify(config))).toEqual(config.to_dict());
  });

  it.each([
    [{ ffn_dim: 11 }, "`ffn_dim=11` must be even"],
    [{ hidden_size: "a" }, "'hidden_size' expected int, got \"a\""],
    [{ num_hidden_layers: 1.5 }, "'num_hidden_layers' expected int, got 1.5"],
    [{ use_cache: 1 }, "'use_cache' expected bool"],
    [{ rope_parameters: { rope_theta: 0 } }, "rope_theta"],
    [{ codec_config: { model_type: "encodec" } }, "encodec"],
    [{ codec_config: 3 }, "codec_config"],
  ])("refuses %o", async (values, words) => {
    await expectCode(() => new KyutaiSpeechToTextConfig(values), "ERR_INVALID_ARGUMENT");
    expect(() => new KyutaiSpeechToTextConfig(values)).toThrow(words);
  });
});

describe("MimiConfig", () => {
  it("has the reference's defaults", () => {
    expect(new MimiConfig().to_dict()).toMatchObject(golden.default.codec_config);
  });

  it("computes rates as the reference", () => {
    const config = new MimiConfig({ upsampling_ratios: [4, 3], num_residual_layers: 2, use_conv_shortcut: true });
    expect(config).toMatchObject(golden.mimi);
    expect(new MimiConfig()).toMatchObject({ frame_rate: 12.5, encodec_frame_rate: 25, num_codebooks: 32 });
    expect(new MimiConfig({ frame_rate: 10 }).frame_rate).toBe(10);
  });

  it("needs fewer semantic quantizers than quantizers", () => {
    expect(() => new MimiConfig({ num_semantic_quantizers: 32 })).toThrow("number of semantic quantizers");
  });
});

describe("config.json", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "kstt-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("is read and written", async () => {
    const config = await KyutaiSpeechToTextConfig.from_pretrained(DIGITS_EN);
    expect(config.vocab_size).toBe(271);
    expect(config.codec_config.num_quantizers).toBe(8);
    await config.save_pretrained(folder);
    expect((await KyutaiSpeechToTextConfig.from_pretrained(folder)).to_dict()).toEqual(config.to_dict());
  });

  it.each([undefined, null, "", 3])("is not written to %o", async (where) => {
    const config = new KyutaiSpeechToTextConfig();
    await expectCode(config.save_pretrained(where as never), "ERR_INVALID_ARGUMENT");
    await expect(config.save_pretrained(where as never)).rejects.toThrow("the folder must be a path");
  });

  it.each([
    ["{", "ERR_MODEL_FORMAT", "not valid JSON"],
    ["[]", "ERR_MODEL_FORMAT", "instead of a JSON object"],
    ['{"model_type": "whisper"}', "ERR_MODEL_UNSUPPORTED", 'model_type "whisper"'],
    ["{}", "ERR_MODEL_UNSUPPORTED", "model_type undefined"],
    ['{"model_type": "kyutai_speech_to_text", "ffn_dim": 3}', "ERR_MODEL_FORMAT", "must be even"],
  ] as const)("refuses %s", async (text, code, words) => {
    await writeFile(join(folder, "config.json"), text);
    await expectCode(KyutaiSpeechToTextConfig.from_pretrained(folder), code);
    await expect(KyutaiSpeechToTextConfig.from_pretrained(folder)).rejects.toThrow(words);
  });
});
