/**
 * The documented API row by row (specification 13.1 and 13.2): configurations, feature extractor, processor. Expected
 * values are transformers 5.18's (test/fixtures/api/checklist.json). Rows of the codec and of its caches: mimi-model.test
 * and parity/codec.test; of the model's forward and generate: forward.test, generation.test.
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KyutaiSpeechToTextConfig } from "../../../ts/model/kyutai-speech-to-text-config.js";
import type { FeatureExtractorOptions } from "../../../ts/model/kyutai-speech-to-text-feature-extractor.js";
import { KyutaiSpeechToTextFeatureExtractor } from "../../../ts/model/kyutai-speech-to-text-feature-extractor.js";
import { KyutaiSpeechToTextProcessor } from "../../../ts/model/kyutai-speech-to-text-processor.js";
import { MimiConfig } from "../../../ts/model/mimi-config.js";
import { Tensor } from "../../../ts/tensor/tensor.js";
import { expectCode } from "../../contract/subject.js";
import { DIGITS_EN, readFixture } from "../support/fixture.js";
import { collectWarnings } from "../support/warnings.js";

type Values = Record<string, unknown>;

interface Plain {
  dims: number[];
  data: number[];
}

interface ConfigCase {
  values: Values;
  /** Entries of to_diff_dict. */
  diff?: Values & { rope_parameters: Values; codec_config?: Values };
  derived?: Values;
  error?: string;
}

const golden = readFixture<{
  pad: (Values & { name: string; audio: number[][]; config: Values; call: Values; error?: string })[];
  stereo: { name: string; audio: never; error: string }[];
  chunks: { config: Values; chunk_length: number | null; chunk_stride: number | null }[];
  config: ConfigCase[];
  mimi_config: ConfigCase[];
  feature_extractor: Values;
}>("api/checklist.json");

const RATE = { sampling_rate: 10 };
const LONG = Float32Array.from({ length: 10 }, (_, i) => (i + 1) / 64);
const SHORT = LONG.subarray(0, 5);

function plain(tensor: Tensor | undefined): Plain | undefined {
  return tensor === undefined ? undefined : { dims: [...tensor.dims], data: Array.from(tensor.data, Number) };
}

/** What of a Python error ours must say, too: the whole first sentence, or the field and what it should have been. */
function wordsOf(error: string): string {
  const text = error.replace(/^\w*Error: /, "").replaceAll("`", "");
  const field = /^Field ('\w+')( expected \w+)?/.exec(text);
  return field === null ? text.replace(/\.$/, "") : `${field[1]}${field[2] ?? ""}`;
}

const message = (call: () => unknown): string => {
  try {
    call();
  } catch (error) {
    return (error as Error).message.replaceAll("`", "");
  }
  return "nothing was thrown";
};

describe("KyutaiSpeechToTextConfig", () => {
  describe.each(golden.config.map((one) => [JSON.stringify(one.values), one] as const))("%s", (_, one) => {
    const { values, diff, derived, error } = one;
    if (error !== undefined) {
      it("is refused as there", async () => {
        await expectCode(() => new KyutaiSpeechToTextConfig(values), "ERR_INVALID_ARGUMENT");
        expect(message(() => new KyutaiSpeechToTextConfig(values))).toContain(wordsOf(error));
      });
      return;
    }
    // The class of transformers 5 forgot the documented default of 100000.
    const isDefaultRope = values["rope_theta"] === undefined && values["rope_parameters"] === undefined;
    const expected = isDefaultRope ? { ...diff, rope_parameters: { rope_theta: 100_000, rope_type: "default" } } : diff;

    it("has these entries, kept ones included, and derived values", () => {
      const config = new KyutaiSpeechToTextConfig(values);
      expect(config.to_diff_dict()).toEqual(expected);
      expect(config).toMatchObject(derived ?? {});
      expect(config.codec_config).toBeInstanceOf(MimiConfig);
    });

    it("survives JSON in both forms", () => {
      const config = new KyutaiSpeechToTextConfig(values);
      for (const useDiff of [true, false]) {
        const copy = KyutaiSpeechToTextConfig.from_dict(JSON.parse(config.to_json_string(useDiff)));
        expect(copy.to_dict()).toEqual(config.to_dict());
      }
    });
  });

  it("to_dict has what every configuration has, to_diff_dict only what differs", () => {
    const generic = { return_dict: true, output_hidden_states: false, output_attentions: false };
    const config = new KyutaiSpeechToTextConfig();
    expect(config.to_dict()).toMatchObject({ ...generic, codec_config: generic });
    for (const name of Object.keys(generic)) {
      expect(config.to_diff_dict()).not.toHaveProperty(name);
    }
    expect(new KyutaiSpeechToTextConfig({ output_attentions: true }).to_diff_dict()).toHaveProperty(
      "output_attentions",
      true,
    );
  });

  it("writes floats with a point: transformers 5 refuses an int where it wants a float", () => {
    const text = new KyutaiSpeechToTextConfig().to_json_string();
    for (const line of ['"trim_right_ratio": 1.0', '"attention_dropout": 0.0', '"rope_theta": 100000.0']) {
      expect(text).toContain(line);
    }
    expect(text).toContain('"hidden_size": 2048,');
    expect(new MimiConfig({ trim_right_ratio: 0.5 }).to_json_string()).toContain('"trim_right_ratio": 0.5,');
    expect(new KyutaiSpeechToTextFeatureExtractor().to_json_string()).toContain('"padding_value": 0.0');
  });

  it("update sets entries, checked by type", async () => {
    const config = new KyutaiSpeechToTextConfig();
    config.update({ hidden_size: 3, note: "x", codec_config: { num_filters: 7 } });
    expect(config).toMatchObject({ hidden_size: 3, note: "x", codec_config: { num_filters: 7 } });
    await expectCode(() => config.update({ hidden_size: "3" }), "ERR_INVALID_ARGUMENT");
    await expectCode(() => config.update({ to_dict: 1 }), "ERR_INVALID_ARGUMENT");
    config.codec_config.update({ use_streaming: true });
    expect(config.codec_config.use_streaming).toBe(true);
    await expectCode(() => config.codec_config.update({ use_streaming: 1 }), "ERR_INVALID_ARGUMENT");
  });

  it("from_dict and from_pretrained take entries in place of those in the file", async () => {
    expect(KyutaiSpeechToTextConfig.from_dict({ hidden_size: 3 }, { hidden_size: 4 }).hidden_size).toBe(4);
    const config = await KyutaiSpeechToTextConfig.from_pretrained(DIGITS_EN, { sliding_window: 9 });
    expect(config).toMatchObject({ sliding_window: 9, vocab_size: 271 });
    const wrong = { slding_window: 9 } as object;
    await expectCode(KyutaiSpeechToTextConfig.from_pretrained(DIGITS_EN, wrong), "ERR_INVALID_ARGUMENT");
  });
});

describe("MimiConfig", () => {
  it.each(golden.mimi_config.map((one) => [JSON.stringify(one.values), one] as const))("%s", (_, one) => {
    const { values, diff, derived, error } = one;
    if (error !== undefined) {
      expect(message(() => new MimiConfig(values))).toContain(wordsOf(error));
      return;
    }
    const config = new MimiConfig(values);
    expect(config.to_diff_dict()).toEqual(diff);
    expect(config).toMatchObject(derived ?? {});
    expect(MimiConfig.from_dict(JSON.parse(config.to_json_string())).to_dict()).toEqual(config.to_dict());
  });
});

describe("KyutaiSpeechToTextFeatureExtractor", () => {
  const warnings = collectWarnings();

  it("has the documented defaults, and keeps what it does not know", () => {
    expect(new KyutaiSpeechToTextFeatureExtractor().to_dict()).toEqual(golden.feature_extractor);
    const extractor = new KyutaiSpeechToTextFeatureExtractor({ note: 1, audio_delay_seconds: 2.5 });
    expect(extractor.to_dict()).toMatchObject({ note: 1, audio_delay_seconds: 2.5 });
    const copy = KyutaiSpeechToTextFeatureExtractor.from_dict(JSON.parse(extractor.to_json_string()));
    expect(copy.to_dict()).toEqual(extractor.to_dict());
    expect(KyutaiSpeechToTextFeatureExtractor.from_dict(copy.to_dict(), { overlap: 0.5 }).overlap).toBe(0.5);
    expect(extractor.model_input_names).toEqual(["input_values", "padding_mask"]);
  });

  it.each(golden.chunks)("chunk_length and chunk_stride of $config", ({ config, chunk_length, chunk_stride }) => {
    const extractor = new KyutaiSpeechToTextFeatureExtractor(config);
    expect([extractor.chunk_length, extractor.chunk_stride]).toEqual([chunk_length, chunk_stride]);
    extractor.chunk_length_s = null;
    expect([extractor.chunk_length, extractor.chunk_stride]).toEqual([null, null]);
  });

  it("right padding is a second more than the delay, always", async () => {
    for (const [audio_delay_seconds, audio_silence_prefix_seconds, samples] of [
      [0, 0, 20],
      [2.5, 1, 55],
    ] as const) {
      const extractor = new KyutaiSpeechToTextFeatureExtractor({
        ...RATE,
        audio_delay_seconds,
        audio_silence_prefix_seconds,
      });
      for (const padding of [true, false]) {
        expect((await extractor(LONG, { ...RATE, padding })).input_values.dims).toEqual([1, 1, samples]);
      }
    }
  });

  it("padding_mask is there unless padding is false, and 1 on the recording alone", async () => {
    const extractor = new KyutaiSpeechToTextFeatureExtractor({ ...RATE, audio_silence_prefix_seconds: 0.2 });
    const { padding_mask } = await extractor([LONG, SHORT], RATE);
    const row = (n: number) => Array.from({ length: 22 }, (_, i) => (i >= 2 && i < 2 + n ? 1 : 0));
    expect(padding_mask?.tolist()).toEqual([row(10), row(5)]);
    expect(padding_mask?.type).toBe("int32");
    expect(await extractor(LONG, { ...RATE, padding: false })).not.toHaveProperty("padding_mask");
  });

  it.each([null, "pt", "np", "mlx", "tf", "jax"])("return_tensors %s gives typed tensors", async (return_tensors) => {
    const extractor = new KyutaiSpeechToTextFeatureExtractor(RATE);
    const { input_values } = await extractor(LONG, { ...RATE, return_tensors });
    expect(input_values).toBeInstanceOf(Tensor);
    expect(input_values.data).toBeInstanceOf(Float32Array);
  });

  it("takes 1-D samples of any numeric type, and always returns a batch", async () => {
    const extractor = new KyutaiSpeechToTextFeatureExtractor(RATE);
    const expected = await extractor([1, 2, 3], RATE);
    const tensor = new Tensor("float32", Float32Array.of(1, 2, 3), [3]);
    for (const audio of [Float64Array.of(1, 2, 3), Int16Array.of(1, 2, 3), tensor]) {
      expect(await extractor(audio, RATE)).toEqual(expected);
    }
    expect(expected.input_values.dims).toEqual([1, 1, 13]);
  });

  it.each(golden.stereo)("stereo, $name: refused as there", async ({ audio, error }) => {
    const extractor = new KyutaiSpeechToTextFeatureExtractor({ ...RATE, feature_size: 2 });
    await expect(extractor(audio, RATE)).rejects.toMatchObject({
      code: "ERR_INVALID_AUDIO",
      message: expect.stringContaining(error.replace(/ but got shape.*| has \d+ channels/, "")),
    });
  });

  // transformers 5.18 fails here: each channel must be what it is alone.
  it.each([
    {},
    { padding_side: "left" },
    { chunk_length_s: 0.4, overlap: 0.25 },
    { audio_delay_seconds: 0.56, audio_silence_prefix_seconds: 0.39 },
  ])("stereo with %o is two times mono", async (config) => {
    const reversed = (channel: Float32Array) => channel.slice().reverse();
    const mono = new KyutaiSpeechToTextFeatureExtractor({ ...RATE, ...config });
    const stereo = new KyutaiSpeechToTextFeatureExtractor({ ...RATE, ...config, feature_size: 2 });
    const calls: FeatureExtractorOptions[] = [RATE, { ...RATE, truncation: true, padding: false, max_length: 3 }];
    for (const call of calls) {
      const both = await stereo(
        [
          [LONG, reversed(LONG)],
          [SHORT, reversed(SHORT)],
        ],
        call,
      );
      const left = await mono([LONG, SHORT], call);
      const right = await mono([reversed(LONG), reversed(SHORT)], call);
      expect(plain(both.input_values.slice(null, [0, 1]))).toEqual(plain(left.input_values));
      expect(plain(both.input_values.slice(null, [1, 2]))).toEqual(plain(right.input_values));
      expect(plain(both.padding_mask)).toEqual(plain(left.padding_mask));
    }
  });

  it.each(golden.pad.map((one) => [one.name, one] as const))("pad: %s", (_, one) => {
    const extractor = new KyutaiSpeechToTextFeatureExtractor({ ...RATE, ...one.config });
    const pad = () => extractor.pad({ input_values: one.audio.map((row) => Float32Array.from(row)) }, one.call);
    if (one.error !== undefined) {
      const words = /make sure that|Asking to pad|Invalid padding strategy/.exec(one.error)?.[0];
      expect(message(pad)).toContain(words);
      return;
    }
    const { input_values, attention_mask } = pad();
    expect(plain(input_values)).toEqual(one["input_values"]);
    expect(plain(attention_mask)).toEqual(one["attention_mask"]);
    const list = one.audio.map((row) => ({ input_values: Float32Array.from(row) }));
    expect(plain(extractor.pad(list, one.call).input_values)).toEqual(one["input_values"]);
  });

  it("pad wants input_values", () => {
    const extractor = new KyutaiSpeechToTextFeatureExtractor(RATE);
    expect(message(() => extractor.pad({ samples: [1] } as never))).toContain(
      "that include input_values, but you provided [samples]",
    );
  });

  it("pad_to_multiple_of in a call, before the silence is added", async () => {
    const extractor = new KyutaiSpeechToTextFeatureExtractor(RATE);
    expect((await extractor([LONG, SHORT], { ...RATE, pad_to_multiple_of: 4 })).input_values.dims).toEqual([2, 1, 22]);
    expect(warnings).toEqual([]);
  });
});

describe("KyutaiSpeechToTextProcessor", () => {
  const warnings = collectWarnings();
  let processor: KyutaiSpeechToTextProcessor;
  let folder: string;
  beforeAll(async () => {
    processor = await KyutaiSpeechToTextProcessor.from_pretrained(DIGITS_EN);
    folder = await mkdtemp(join(tmpdir(), "kstt-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("takes the feature extractor's options directly or as audio_kwargs, but not in both places", async () => {
    expect(await processor(LONG, { audio_kwargs: { padding: false } })).not.toHaveProperty("padding_mask");
    await expect(processor(LONG, { audio_kwargs: { sampling_rate: 16_000 } })).rejects.toThrow("and not 16000");
    await expect(processor(LONG, { padding: true, audio_kwargs: { padding: false } })).rejects.toThrow(
      "Keyword argument padding was passed two times",
    );
    await expectCode(processor(LONG, { audio_kwargs: { blah: 1 } as object }), "ERR_INVALID_ARGUMENT");
    await expectCode(processor(LONG, { audio_kwargs: 3 as never }), "ERR_INVALID_ARGUMENT");
    await processor(LONG, { common_kwargs: { return_tensors: "np", blah: 1 } } as object);
    expect(warnings).toEqual([
      "Keyword argument `blah` is not a valid argument for this processor and will be ignored.",
    ]);
  });

  it("needs audio", async () => {
    await expect(processor(undefined as never)).rejects.toThrow(
      "audio is required: You need to provide at least one input to call KyutaiSpeechToTextProcessor",
    );
  });

  it("is written in the files of transformers 5 and of the versions before it", async () => {
    await processor.save_pretrained(folder);
    expect(await readdir(folder)).toEqual(
      expect.arrayContaining(["preprocessor_config.json", "processor_config.json", "tokenizer.json"]),
    );
    const written = JSON.parse(await readFile(join(folder, "processor_config.json"), "utf8")) as Values;
    expect(written).toEqual({ ...processor.to_dict() });
    expect(written["processor_class"]).toBe("KyutaiSpeechToTextProcessor");
    expect(JSON.parse(JSON.stringify(processor))).toEqual(written);
    const overrides = { audio_delay_seconds: 9 };
    const copy = await KyutaiSpeechToTextProcessor.from_pretrained(folder, overrides);
    expect(copy.feature_extractor.to_dict()).toEqual({ ...processor.feature_extractor.to_dict(), ...overrides });
  });
});
