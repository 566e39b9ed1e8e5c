/** Checkpoints of every layout whose files may not be read, or whose vocabulary is damaged: what the facade says. */
import {
  chmod,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SttErrorCode } from "../../ts/contract/errors.js";
import {
  convertModel,
  inspectModel,
  KyutaiSpeechToTextForConditionalGeneration,
  KyutaiSpeechToTextTokenizer,
  SpeechToText,
} from "../../ts/index.node.js";

const fixture = (path: string): string => fileURLToPath(new URL(`../fixtures/${path}`, import.meta.url));

interface Layout {
  readonly name: string;
  /** A folder of fixtures; a GGUF is made of it. */
  readonly source: string;
  /** The file that holds the vocabulary, alone or with all else. */
  readonly vocabulary: string;
}

const SPM = "tokenizer_small.model";
const LAYOUTS: readonly Layout[] = [
  { name: "transformers", source: "parity/plain-f32/checkpoint", vocabulary: "tokenizer.json" },
  { name: "original", source: "layouts/original-f32", vocabulary: SPM },
  { name: "candle", source: "layouts/candle-f32", vocabulary: SPM },
  { name: "mlx", source: "layouts/mlx-q4", vocabulary: SPM },
  { name: "moshi.cpp", source: "layouts/moshi.cpp-f32", vocabulary: SPM },
  { name: "gguf", source: "layouts/original-f32", vocabulary: "model.gguf" },
];

/** What a user calls, with a path. */
const CALLS: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  "SpeechToText.load": async (path) => (await SpeechToText.load(path, { backend: "cpu" })).dispose(),
  from_pretrained: async (path) =>
    (await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(path, { backend: "cpu" })).dispose(),
  inspectModel: (path) => inspectModel(path),
  "the tokenizer": (path) => KyutaiSpeechToTextTokenizer.from_pretrained(path),
};

async function expectError(call: Promise<unknown>, code: SttErrorCode, words: string): Promise<void> {
  await expect(call).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
}

/** Root may read everything: becomes somebody else for a moment. */
async function withoutRights(work: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) {
    process.seteuid?.(65_534);
  }
  try {
    await work();
  } finally {
    if (isRoot) {
      process.seteuid?.(0);
    }
  }
}

describe.each(LAYOUTS)("$name", ({ name, source, vocabulary }) => {
  let root: string;
  let folder: string;
  /** What is given to the calls. */
  let path: string;
  let vocabularyBytes: Uint8Array;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "kstt-layout-"));
    await chmod(root, 0o755);
    folder = join(root, "model");
    path = folder;
    if (name === "gguf") {
      await mkdir(folder);
      path = join(folder, vocabulary);
      await convertModel(fixture(source), path, { dtype: "f32" });
      vocabularyBytes = await readFile(join(fixture(source), SPM));
    } else {
      await cp(fixture(source), folder, { recursive: true });
      vocabularyBytes = await readFile(join(folder, vocabulary));
    }
    // Loads the addon, and shows that the copy is good, before any rights are given up.
    for (const call of Object.values(CALLS)) {
      await call(path);
    }
  });
  afterAll(() => rm(root, { recursive: true }));

  /** Does something to a file, and puts the good one back. */
  async function withDamage(file: string, damage: (path: string) => Promise<void>, work: () => Promise<void>) {
    const [target, good] = [join(folder, file), join(root, "good")];
    await copyFile(target, good);
    try {
      await damage(target);
      await work();
    } finally {
      await copyFile(good, target);
    }
  }

  it("a file that may not be read is named", async (context) => {
    if (process.geteuid === undefined) {
      return context.skip("this system has no users that could lack rights");
    }
    // Others lie in the folder for transformers' sake, or for people.
    const files = (await readdir(folder)).filter((file) => !/README|tokenizer_config|special_tokens/.test(file));
    expect(files.length).toBeGreaterThan(name === "gguf" ? 0 : 3);
    for (const file of files) {
      await chmod(join(folder, file), 0);
      await withoutRights(async () => {
        for (const call of ["SpeechToText.load", "from_pretrained", "inspectModel"]) {
          await expectError(CALLS[call]?.(path) as Promise<unknown>, "ERR_FILE_ACCESS", file);
        }
        if (file === vocabulary) {
          await expectError(CALLS["the tokenizer"]?.(path) as Promise<unknown>, "ERR_FILE_ACCESS", file);
        }
      });
      await chmod(join(folder, file), 0o644);
    }
  });

  it("a folder that may not be read", async (context) => {
    if (process.geteuid === undefined) {
      return context.skip("this system has no users that could lack rights");
    }
    await chmod(folder, 0);
    await withoutRights(async () => {
      for (const call of Object.values(CALLS)) {
        await expectError(call(path), "ERR_FILE_ACCESS", folder);
      }
    });
    await chmod(folder, 0o755);
  });

  /** In a GGUF the vocabulary is a part of the file. */
  async function overwrite(file: string): Promise<void> {
    const bytes = await readFile(file);
    const start = bytes.indexOf(vocabularyBytes);
    expect(start).toBeGreaterThanOrEqual(0);
    await writeFile(file, bytes.fill(0xff, start, start + vocabularyBytes.length));
  }
  const half = async (file: string): Promise<void> => truncate(file, Math.floor((await stat(file)).size / 2));

  it.each<[string, (file: string) => Promise<void>, SttErrorCode]>([
    ["overwritten", overwrite, "ERR_MODEL_FORMAT"],
    ["cut", half, "ERR_MODEL_FORMAT"],
    ["empty", (file) => truncate(file, 0), "ERR_MODEL_FORMAT"],
    ["missing", (file) => rm(file), "ERR_FILE_NOT_FOUND"],
  ])("a vocabulary that is %s", async (_, damage, code) => {
    await withDamage(vocabulary, damage, async () => {
      for (const call of ["SpeechToText.load", "from_pretrained"]) {
        await expectError(CALLS[call]?.(path) as Promise<unknown>, code, vocabulary);
      }
      // Without the rest nothing says how the file would be named.
      const words = code === "ERR_FILE_NOT_FOUND" ? folder : vocabulary;
      await expectError(CALLS["the tokenizer"]?.(path) as Promise<unknown>, code, words);
    });
    await CALLS["SpeechToText.load"]?.(path);
  });
});
