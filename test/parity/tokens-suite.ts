/** Codes and tokens of one fixture through the public classes, on a backend. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type {
  KyutaiSpeechToTextForConditionalGeneration,
  KyutaiSpeechToTextProcessor,
  PretrainedModelOptions,
  Tensor,
} from "../../ts/index.common.js";
import { audioSignal } from "./audio-signal.js";
import {
  agreement,
  type Fixture,
  firstDifference,
  type NestedIds,
  type ParityCase,
  type RecordingRow,
  type SignalRow,
} from "./expected.js";
import tolerances from "./tolerances.json" with { type: "json" };

const RATE = 24_000;

/** Where the tests run: in Node or in a page. */
export interface Platform {
  readonly api: Pick<
    typeof import("../../ts/index.common.js"),
    "KyutaiSpeechToTextForConditionalGeneration" | "KyutaiSpeechToTextProcessor" | "read_audio"
  >;
  /** What read_audio() takes for a file, which is named from the repository's root. */
  locate(file: string): string;
  /** A file of a model; `model`: as in a fixture. */
  read(model: string, file: string): Promise<Uint8Array<ArrayBuffer>>;
}

export function testTokensAndCodes(fixture: Fixture, options: PretrainedModelOptions, platform: Platform): void {
  const { KyutaiSpeechToTextForConditionalGeneration, KyutaiSpeechToTextProcessor } = platform.api;
  let processor: KyutaiSpeechToTextProcessor;
  let model: KyutaiSpeechToTextForConditionalGeneration;

  beforeAll(async () => {
    processor = await KyutaiSpeechToTextProcessor.from_pretrained(fixture.checkpoint);
    model = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(fixture.checkpoint, options);
  });
  afterAll(() => model.dispose());

  const { checkpoint_sha256 } = fixture.manifest;
  if (checkpoint_sha256 !== undefined) {
    test("was made from the model as it is now", async () => {
      const weights = await platform.read(fixture.checkpoint, "model.safetensors");
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", weights));
      const hash = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
      expect(hash, `out of date; run tools/oracle/make-fixtures.py ${fixture.name}`).toBe(checkpoint_sha256);
    });
  }

  // The window size changes nothing in encode.
  const wholeInput = fixture.manifest.cases.filter((one) => one.audio_window_size === null);
  test.each(wholeInput)("$name: codes", async (one) => {
    const { input_values } = await inputsOf(processor, one, platform);
    const { audio_codes } = await model.codec_model.encode(input_values);
    const expected = fixture.ids(`${one.name}.codes`) as number[][][];
    expect(firstDifference(nested(audio_codes), expected)).toBeUndefined();
  });

  test.each([...fixture.manifest.cases])("$name: tokens and texts", async (one) => {
    const output = await model.generate({
      ...(await inputsOf(processor, one, platform)),
      max_new_tokens: one.max_new_tokens ?? undefined,
      audio_window_size: one.audio_window_size ?? undefined,
    });
    const found = nested(output) as number[][];
    const expected = fixture.ids(`${one.name}.tokens`) as number[][];
    if (fixture.manifest.dtype === "f32") {
      expect(firstDifference(found, expected)).toBeUndefined();
    } else {
      expect(agreement(found, expected)).toBeGreaterThanOrEqual(tolerances[fixture.manifest.dtype].forced_agreement);
    }
    const texts = processor.batch_decode(expected, { skip_special_tokens: true });
    expect(texts).toEqual(one.texts);
  });
}

async function inputsOf(processor: KyutaiSpeechToTextProcessor, { rows }: ParityCase, platform: Platform) {
  const audio = await Promise.all(rows.map((row) => audioOf(row, platform)));
  return processor(audio, { sampling_rate: RATE });
}

export async function audioOf(row: SignalRow | RecordingRow, { api, locate }: Platform): Promise<Float32Array> {
  if ("seed" in row) {
    return audioSignal(row.seed, row.samples);
  }
  const recording = await api.read_audio(locate(row.file), RATE);
  const audio = new Float32Array(row.silence + row.repeat * recording.length);
  for (let i = 0; i < row.repeat; i++) {
    audio.set(recording, row.silence + i * recording.length);
  }
  return audio;
}

function nested(tensor: Tensor): NestedIds {
  const rows = tensor.tolist() as unknown;
  return toNumbers(rows);
}

function toNumbers(value: unknown): NestedIds {
  return Array.isArray(value)
    ? (value.map((item) => (Array.isArray(item) ? toNumbers(item) : Number(item))) as NestedIds)
    : [];
}
