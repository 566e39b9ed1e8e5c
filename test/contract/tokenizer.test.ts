/** KyutaiSpeechToTextTokenizer on the addon, against stored results of sentencepiece and tokenizers. */
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convertModel, KyutaiSpeechToTextTokenizer } from "../../ts/index.node.js";
import { DIGITS_EN } from "../unit/support/fixture.js";
import { expectCode } from "./subject.js";

const FIXTURES = join(import.meta.dirname, "../fixtures/tokenizer");

interface Results {
  ids: string[];
  texts: (string | null)[];
  any_ids: string[];
  any_texts: string[];
}

const numbers = (ids: string): number[] => (ids === "" ? [] : ids.split(" ").map(Number));

let folder: string;
let lines: string[];
let models: Record<string, Results>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kstt-tokenizer-"));
  ({ lines, models } = JSON.parse(await readFile(join(FIXTURES, "expected.json"), "utf8")));
});
afterAll(() => rm(folder, { recursive: true }));

/** A folder that holds one vocabulary under the name that checkpoints use. */
async function folderOf(name: string, as = name): Promise<string> {
  const path = join(folder, `${as}-${name}`);
  await mkdir(path, { recursive: true });
  await copyFile(join(FIXTURES, name), join(path, as));
  return path;
}

function compare(tokenizer: KyutaiSpeechToTextTokenizer, results: Results): void {
  for (const [index, line] of lines.entries()) {
    const ids = numbers(results.ids[index] ?? "");
    expect(tokenizer.encode(line), JSON.stringify(line)).toEqual(ids);
    expect(tokenizer.decode(ids), JSON.stringify(line)).toBe(results.texts[index] ?? line);
  }
  expect(tokenizer.batch_decode(results.any_ids.map(numbers))).toEqual(results.any_texts);
}

describe("results of the libraries", () => {
  for (const name of ["unigram-nfkc", "unigram-rules", "bpe-identity", "bpe-rules"]) {
    it(`${name}.model as sentencepiece`, async () => {
      const model = `${name}.model`;
      const tokenizer = await KyutaiSpeechToTextTokenizer.from_pretrained(await folderOf(model));
      compare(tokenizer, models[model] as Results);
    });
  }
  for (const name of ["unigram.json", "bpe.json"]) {
    it(`${name} as tokenizers`, async () => {
      const inFolder = await KyutaiSpeechToTextTokenizer.from_pretrained(await folderOf(name, "tokenizer.json"));
      compare(inFolder, models[name] as Results);
      const alone = await KyutaiSpeechToTextTokenizer.from_file(join(FIXTURES, name));
      compare(alone, models[name] as Results);
      expect(alone.vocab_size).toBe(inFolder.vocab_size);
    });
  }
});

describe("a vocabulary", () => {
  it("is read from a file, a folder and a GGUF file, and saved again", async () => {
    const url = pathToFileURL(join(FIXTURES, "bpe-identity.model"));
    const tokenizer = await KyutaiSpeechToTextTokenizer.from_file(url);
    expect(tokenizer.vocab_size).toBe(700);
    expect(tokenizer.convert_ids_to_tokens([0, 3, 4, 700, 2 ** 40])).toEqual([
      "<unk>",
      "<pad>",
      "<0x00>",
      undefined,
      undefined,
    ]);
    const ids = tokenizer.encode("the cat");
    expect(tokenizer.decode([48_000, 3, ...ids, 0, 2 ** 40], { skip_special_tokens: true })).toBe("the cat");

    const saved = join(folder, "saved");
    await tokenizer.save_pretrained(saved);
    const copy = await KyutaiSpeechToTextTokenizer.from_pretrained(saved);
    expect(copy.encode("the cat")).toEqual(ids);
    const bytes = await readFile(join(saved, "bpe-identity.model"));
    expect(bytes.equals(await readFile(url))).toBe(true);
    // As transformers' converter made it.
    const made = JSON.parse(await readFile(join(saved, "tokenizer.json"), "utf8"));
    expect(made).toEqual(JSON.parse(await readFile(join(FIXTURES, "bpe.json"), "utf8")));
    const settings = JSON.parse(await readFile(join(saved, "tokenizer_config.json"), "utf8"));
    expect(settings).toMatchObject({ unk_token: "<unk>", bos_token: "<s>", pad_token: "<pad>" });
    const suffix = await KyutaiSpeechToTextTokenizer.from_file(join(FIXTURES, "bpe-rules.model"));
    await suffix.save_pretrained(join(folder, "suffix"));
    expect(await readdir(join(folder, "suffix"))).toEqual(["bpe-rules.model"]);

    const gguf = join(folder, "digits.gguf");
    await convertModel(DIGITS_EN, gguf, { dtype: "f16" });
    const inside = await KyutaiSpeechToTextTokenizer.from_pretrained(gguf);
    const digits = await KyutaiSpeechToTextTokenizer.from_pretrained(DIGITS_EN);
    expect(inside.encode("one nine")).toEqual(digits.encode("one nine"));
    expect(inside.decode([3, 0, 261, 269])).toBe(digits.decode([3, 0, 261, 269]));
    expect(inside.vocab_size).toBe(digits.vocab_size);
    await inside.save_pretrained(join(folder, "from-gguf"));
    const json = await readFile(join(folder, "from-gguf", "tokenizer.json"));
    expect(json.equals(await readFile(join(DIGITS_EN, "tokenizer.json")))).toBe(true);
  });

  it("that cannot be read is reported with its reason", async () => {
    const { from_pretrained: load, from_file: open } = KyutaiSpeechToTextTokenizer;
    const empty = join(folder, "empty");
    await mkdir(empty);
    await expectCode(load(empty), "ERR_FILE_NOT_FOUND");
    await writeFile(join(empty, "a.model"), "no model");
    await expectCode(load(empty), "ERR_MODEL_FORMAT");
    await writeFile(join(empty, "b.model"), "no model");
    await expectCode(load(empty), "ERR_MODEL_UNSUPPORTED");
    await expectCode(open(join(empty, "c.model")), "ERR_FILE_NOT_FOUND");
    await expectCode(open(join(FIXTURES, "../api/config.json")), "ERR_MODEL_FORMAT");
    await writeFile(join(empty, "notes.txt"), "");
    await expectCode(open(join(empty, "notes.txt")), "ERR_MODEL_UNSUPPORTED");
  });

  it("that the core cannot encode with still decodes", async () => {
    const path = await folderOf("unigram.json", "tokenizer.json");
    const json = JSON.parse(await readFile(join(path, "tokenizer.json"), "utf8"));
    json.normalizer = { type: "NFKC" };
    const changed = join(folder, "nfkc");
    await mkdir(changed);
    await writeFile(join(changed, "tokenizer.json"), JSON.stringify(json));
    const tokenizer = await KyutaiSpeechToTextTokenizer.from_pretrained(changed);
    expect(tokenizer.decode(numbers(models["unigram.json"]?.any_ids[5] ?? ""))).toBe(
      models["unigram.json"]?.any_texts[5],
    );
    await expectCode(() => tokenizer.encode("a"), "ERR_MODEL_UNSUPPORTED");
    await expectCode(() => tokenizer.encode(3 as unknown as string), "ERR_INVALID_ARGUMENT");
  });
});
