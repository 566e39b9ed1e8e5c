/** Who takes a checkpoint as it was trained, who as its files say, and who as transformers has it. */
import { beforeEach, describe, expect, it } from "vitest";
import { inspectModel } from "../../../ts/api/inspect.js";
import { pipeline } from "../../../ts/api/pipeline.js";
import { SpeechToText } from "../../../ts/api/speech-to-text.js";
import { KyutaiSpeechToTextConfig } from "../../../ts/model/kyutai-speech-to-text-config.js";
import { KyutaiSpeechToTextForConditionalGeneration } from "../../../ts/model/kyutai-speech-to-text-for-conditional-generation.js";
import { expectCode } from "../../contract/subject.js";
import { type FakeBackend, useFakeBackend } from "../support/fake-backend.js";
import { DIGITS_EN } from "../support/fixture.js";

const TRAINED = 7777;

let backend: FakeBackend;
beforeEach(async () => {
  backend = useFakeBackend();
  // What the core says where it is asked for the model as it was trained.
  const config = { ...(await KyutaiSpeechToTextConfig.from_pretrained(DIGITS_EN)).to_dict(), sliding_window: TRAINED };
  const preprocessor_config = { audio_delay_seconds: 0.5, audio_silence_prefix_seconds: 0 };
  backend.descriptions.set(DIGITS_EN, {
    ...{ layout: "transformers", files: [], config, preprocessor_config, generation_config: {} },
    ...{ extra_heads: { count: 0 }, decoder: { dtypes: {} }, codec: { dtypes: {} } },
  });
});

const asked = (): boolean | undefined => backend.engines.at(-1)?.options.transformersCompat;

describe("the facade", () => {
  it.each([
    [{}, false],
    [{ transformersCompat: false }, false],
    [{ transformersCompat: true }, true],
  ])("takes a model as it was trained unless told otherwise: %o", async (options, expected) => {
    await using _stt = await SpeechToText.load(DIGITS_EN, options);
    expect(asked()).toBe(expected);
    await using _transcriber = await pipeline("asr", DIGITS_EN, options);
    expect(asked()).toBe(expected);
    expect((await inspectModel(DIGITS_EN, options)).decoder.window).toBe(TRAINED);
    expect(backend.lastSourceOptions).toEqual({ transformersCompat: expected });
  });

  it("checks the options of inspectModel", async () => {
    await inspectModel(DIGITS_EN, { codebooks: 4 });
    expect(backend.lastSourceOptions).toEqual({ codebooks: 4, transformersCompat: false });
    await expectCode(inspectModel(DIGITS_EN, { codebooks: 1.5 }), "ERR_INVALID_ARGUMENT");
    await expectCode(inspectModel(DIGITS_EN, { transformersCompat: "no" } as object), "ERR_INVALID_ARGUMENT");
  });
});

describe("from_pretrained", () => {
  const load = KyutaiSpeechToTextForConditionalGeneration.from_pretrained;

  it("takes a model as its files say", async () => {
    const stored = await KyutaiSpeechToTextConfig.from_pretrained(DIGITS_EN);
    await using model = await load(DIGITS_EN);
    expect(asked()).toBeUndefined();
    expect(model.config.sliding_window).toBe(stored.sliding_window);
    expect(backend.lastSourceOptions).toBeUndefined();
  });

  it("has the window of a model as it was trained, on demand", async () => {
    await using model = await load(DIGITS_EN, { transformers_compat: false });
    expect(asked()).toBe(false);
    expect(backend.lastSourceOptions).toEqual({ transformersCompat: false });
    expect(model.config.sliding_window).toBe(TRAINED);
    expect(model.config.hidden_size).toBe((await KyutaiSpeechToTextConfig.from_pretrained(DIGITS_EN)).hidden_size);
  });
});
