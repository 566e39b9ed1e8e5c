import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { describeModel } from "../../../ts/model/describe-model.js";
import { GenerationConfig } from "../../../ts/model/generation-config.js";
import { KyutaiSpeechToTextConfig } from "../../../ts/model/kyutai-speech-to-text-config.js";
import { KyutaiSpeechToTextFeatureExtractor } from "../../../ts/model/kyutai-speech-to-text-feature-extractor.js";
import { setBackendOpener } from "../../../ts/model/runtime.js";
import { expectCode } from "../../contract/subject.js";
import { type FakeBackend, useFakeBackend } from "../support/fake-backend.js";

const ORIGINAL = { card: 64, n_q: 8, dim: 48, text_card: 400, model_type: "stt" };
const DESCRIPTION = {
  layout: "original",
  config: { model_type: "kyutai_speech_to_text", vocab_size: 401, hidden_size: 48, num_attention_heads: 4 },
  generation_config: { bos_token_id: 400, pad_token_id: 3 },
  preprocessor_config: { sampling_rate: 24_000, audio_delay_seconds: 0.5, audio_silence_prefix_seconds: 1 },
};

describe("a checkpoint in another layout", () => {
  let folder: string;
  let backend: FakeBackend;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "kstt-layout-"));
    await writeFile(join(folder, "config.json"), JSON.stringify(ORIGINAL));
    backend = useFakeBackend();
    backend.descriptions.set(folder, DESCRIPTION);
    return () => rm(folder, { recursive: true });
  });
  afterAll(() => setBackendOpener(undefined));

  it("is described by the core", async () => {
    const config = await KyutaiSpeechToTextConfig.from_pretrained(folder);
    expect([config.vocab_size, config.hidden_size]).toEqual([401, 48]);
    const generation = await GenerationConfig.from_pretrained(folder, config);
    expect([generation.bos_token_id, generation.pad_token_id]).toEqual([400, 3]);
    const extractor = await KyutaiSpeechToTextFeatureExtractor.from_pretrained(folder);
    expect([extractor.audio_delay_seconds, extractor.audio_silence_prefix_seconds]).toEqual([0.5, 1]);
  });

  it("is described on demand, with options", async () => {
    expect((await describeModel(folder, { codebooks: 5, transformersCompat: true })).layout).toBe("original");
    expect(backend.lastSourceOptions).toEqual({ codebooks: 5, transformersCompat: true });
    await describeModel(folder);
    expect(backend.lastSourceOptions).toEqual({ transformersCompat: false });
    await expectCode(describeModel(folder, { codebooks: 0 }), "ERR_INVALID_ARGUMENT");
    await expectCode(describeModel(folder, { transformersCompat: 1 as unknown as boolean }), "ERR_INVALID_ARGUMENT");
    await expectCode(describeModel(folder, { cacheDir: 1 } as never), "ERR_INVALID_ARGUMENT");
    await expectCode(describeModel(folder, { threads: 1 } as never), "ERR_INVALID_ARGUMENT");
  });

  it("may be named by its file of weights", async () => {
    const file = join(folder, "model.safetensors");
    await writeFile(file, "");
    backend.descriptions.set(file, { ...DESCRIPTION, config: { ...DESCRIPTION.config, vocab_size: 77 } });
    expect((await KyutaiSpeechToTextConfig.from_pretrained(file)).vocab_size).toBe(77);
  });

  it("hands the core's errors on", async () => {
    backend.descriptions.clear();
    await expectCode(KyutaiSpeechToTextConfig.from_pretrained(folder), "ERR_FILE_NOT_FOUND");
  });

  it("is not looked for behind transformers' config.json or a damaged one", async () => {
    await writeFile(
      join(folder, "config.json"),
      JSON.stringify({ ...DESCRIPTION.config, card: 1, codebook_vocab_size: 65 }),
    );
    expect((await KyutaiSpeechToTextConfig.from_pretrained(folder)).codebook_vocab_size).toBe(65);
    await writeFile(join(folder, "config.json"), '{"card": 64, "n_q"');
    await expectCode(KyutaiSpeechToTextConfig.from_pretrained(folder), "ERR_MODEL_FORMAT");
  });
});
