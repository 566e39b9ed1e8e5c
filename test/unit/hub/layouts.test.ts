/** Which repository and which of its files an id stands for. */
import { lstat, readlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { findHubModel } from "../../../ts/hub/hub-model.node.js";
import { expectCode } from "../../contract/subject.js";
import { expectContent, FAST, json, MODEL, modelFiles, noise, tree, useHub } from "./hub-fixture.js";
import { COMMIT, OTHER_COMMIT } from "./hub-server.js";

const fixture = useHub();

function find(id = MODEL, options: Parameters<typeof findHubModel>[1] = {}) {
  return findHubModel(id, options, FAST);
}

/** Puts a model of these files on the Hub and loads it; what came. */
async function filesOf(files: Record<string, Uint8Array>, id = MODEL): Promise<string[]> {
  fixture.hub.repositories.set(MODEL, { commit: COMMIT, files });
  await find(id);
  return tree(join(fixture.cache, "models--tests--model/snapshots", COMMIT));
}

const ORIGINAL = {
  mimi_name: "mimi@125.safetensors",
  tokenizer_name: "tokenizer.model",
  card: 2048,
};

describe("the files of a layout", () => {
  it("transformers, in shards", async () => {
    const files: Record<string, Uint8Array> = {
      ...modelFiles(),
      "model.safetensors.index.json": json({
        weight_map: { a: "one.safetensors", b: "two.safetensors", c: "one.safetensors" },
      }),
      "one.safetensors": noise(900, 5),
      "two.safetensors": noise(901, 5),
      "three.safetensors": noise(902, 5),
      "preprocessor_config.json": json({}),
    };
    delete files["model.safetensors"];
    expect(await filesOf(files)).toEqual([
      "config.json",
      "generation_config.json",
      "model.safetensors.index.json",
      "one.safetensors",
      "preprocessor_config.json",
      "tokenizer.json",
      "two.safetensors",
    ]);
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    await find();
  });

  it("original, with the names of config.json", async () => {
    const files = {
      "README.md": noise(80),
      "config.json": json(ORIGINAL),
      "model.safetensors": noise(1000, 5),
      "mimi@125.safetensors": noise(800, 6),
      "tokenizer.model": noise(200, 7),
      "other.safetensors": noise(100, 8),
    };
    const expected = ["config.json", "mimi@125.safetensors", "model.safetensors", "tokenizer.model"];
    expect(await filesOf(files)).toEqual(expected);
    // Without the weights nobody knows what they are.
    const { path } = await find(MODEL, { weights: false, cache_dir: `${fixture.cache}2` });
    expect(await tree(path)).toEqual(expected);
  });

  it("original, with the codec's dimensions, or the usual names where config.json has none", async () => {
    const files = {
      "config.json": json({ card: 2048, mimi_config_name: "mimi.json" }),
      "mimi.json": json({}),
      "model.safetensors": noise(1000, 5),
      "mimi-pytorch-e351c8d8@125.safetensors": noise(800, 6),
      "tokenizer_en_audio_4000.model": noise(200, 7),
    };
    expect(await filesOf(files)).toEqual(Object.keys(files).sort());
  });

  it("mlx, whose weights have another name", async () => {
    const files = {
      "config.json": json({ ...ORIGINAL, moshi_name: "model.q4.safetensors" }),
      "model.q4.safetensors": noise(1000, 5),
      "model.q8.safetensors": noise(1100, 5),
      "mimi@125.safetensors": noise(800, 6),
      "tokenizer.model": noise(200, 7),
    };
    expect(await filesOf(files)).not.toContain("model.q8.safetensors");
    const { path } = await find(`hf://${MODEL}/model.q8.safetensors`);
    await expectContent(path, noise(1100, 5));
  });

  it("one gguf: the loader gets the file", async () => {
    const files = { "README.md": noise(80), "stt-q8_0.gguf": noise(1000, 5) };
    expect(await filesOf(files)).toEqual(["stt-q8_0.gguf"]);
    const { path } = await find();
    expect(path.endsWith("stt-q8_0.gguf")).toBe(true);
    await expectContent(path, noise(1000, 5));
  });

  it("several gguf: one has to be named", async () => {
    const files = { "q8.gguf": noise(1000, 5), "sub/q4.gguf": noise(900, 5) };
    await expectCode(filesOf(files), "ERR_INVALID_ARGUMENT");
    await expect(find()).rejects.toMatchObject({
      message: expect.stringContaining("q8.gguf, sub/q4.gguf"),
      remedy: expect.stringContaining(`hf://${MODEL}/q8.gguf`),
    });
    expect(await filesOf(files, `hf://${MODEL}/sub/q4.gguf`)).toEqual(["sub/q4.gguf"]);
    await expectContent((await find(`hf://${MODEL}@main/sub/q4.gguf`, { local_files_only: true })).path, noise(900, 5));
    await expectCode(find(`hf://${MODEL}/q8.gguf`, { local_files_only: true }), "ERR_HUB_OFFLINE");
    await expectCode(find(`hf://${MODEL}/q5.gguf`), "ERR_HUB_NOT_FOUND");
  });

  it("files of other repositories stand beside, in a folder of links", async () => {
    const { hub, cache } = fixture;
    hub.repositories.set("tests/shared", { commit: OTHER_COMMIT, files: { "a/mimi.safetensors": noise(800, 6) } });
    const files = {
      "config.json": json({ ...ORIGINAL, mimi_name: "hf://tests/shared/a/mimi.safetensors" }),
      "model.safetensors": noise(1000, 5),
      "tokenizer.model": noise(200, 7),
    };
    hub.repositories.set(MODEL, { commit: COMMIT, files });
    const { path, source } = await find();
    expect(source).toMatchObject({ repository: MODEL, commit: COMMIT });
    expect(await tree(path)).toEqual(["config.json", "mimi.safetensors", "model.safetensors", "tokenizer.model"]);
    await expectContent(join(path, "mimi.safetensors"), noise(800, 6));
    expect((await lstat(join(path, "mimi.safetensors"))).isSymbolicLink()).toBe(true);
    expect(await readlink(join(path, "mimi.safetensors"))).toMatch(/^\.\..*models--tests--shared/);
    // The standard folders hold their own files only.
    expect(await tree(join(cache, "models--tests--model/snapshots", COMMIT))).not.toContain("mimi.safetensors");
    expect((await find(MODEL, { local_files_only: true })).path).toBe(path);
  });

  it("of moshi.cpp: codec and tokenizer come from where it keeps them", async () => {
    const id = "Codes4Fun/stt-1b-en_fr-GGUF";
    fixture.hub.repositories.set(id, {
      commit: COMMIT,
      files: { "config.json": json({ card: 2048 }), "model.gguf": noise(1000, 5) },
    });
    fixture.hub.repositories.set("Codes4Fun/moshi-common", {
      commit: OTHER_COMMIT,
      files: { "mimi-e351c8d8-125.gguf": noise(800, 6), "tokenizer_spm_8k_en_fr.model": noise(200, 7), x: noise(70) },
    });
    const { path } = await find(id);
    expect(await tree(path)).toEqual([
      "config.json",
      "mimi-e351c8d8-125.gguf",
      "model.gguf",
      "tokenizer_spm_8k_en_fr.model",
    ]);
  });

  it.each<[string, Record<string, Uint8Array>, "ERR_MODEL_UNSUPPORTED" | "ERR_MODEL_FORMAT" | "ERR_HUB_NOT_FOUND"]>([
    ["an empty one", { "README.md": noise(10) }, "ERR_MODEL_UNSUPPORTED"],
    [
      "another architecture",
      { "config.json": json({ model_type: "whisper" }), "model.safetensors": noise(99) },
      "ERR_MODEL_UNSUPPORTED",
    ],
    ["a damaged config.json", { "config.json": noise(40) }, "ERR_MODEL_FORMAT"],
    ["a config.json that is a list", { "config.json": json([]) }, "ERR_MODEL_FORMAT"],
    [
      "a codec that is a number",
      { "config.json": json({ mimi_name: 5, tokenizer_name: "t" }), t: noise(9) },
      "ERR_MODEL_FORMAT",
    ],
    [
      "no weights",
      { "config.json": json({ model_type: "kyutai_speech_to_text" }), "tokenizer.json": noise(9) },
      "ERR_HUB_NOT_FOUND",
    ],
    [
      "no tokenizer",
      { "config.json": json(ORIGINAL), "model.safetensors": noise(9), "mimi@125.safetensors": noise(9) },
      "ERR_HUB_NOT_FOUND",
    ],
    [
      "a damaged index",
      {
        "config.json": json({ model_type: "kyutai_speech_to_text" }),
        "model.safetensors.index.json": json({ weight_map: { a: 1 } }),
      },
      "ERR_MODEL_FORMAT",
    ],
  ])("refuses %s", async (_name, files, code) => {
    fixture.hub.repositories.set(MODEL, { commit: COMMIT, files });
    await expectCode(find(), code);
  });
});

describe("aliases", () => {
  const plain = "kyutai/stt-1b-en_fr";
  const candle = "kyutai/stt-1b-en_fr-candle";

  function publish(): void {
    fixture.hub.repositories.set(plain, { commit: COMMIT, refs: { old: COMMIT }, files: modelFiles() });
    fixture.hub.repositories.set(candle, { commit: OTHER_COMMIT, files: modelFiles() });
  }

  it("the 1b is taken from the repository with the pause heads, and says so", async () => {
    publish();
    const { source } = await find(plain);
    const reason = expect.stringContaining("pauses");
    expect(source).toEqual({ id: plain, repository: candle, revision: "main", commit: OTHER_COMMIT, reason });
    expect((await find(plain, { local_files_only: true })).source.repository).toBe(candle);
  });

  it("a revision or hf:// means the very repository", async () => {
    publish();
    for (const [id, options] of [
      [`${plain}@old`, {}],
      [plain, { revision: "old" }],
      [`${plain}@main`, {}],
      [`hf://${plain}`, {}],
    ] as const) {
      expect((await find(id, options)).source).toMatchObject({ repository: plain, commit: COMMIT, reason: undefined });
    }
  });

  it("the 2.6b is the original, with the reason", async () => {
    const id = "kyutai/stt-2.6b-en";
    fixture.hub.repositories.set(id, { commit: COMMIT, files: modelFiles() });
    expect((await find(id)).source).toMatchObject({ id, repository: id, reason: expect.stringContaining("bf16") });
  });

  it("offline, the named repository does where only that is in the cache", async () => {
    publish();
    await find(`hf://${plain}`);
    expect((await find(plain, { local_files_only: true })).source).toMatchObject({ repository: plain, commit: COMMIT });
    await expectCode(find("kyutai/stt-2.6b-en", { local_files_only: true }), "ERR_HUB_OFFLINE");
  });
});
