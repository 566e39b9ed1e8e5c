/** Checkpoints whose own files ask for rules, sampling or an end: generate() follows them as transformers 5.18 does. */
import { readFileSync } from "node:fs";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  convertModel,
  type GenerateOptions,
  KyutaiSpeechToTextForConditionalGeneration,
  KyutaiSpeechToTextProcessor,
  SpeechToText,
  setWarningListener,
  type Tensor,
} from "../../ts/index.node.js";
import { audioSignal } from "./audio-signal.js";

type Entries = Readonly<Record<string, unknown>>;

interface StoredCase {
  readonly name: string;
  /** Of generation_config.json; undefined: there is no such file. */
  readonly stored?: Entries;
  /** Of config.json. */
  readonly config?: Entries;
  readonly options?: Entries;
  readonly generation_config?: Entries;
  readonly tokens: readonly (readonly number[])[];
}

const FOLDER = fileURLToPath(new URL("../fixtures/generate/stored", import.meta.url));
const manifest = JSON.parse(readFileSync(join(FOLDER, "manifest.json"), "utf8")) as {
  readonly checkpoint: string;
  readonly rows: readonly { readonly seed: number; readonly samples: number }[];
  readonly cases: readonly StoredCase[];
};
const SOURCE = join(FOLDER, manifest.checkpoint);

let root: string;
let input_values: Tensor<"float32">;
const warnings: string[] = [];
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "kstt-stored-"));
  const processor = await KyutaiSpeechToTextProcessor.from_pretrained(SOURCE);
  ({ input_values } = await processor(manifest.rows.map(({ seed, samples }) => audioSignal(seed, samples))));
  setWarningListener((message) => warnings.push(message));
});
afterAll(async () => {
  setWarningListener();
  await rm(root, { recursive: true });
});

/** A checkpoint with these entries in its files. */
async function makeCheckpoint(name: string, { stored, config }: Pick<StoredCase, "stored" | "config">) {
  const folder = join(root, name.replaceAll(/\W/g, "-"));
  await cp(SOURCE, folder, { recursive: true });
  const edit = async (file: string, entries: Entries = {}): Promise<void> => {
    const values = JSON.parse(await readFile(join(SOURCE, file), "utf8")) as Entries;
    await rm(join(folder, file));
    await writeFile(join(folder, file), JSON.stringify({ ...values, ...entries }));
  };
  await edit("config.json", config);
  await (stored === undefined ? rm(join(folder, "generation_config.json")) : edit("generation_config.json", stored));
  return folder;
}

async function tokensOf(checkpoint: string, one: Pick<StoredCase, "options" | "generation_config">): Promise<unknown> {
  await using model = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(checkpoint, { backend: "cpu" });
  const options: GenerateOptions = { input_values, ...one.options, generation_config: one.generation_config };
  return (await model.generate(options)).tolist().map((row) => (row as bigint[]).map(Number));
}

test.each(manifest.cases.map((one) => [one.name, one] as const))("%s", async (name, one) => {
  expect(await tokensOf(await makeCheckpoint(name, one), one)).toEqual(one.tokens);
});

const rules = manifest.cases.find(({ name }) => name === "rules") as StoredCase;

describe("whoever does not follow the settings says so", () => {
  test("what the files say is warned of where it has no effect", async () => {
    const folder = await makeCheckpoint("useless", {
      stored: { temperature: 0.5, length_penalty: 2, max_new_tokens: 3 },
    });
    warnings.length = 0;
    await tokensOf(folder, {});
    expect(warnings).toEqual([
      "The following generation flags are not valid and may be ignored: ['temperature', 'length_penalty']",
      expect.stringContaining("`max_new_tokens` (3) of the generation config is overruled"),
    ]);
  });

  test("what generate() cannot do is refused by it, not by loading", async () => {
    const folder = await makeCheckpoint("beams", { stored: { num_beams: 3 } });
    await using model = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(folder, { backend: "cpu" });
    await expect(model.generate({ input_values })).rejects.toMatchObject({
      code: "ERR_INVALID_ARGUMENT",
      message: expect.stringContaining("'num_beams' = 3"),
    });
    const plain = { num_beams: 1 };
    expect((await model.generate({ input_values, ...plain })).dims[0]).toBe(2);
    expect((await model.generate({ input_values, generation_config: plain })).dims[0]).toBe(2);
  });

  test("transcription warns, and gives the words of a model without them", async () => {
    const folder = await makeCheckpoint("transcribed", rules);
    warnings.length = 0;
    await using ruled = await SpeechToText.load(folder, { backend: "cpu", threads: 1 });
    expect(ruled.info.unusedSettings).toEqual(["repetition_penalty", "no_repeat_ngram_size", "suppress_tokens"]);
    expect(warnings).toEqual([
      expect.stringContaining("sets repetition_penalty, no_repeat_ngram_size, suppress_tokens, which transcription"),
    ]);
    await using plain = await SpeechToText.load(SOURCE, { backend: "cpu", threads: 1 });
    expect(plain.info.unusedSettings).toEqual([]);
    expect(warnings).toHaveLength(1);
    const audio = { samples: audioSignal(51, 40_000), rate: 24_000 };
    expect((await ruled.transcribe(audio)).text).toBe((await plain.transcribe(audio)).text);
  });

  test("a GGUF file keeps them", async () => {
    const folder = await makeCheckpoint("converted", rules);
    const file = join(root, "converted.gguf");
    await convertModel(folder, file, { dtype: "f32" });
    expect(await tokensOf(file, {})).toEqual(rules.tokens);
    await using stt = await SpeechToText.load(file, { backend: "cpu", threads: 1 });
    expect(stt.info.unusedSettings).toHaveLength(3);
  });
});
