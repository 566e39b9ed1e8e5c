/** One model in every layout: the same codes and tokens from each, and those of transformers. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type BatchFeature,
  KyutaiSpeechToTextConfig,
  KyutaiSpeechToTextForConditionalGeneration,
  KyutaiSpeechToTextProcessor,
  type Tensor,
} from "../../ts/index.node.js";
import { audioSignal } from "./audio-signal.js";
import type { Fixture, SignalRow } from "./expected.js";
import { readFixtures } from "./fixture.js";
import tolerances from "./tolerances.json" with { type: "json" };

const RATE = 24_000;
const LAYOUTS = fileURLToPath(new URL("../fixtures/layouts", import.meta.url));

interface LayoutCase {
  readonly folder: string;
  /** Parity fixture of the same model. */
  readonly source: string;
  /**
   * What must be equal: "all" codes and tokens; "codec": the decoder is packed, its tokens are its own; "decoder": the
   * codec's convolutions are in f16, a code may be another one.
   */
  readonly equal: "all" | "codec" | "decoder";
}

const CASES: readonly LayoutCase[] = [
  { folder: "original-f32", source: "plain-f32", equal: "all" },
  { folder: "candle-f32", source: "plain-f32", equal: "all" },
  { folder: "moshi.cpp-f32", source: "plain-f32", equal: "decoder" },
  { folder: "original-bf16", source: "bf16-mha", equal: "all" },
  { folder: "mlx-bf16", source: "bf16-mha", equal: "all" },
  { folder: "mlx-q8", source: "bf16-mha", equal: "codec" },
  { folder: "mlx-q4", source: "bf16-mha", equal: "codec" },
  { folder: "moshi.cpp-bf16", source: "bf16-mha", equal: "decoder" },
];

/** Behind four special ids and 256 bytes. */
const FIRST_PIECE = 260;

/** Codes of rounded convolutions that stay; far above what mixed-up weights would give. */
const ROUNDED_CODES = 0.9;

describe.each(CASES)("$folder", ({ folder, source, equal }) => {
  const path = join(LAYOUTS, folder);
  const fixture = readFixtures().find(({ name }) => name === source) as Fixture;
  let model: KyutaiSpeechToTextForConditionalGeneration;
  let processor: KyutaiSpeechToTextProcessor;
  let inputs: BatchFeature;

  beforeAll(async () => {
    model = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(path, { backend: "cpu", threads: 1 });
    processor = await KyutaiSpeechToTextProcessor.from_pretrained(path);
    const row = fixture.manifest.cases.find(({ name }) => name === "long")?.rows[0] as SignalRow;
    inputs = await processor(audioSignal(row.seed, row.samples), { sampling_rate: RATE });
  });
  afterAll(() => model.dispose());

  test("has the configuration of the transformers layout", async () => {
    const found = await KyutaiSpeechToTextConfig.from_pretrained(path);
    const expected = await KyutaiSpeechToTextConfig.from_pretrained(fixture.checkpoint);
    for (const key of [
      "vocab_size",
      "hidden_size",
      "head_dim",
      "sliding_window",
      "ffn_dim",
      "num_codebooks",
    ] as const) {
      expect(found[key], key).toBe(expected[key]);
    }
    expect(found.bos_token_id).toBe(expected.bos_token_id);
    expect(found.codec_config.to_dict()).toMatchObject({
      hidden_size: expected.codec_config.hidden_size,
      sliding_window: expected.codec_config.sliding_window,
      upsampling_ratios: expected.codec_config.upsampling_ratios,
    });
    expect(found.frame_size).toBe(expected.frame_size);
  });

  test("texts, from a SentencePiece vocabulary", async () => {
    const plain = await KyutaiSpeechToTextProcessor.from_pretrained(fixture.checkpoint);
    // Random bytes are no UTF-8, and the two libraries say so in different ways: whole pieces only.
    const pieces = (fixture.ids("long.tokens") as number[][]).map((row) => row.filter((id) => id >= FIRST_PIECE));
    const options = { skip_special_tokens: true };
    expect(pieces[0]?.length).toBeGreaterThan(100);
    expect(processor.batch_decode(pieces, options)).toEqual(plain.batch_decode(pieces, options));
  });

  test("codes", async () => {
    const { audio_codes } = await model.codec_model.encode(inputs.input_values);
    const expected = (fixture.ids("long.codes") as number[][][]).flat(2);
    const same = share(flat(audio_codes), expected);
    expect(same).toBeGreaterThanOrEqual(equal === "decoder" ? ROUNDED_CODES : 1);
  });

  test("tokens", async () => {
    const found = flat(await model.generate({ ...inputs }));
    const expected = (fixture.ids("long.tokens") as number[][]).flat();
    if (equal !== "all") {
      // Tokens of its own; the start token comes first and never again.
      expect(found.length).toBe(expected.length);
      expect([found.indexOf(model.config.vocab_size - 1), found.lastIndexOf(model.config.vocab_size - 1)]).toEqual([
        0, 0,
      ]);
    } else if (fixture.manifest.dtype === "f32") {
      expect(share(found, expected)).toBe(1);
    } else {
      expect(share(found, await tokensOf(fixture.checkpoint, inputs))).toBe(1);
      expect(share(found, expected)).toBeGreaterThanOrEqual(tolerances.bf16.forced_agreement);
    }
  });
});

/** What the same weights give in the transformers layout. */
async function tokensOf(checkpoint: string, inputs: BatchFeature): Promise<number[]> {
  const options = { backend: "cpu", threads: 1 } as const;
  const model = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(checkpoint, options);
  const tokens = flat(await model.generate({ ...inputs }));
  await model.dispose();
  return tokens;
}

function flat(tensor: Tensor): number[] {
  return Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}

function share(found: readonly number[], expected: readonly number[]): number {
  if (found.length !== expected.length) {
    return 0;
  }
  return found.filter((value, index) => value === expected[index]).length / expected.length;
}
