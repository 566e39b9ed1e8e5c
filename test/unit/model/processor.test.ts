import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KyutaiSpeechToTextFeatureExtractor } from "../../../ts/model/kyutai-speech-to-text-feature-extractor.js";
import { KyutaiSpeechToTextProcessor } from "../../../ts/model/kyutai-speech-to-text-processor.js";
import { KyutaiSpeechToTextTokenizer } from "../../../ts/model/tokenizer.js";
import { Tensor } from "../../../ts/tensor/tensor.js";
import { expectCode } from "../../contract/subject.js";
import { useFakeBackend } from "../support/fake-backend.js";
import { DIGITS_EN, fixturePath, readFixture } from "../support/fixture.js";
import { collectWarnings } from "../support/warnings.js";

const sequences = readFixture<{ ids: number[]; skipped: string; full: string }[]>("api/decode.json");

function bytes({ data }: Tensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

describe("tokenizer", () => {
  it("decodes as the tokenizers of Python", async () => {
    const tokenizer = await KyutaiSpeechToTextTokenizer.from_pretrained(fixturePath("api/tokenizer"));
    for (const { ids, skipped, full } of sequences) {
      expect(tokenizer.decode(ids, { skip_special_tokens: true }), JSON.stringify(ids)).toBe(skipped);
      expect(tokenizer.decode(ids), JSON.stringify(ids)).toBe(full);
    }
    expect(tokenizer.batch_decode(sequences.map(({ ids }) => ids))).toEqual(sequences.map(({ full }) => full));
  });

  it("decodes without a backend, and says why it cannot encode then", async () => {
    const tokenizer = await KyutaiSpeechToTextTokenizer.from_pretrained(DIGITS_EN);
    expect(tokenizer.decode([261])).toBe("one");
    expect(tokenizer.vocab_size).toBe(270);
    expect(tokenizer.convert_ids_to_tokens([3, 261, 9999])).toEqual(["<pad>", "\u2581one", undefined]);
    await expectCode(() => tokenizer.encode("one"), "ERR_BACKEND_UNAVAILABLE");
  });

  it("takes ids in every form generate() and users have them", async () => {
    const tokenizer = await KyutaiSpeechToTextTokenizer.from_pretrained(DIGITS_EN);
    const ids = [270, 3, 0, 261, 269];
    const bigints = BigInt64Array.from(ids, BigInt);
    const expected = "one nine";
    const options = { skip_special_tokens: true };
    for (const form of [ids, [...bigints], bigints, Int32Array.from(ids), new Tensor("int64", bigints, [5])]) {
      expect(tokenizer.decode(form, options)).toBe(expected);
    }
    const batch = new Tensor("int64", BigInt64Array.from([...bigints, ...bigints]), [2, 5]);
    expect(tokenizer.batch_decode(batch, options)).toEqual([expected, expected]);
    // transformers 5: a batch gives a list.
    expect(tokenizer.decode(batch, options)).toEqual([expected, expected]);
    expect(tokenizer.decode([ids, bigints, batch.at(0)], options)).toEqual([expected, expected, expected]);
    expect(tokenizer.decode([])).toBe("");
    await expectCode(() => tokenizer.decode(batch.view(1, 2, 5)), "ERR_INVALID_ARGUMENT");
    await expectCode(() => tokenizer.decode([[ids]] as never), "ERR_INVALID_ARGUMENT");
    await expectCode(() => tokenizer.decode([ids, 5] as never), "ERR_INVALID_ARGUMENT");
    await expectCode(() => tokenizer.decode([-1]), "ERR_INVALID_ARGUMENT");
    await expectCode(() => tokenizer.batch_decode([1, 2] as unknown as number[][]), "ERR_INVALID_ARGUMENT");
  });

  it("takes the tensors of other libraries, which need not be iterable", async () => {
    const tokenizer = await KyutaiSpeechToTextTokenizer.from_pretrained(DIGITS_EN);
    const data = BigInt64Array.of(261n, 269n);
    const foreign = (...dims: number[]): never => ({ type: "int64", data, dims }) as never;
    expect(tokenizer.decode(foreign(2))).toBe("one nine");
    expect(tokenizer.batch_decode(foreign(2, 1))).toEqual(["one", "nine"]);
    expect(tokenizer.decode(foreign(1, 2))).toEqual(["one nine"]);
    await expectCode(() => tokenizer.decode(foreign(1, 1, 2)), "ERR_INVALID_ARGUMENT");
  });

  it.each([261, null, undefined, "one", {}, new DataView(new ArrayBuffer(8))])(
    "refuses %o, which is no sequence of ids, instead of giving no text",
    async (ids) => {
      const tokenizer = await KyutaiSpeechToTextTokenizer.from_pretrained(DIGITS_EN);
      await expectCode(() => tokenizer.decode(ids as never), "ERR_INVALID_ARGUMENT");
      await expectCode(() => tokenizer.batch_decode(ids as never), "ERR_INVALID_ARGUMENT");
    },
  );

  it.each([
    [{ skip_special_token: true }, "'skip_special_token'"],
    [{ spaces_between_special_tokens: false }, "'spaces_between_special_tokens'"],
    [{ skip_special_tokens: 1 }, "'skip_special_tokens' must be true or false"],
    [{ clean_up_tokenization_spaces: "no" }, "'clean_up_tokenization_spaces' must be true or false"],
    [true, "options must be an object"],
  ])("refuses to decode with %o", async (options, words) => {
    const tokenizer = await KyutaiSpeechToTextTokenizer.from_pretrained(DIGITS_EN);
    for (const run of [
      () => tokenizer.decode([261], options as never),
      () => tokenizer.batch_decode([[261]], options as never),
    ]) {
      await expectCode(run, "ERR_INVALID_ARGUMENT");
      expect(run).toThrow(words);
    }
  });

  describe("files", () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "kstt-"));
    });
    afterAll(() => rm(folder, { recursive: true }));

    it("reports a missing and a broken tokenizer.json", async () => {
      await expectCode(KyutaiSpeechToTextTokenizer.from_pretrained(folder), "ERR_FILE_NOT_FOUND");
      for (const text of ["{", "{}", '{"model": {"type": "Unigram", "vocab": 3}}']) {
        await writeFile(join(folder, "tokenizer.json"), text);
        await expectCode(KyutaiSpeechToTextTokenizer.from_pretrained(folder), "ERR_MODEL_FORMAT");
      }
    });
  });
});

describe("processor", () => {
  const warnings = collectWarnings();
  const audio = Float32Array.from({ length: 2400 }, (_, index) => Math.sin(index / 10) / 2);
  let processor: KyutaiSpeechToTextProcessor;
  beforeAll(async () => {
    processor = await KyutaiSpeechToTextProcessor.from_pretrained("digits-en");
  });

  it("gives what the feature extractor gives at the model's rate", async () => {
    const inputs = await processor(audio);
    const same = await processor.feature_extractor(audio, { sampling_rate: 24000 });
    expect(Buffer.compare(bytes(inputs.input_values), bytes(same.input_values))).toBe(0);
    expect(inputs.input_values.dims).toEqual([1, 1, 2400 + 37440]);
    expect(inputs.padding_mask?.dims).toEqual([1, 2400 + 37440]);
    expect(Object.keys({ ...inputs }).sort()).toEqual(["input_values", "padding_mask"]);
    expect(inputs.to("cuda")).toBe(inputs);
    expect(await processor._call([audio, audio.subarray(0, 100)], { padding: true })).toHaveProperty(
      "input_values.dims",
      [2, 1, 2400 + 37440],
    );
    expect(warnings).toEqual([]);
  });

  it("needs audio", async () => {
    for (const nothing of [undefined, null]) {
      const attempt = processor(nothing as unknown as Float32Array);
      await expect(attempt).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT", message: /^audio is required/ });
    }
  });

  it("refuses another rate and warns about options it does not know", async () => {
    await expect(processor(audio, { sampling_rate: 16000 })).rejects.toThrow("24000 and not 16000");
    await processor(audio, { spelling: 1 } as object);
    expect(warnings).toEqual([expect.stringContaining("`spelling` is not a valid argument")]);
    await processor(audio, { sampling_rate: null });
    expect(warnings[1]).toContain("`sampling_rate`");
  });

  it("reads files", async () => {
    useFakeBackend();
    const { input_values } = await processor(fixturePath("audio/u8.wav"));
    expect(input_values.dims.slice(0, 2)).toEqual([1, 1]);
    const both = await processor([fixturePath("audio/u8.wav"), audio]);
    expect(both.input_values.dims[0]).toBe(2);
    await expectCode(processor("no-such-file.wav"), "ERR_FILE_NOT_FOUND");
  });

  it("decodes", () => {
    expect(processor.decode([270, 0, 260], { skip_special_tokens: true })).toBe("zero");
    expect(processor.batch_decode([[261], [262, 263]])).toEqual(["one", "two three"]);
    expect(processor.decode([[261], [262, 263]])).toEqual(["one", "two three"]);
  });

  it("is saved and loaded, and checks its parts", async () => {
    const folder = await mkdtemp(join(tmpdir(), "kstt-"));
    try {
      await processor.save_pretrained(folder);
      const copy = await KyutaiSpeechToTextProcessor.from_pretrained(folder);
      expect(copy.feature_extractor.to_dict()).toEqual(processor.feature_extractor.to_dict());
      expect(copy.decode([261])).toBe("one");
    } finally {
      await rm(folder, { recursive: true });
    }
    const extractor = new KyutaiSpeechToTextFeatureExtractor();
    await expectCode(
      () => new KyutaiSpeechToTextProcessor(extractor, {} as KyutaiSpeechToTextTokenizer),
      "ERR_INVALID_ARGUMENT",
    );
  });
});

describe("model folders", () => {
  it("says what is wrong with a location", async () => {
    const load = (where: unknown): Promise<unknown> => KyutaiSpeechToTextProcessor.from_pretrained(where as string);
    await expectCode(load("no/such/folder"), "ERR_FILE_NOT_FOUND");
    await expectCode(load(join(DIGITS_EN, "config.json")), "ERR_INVALID_ARGUMENT");
    await expectCode(load(3), "ERR_INVALID_ARGUMENT");
    await expectCode(load(""), "ERR_INVALID_ARGUMENT");
    await expectCode(load(new URL("http://localhost/model")), "ERR_INVALID_ARGUMENT");
    const offline = { local_files_only: true, cache_dir: "none" };
    await expect(
      KyutaiSpeechToTextProcessor.from_pretrained("kyutai/stt-1b-en_fr-trfs", offline),
    ).rejects.toMatchObject({
      code: "ERR_HUB_OFFLINE",
      message: expect.stringContaining('there is no folder "kyutai/stt-1b-en_fr-trfs"'),
      remedy: expect.stringContaining("Download"),
    });
  });

  it("takes file URLs", async () => {
    const folder = await mkdtemp(join(tmpdir(), "kstt a-"));
    try {
      await cp(DIGITS_EN, folder, { recursive: true, filter: (path) => !path.endsWith(".safetensors") });
      const url = new URL(`file://${folder.replaceAll(" ", "%20")}`);
      expect((await KyutaiSpeechToTextProcessor.from_pretrained(url)).decode([261])).toBe("one");
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
