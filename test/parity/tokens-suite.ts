/** Codes and tokens of one fixture through the public classes, on a backend. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  KyutaiSpeechToTextForConditionalGeneration,
  KyutaiSpeechToTextProcessor,
  type PretrainedModelOptions,
  read_audio,
  type Tensor,
} from "../../ts/index.node.js";
import { audioSignal } from "./audio-signal.js";
import type { Fixture, NestedIds, ParityCase, RecordingRow, SignalRow } from "./fixture.js";
import tolerances from "./tolerances.json" with { type: "json" };

const RATE = 24_000;

export function testTokensAndCodes(fixture: Fixture, options: PretrainedModelOptions): void {
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
      const weights = await readFile(join(fixture.checkpoint, "model.safetensors"));
      const hash = createHash("sha256").update(weights).digest("hex");
      expect(hash, `out of date; run tools/oracle/make-fixtures.py ${fixture.name}`).toBe(checkpoint_sha256);
    });
  }

  // The window size changes nothing in encode.
  const wholeInput = fixture.manifest.cases.filter((one) => one.audio_window_size === null);
  test.each(wholeInput)("$name: codes", async (one) => {
    const { input_values } = await inputsOf(processor, one);
    const { audio_codes } = await model.codec_model.encode(input_values);
    const expected = fixture.ids(`${one.name}.codes`) as number[][][];
    expect(firstDifference(nested(audio_codes), expected)).toBeUndefined();
  });

  test.each([...fixture.manifest.cases])("$name: tokens and texts", async (one) => {
    const output = await model.generate({
      ...(await inputsOf(processor, one)),
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

async function inputsOf(processor: KyutaiSpeechToTextProcessor, { rows }: ParityCase) {
  return processor(await Promise.all(rows.map(audioOf)), { sampling_rate: RATE });
}

export async function audioOf(row: SignalRow | RecordingRow): Promise<Float32Array> {
  if ("seed" in row) {
    return audioSignal(row.seed, row.samples);
  }
  const recording = await read_audio(fileURLToPath(new URL(`../../${row.file}`, import.meta.url)), RATE);
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

/** Where two nested arrays first differ, in words. */
export function firstDifference(found: NestedIds, expected: NestedIds, path = ""): string | undefined {
  if (found.length !== expected.length) {
    return `${path}: ${found.length} values instead of ${expected.length}`;
  }
  for (const [index, want] of expected.entries()) {
    const here = `${path}[${index}]`;
    const have = found[index];
    if (Array.isArray(want) && Array.isArray(have)) {
      const inner = firstDifference(have, want, here);
      if (inner !== undefined) {
        return inner;
      }
    } else if (have !== want) {
      return `${here}: ${have} instead of ${want}`;
    }
  }
  return undefined;
}

/** Share of equal tokens. */
export function agreement(found: number[][], expected: number[][]): number {
  const have = found.flat();
  const want = expected.flat();
  return have.length === want.length ? want.filter((token, i) => have[i] === token).length / want.length : 0;
}
