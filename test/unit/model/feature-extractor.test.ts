import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { AudioInput } from "../../../ts/model/audio-input.js";
import { KyutaiSpeechToTextFeatureExtractor } from "../../../ts/model/kyutai-speech-to-text-feature-extractor.js";
import { Tensor } from "../../../ts/tensor/tensor.js";
import { expectCode } from "../../contract/subject.js";
import { DIGITS_EN, readFixture } from "../support/fixture.js";
import { collectWarnings } from "../support/warnings.js";

interface Values {
  dims: number[];
  data: number[];
}

interface GoldenCase {
  name: string;
  config: Record<string, unknown>;
  audio: AudioInput;
  call: Record<string, unknown>;
  input_values?: Values;
  padding_mask?: Values;
  error?: string;
}

const cases = readFixture<GoldenCase[]>("api/feature-extractor.json");

/** Words of the reference's errors that users search for, by case. */
const RECOGNISABLE: Record<string, string> = {
  "padding with truncation": "Both padding and truncation were set. Make sure you only set one.",
  "max_length missing": "make sure that max_length is defined",
  "truncation without max_length": "make sure that max_length is defined",
  "unknown strategy": "is not a valid PaddingStrategy, please select one of",
  "different lengths, no padding": "differ in length",
  "wrong rate": "was trained using a sampling rate of 10",
  "two channels for mono": "Expected mono audio but example has 2 channels",
  "no padding value": "does not have a padding value",
};

function floats(audio: AudioInput): AudioInput {
  return Array.isArray(audio) && Array.isArray(audio[0])
    ? (audio as number[][]).map((row) => (Array.isArray(row[0]) ? row : Float32Array.from(row)))
    : Float32Array.from(audio as number[]);
}

function plain(tensor: Tensor | undefined): Values | undefined {
  return tensor === undefined ? undefined : { dims: [...tensor.dims], data: Array.from(tensor.data, Number) };
}

describe("feature extractor, against transformers", () => {
  for (const golden of cases.filter((one) => one.error === undefined)) {
    it(golden.name, async () => {
      const extractor = new KyutaiSpeechToTextFeatureExtractor(golden.config);
      for (const audio of [golden.audio, floats(golden.audio)]) {
        const result = await extractor(audio, golden.call);
        expect(plain(result.input_values)).toEqual(golden.input_values);
        expect(plain(result.padding_mask)).toEqual(golden.padding_mask);
      }
    });
  }

  for (const golden of cases.filter((one) => one.error !== undefined)) {
    it(`${golden.name}: refused as there`, async () => {
      const extractor = new KyutaiSpeechToTextFeatureExtractor(golden.config);
      const words = RECOGNISABLE[golden.name];
      expect(words).toBeDefined();
      await expect(extractor(golden.audio, golden.call)).rejects.toMatchObject({
        code: expect.stringMatching(/^ERR_INVALID_(ARGUMENT|AUDIO)$/),
        message: expect.stringContaining(words ?? ""),
      });
    });
  }
});

describe("feature extractor", () => {
  const warnings = collectWarnings();
  const extractor = new KyutaiSpeechToTextFeatureExtractor({ sampling_rate: 10 });

  it("warns when the rate is not stated, and only then", async () => {
    await extractor([0.5], { sampling_rate: 10 });
    expect(warnings).toEqual([]);
    await extractor([0.5]);
    expect(warnings).toEqual([expect.stringContaining("strongly recommended to pass the `sampling_rate` argument")]);
  });

  it("can be called as an object and by _call", async () => {
    const called = await extractor([0.5], { sampling_rate: 10 });
    expect(await extractor._call([0.5], { sampling_rate: 10 })).toEqual(called);
    expect(extractor).toBeInstanceOf(KyutaiSpeechToTextFeatureExtractor);
  });

  it("pads two channels along time", async () => {
    const stereo = new KyutaiSpeechToTextFeatureExtractor({ feature_size: 2, sampling_rate: 4 });
    const pair = new Tensor("float32", Float32Array.of(1, 2, 3, 4), [2, 2]);
    const { input_values, padding_mask } = await stereo([pair, [[5], [6]]], { sampling_rate: 4 });
    expect(input_values.dims).toEqual([2, 2, 6]);
    expect([...input_values.data]).toEqual([
      ...[1, 2, 0, 0, 0, 0, 3, 4, 0, 0, 0, 0],
      ...[5, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0],
    ]);
    expect([...(padding_mask?.data ?? [])]).toEqual([1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
    await expect(stereo([1, 2, 3], { sampling_rate: 4 })).rejects.toThrow("Expected stereo audio");
  });

  it("rounds lengths up with pad_to_multiple_of", async () => {
    const { input_values } = await extractor([[1, 2, 3], [4]], { sampling_rate: 10, pad_to_multiple_of: 8 });
    expect(input_values.dims).toEqual([2, 1, 18]);
  });

  it("computes chunk properties as Python's int() does", () => {
    const chunked = new KyutaiSpeechToTextFeatureExtractor({ sampling_rate: 24000, chunk_length_s: 0.1, overlap: 0.3 });
    expect(chunked.chunk_length).toBe(2400);
    expect(chunked.chunk_stride).toBe(1680);
    expect(new KyutaiSpeechToTextFeatureExtractor({ chunk_length_s: 1, overlap: 1 }).chunk_stride).toBe(1);
    expect(extractor.chunk_length).toBeNull();
    expect(extractor.chunk_stride).toBeNull();
  });

  it.each([
    ["no samples", new Float32Array(0), "ERR_INVALID_AUDIO", "no samples"],
    ["NaN", Float32Array.of(0, Number.NaN), "ERR_INVALID_AUDIO", "sample 1 is NaN"],
    ["infinity", [0, 1, Number.NEGATIVE_INFINITY], "ERR_INVALID_AUDIO", "sample 2 is -Infinity"],
    ["ten channels", [Array.from({ length: 10 }, () => [0, 0])], "ERR_INVALID_AUDIO", "has 10 channels"],
    ["three dimensions", new Tensor("float32", new Float32Array(2), [1, 1, 2]), "ERR_INVALID_AUDIO", "(1, 1, 2)"],
    ["text in the samples", [0, "1"] as unknown as number[], "ERR_INVALID_ARGUMENT", '"1"'],
    ["an object", {} as unknown as number[], "ERR_INVALID_ARGUMENT", "read_audio"],
  ] as const)("refuses %s", async (_name, audio, code, words) => {
    const attempt = extractor(audio as AudioInput, { sampling_rate: 10 });
    await expectCode(attempt, code);
    const error: unknown = await attempt.catch((reason: unknown) => reason);
    expect(`${(error as Error).message} ${(error as { remedy?: string }).remedy}`).toContain(words);
  });

  it.each([
    [{ sampling_rate: 10, paddding: true }, "'paddding'"],
    [{ sampling_rate: 10, max_length: 1.5 }, "'max_length'"],
    [{ sampling_rate: 10, return_tensors: "gguf" }, "is not a valid TensorType, please select one of"],
  ])("refuses the options %o", async (options, words) => {
    await expectCode(extractor([1], options), "ERR_INVALID_ARGUMENT");
    await expect(extractor([1], options)).rejects.toThrow(words);
  });

  it("takes one sample", async () => {
    const { input_values } = await extractor([0.25], { sampling_rate: 10 });
    expect([...input_values.data]).toEqual([0.25, ...Array.from({ length: 10 }, () => 0)]);
  });
});

describe("feature extractor files", () => {
  it("reads preprocessor_config.json and keeps what it does not know", async () => {
    const extractor = await KyutaiSpeechToTextFeatureExtractor.from_pretrained(DIGITS_EN);
    expect(extractor.audio_delay_seconds).toBeCloseTo(0.56);
    expect(extractor.to_dict()).toMatchObject({
      feature_extractor_type: "KyutaiSpeechToTextFeatureExtractor",
      processor_class: "KyutaiSpeechToTextProcessor",
      sampling_rate: 24000,
    });
  });

  it("prefers the nested entry of processor_config.json, and survives saving", async () => {
    const folder = await mkdtemp(join(tmpdir(), "kstt-"));
    try {
      const saved = new KyutaiSpeechToTextFeatureExtractor({ audio_delay_seconds: 2.5 });
      await saved.save_pretrained(folder);
      expect((await KyutaiSpeechToTextFeatureExtractor.from_pretrained(folder)).to_dict()).toEqual(saved.to_dict());
      const nested = { feature_extractor: { audio_delay_seconds: 0.5 } };
      await writeFile(join(folder, "processor_config.json"), JSON.stringify(nested));
      expect((await KyutaiSpeechToTextFeatureExtractor.from_pretrained(folder)).audio_delay_seconds).toBe(0.5);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
