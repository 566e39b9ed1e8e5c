/** The processor's call on the addon, argument by argument, against stored results of transformers 5.18. */
import { beforeAll, describe, expect, it } from "vitest";
import { BatchFeature, KyutaiSpeechToTextProcessor, type ProcessorOptions } from "../../ts/index.node.js";
import { DIGITS_EN, readFixture } from "../unit/support/fixture.js";
import { collectWarnings } from "../unit/support/warnings.js";
import { expectCode } from "./subject.js";

type Values = Readonly<Record<string, unknown>>;

interface TextCase {
  readonly name: string;
  readonly text: string | string[];
  readonly rows: number;
  readonly call: ProcessorOptions;
  readonly keys: string[];
  readonly input_ids: number[][];
  readonly attention_mask: number[][];
  readonly error?: string;
}

const golden = readFixture<{
  model_input_names: string[];
  text: TextCase[];
  errors: { call: Values; error: string }[];
  chat: string;
}>("api/processor.json");

const AUDIO = new Float32Array(2400);
/** Its first words; of the wrong rate, whose message holds the whole configuration, the last ones. */
const wordsOf = (error: string): string =>
  /with 24000 and not 16000/.exec(error)?.[0] ?? error.slice(0, 46).replaceAll("\n", " ").trim();

describe("KyutaiSpeechToTextProcessor", () => {
  const warnings = collectWarnings();
  let processor: KyutaiSpeechToTextProcessor;
  beforeAll(async () => {
    processor = await KyutaiSpeechToTextProcessor.from_pretrained(DIGITS_EN);
  });

  it.each(golden.text.map((one) => [one.name, one] as const))("text: %s", async (_, one) => {
    const audio = Array.from({ length: one.rows }, () => AUDIO);
    const call = { ...one.call, text: one.text };
    for (const run of [() => processor(audio, call), () => processor({ ...call, audio })]) {
      if (one.error !== undefined) {
        const attempt = run();
        await expectCode(attempt, "ERR_INVALID_ARGUMENT");
        await expect(attempt).rejects.toThrow(wordsOf(one.error));
        continue;
      }
      const features = await run();
      expect(features).toBeInstanceOf(BatchFeature);
      expect(features.keys().toSorted()).toEqual(one.keys);
      const numbers = (name: "input_ids" | "attention_mask") =>
        features[name]?.tolist().map((row) => (row as bigint[]).map(Number));
      expect(numbers("input_ids")).toEqual(one.input_ids);
      expect(numbers("attention_mask")).toEqual(one.attention_mask);
      expect(features.input_ids?.type).toBe("int64");
    }
    expect(warnings).toEqual([]);
  });

  it.each(golden.errors.map((one) => [JSON.stringify(one.call), one] as const))("refuses %s", async (_, one) => {
    const call = processor(one.call as never);
    await expect(call).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT", remedy: expect.any(String) });
    await expect(call).rejects.toThrow(wordsOf(one.error));
  });

  it("has nothing for pictures, and says so instead of ignoring them", async () => {
    for (const name of ["images", "videos"]) {
      await expect(processor(AUDIO, { [name]: AUDIO } as object)).rejects.toThrow(`nothing to process '${name}' with`);
    }
    await processor(AUDIO, { images: null, images_kwargs: { size: 3 } } as object);
    expect(warnings).toEqual([expect.stringContaining("`images_kwargs` is not a valid argument")]);
  });

  it("refuses options of the text that it does not have", async () => {
    const call = processor(AUDIO, { text: "one", text_kwargs: { return_length: true } as object });
    await expect(call).rejects.toThrow("text_kwargs: unknown option 'return_length'");
    const wrong: object[] = [
      { text_kwargs: 3 },
      { text_kwargs: { padding: "widest" } },
      { text_kwargs: { padding_side: "up" } },
      { text_kwargs: { return_tensors: "list" } },
      { common_kwargs: { return_tensors: "list" } },
    ];
    for (const options of wrong) {
      await expectCode(processor(AUDIO, { text: "one", ...options }), "ERR_INVALID_ARGUMENT");
    }
  });

  it("has the members of transformers", async () => {
    expect(processor.model_input_names).toEqual(golden.model_input_names);
    expect(() => processor.apply_chat_template([{ role: "user", content: "one" }])).toThrow(golden.chat);
    expect(processor.tokenizer.pad_token_id).toBe(3);
  });
});
