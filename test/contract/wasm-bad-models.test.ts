/** Damaged and missing models: through WebAssembly the same errors, word for word, as from the addon. */
import { cp, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cpuCandidate } from "../../ts/backend/native/native-candidate.js";
import type { Backend } from "../../ts/contract/backend.js";
import { SttError } from "../../ts/contract/errors.js";
import { SMALL_MODEL } from "./addon-path.js";
import { openWasm, withWasmBuilds } from "./wasm-core.js";

let folder: string;
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), "kstt-bad-")), "model");
  await cp(SMALL_MODEL, folder, { recursive: true });
});
afterEach(() => rm(join(folder, ".."), { recursive: true }));

const at = (name: string): string => join(folder, name);

async function editConfig(edit: (config: Record<string, unknown>) => void): Promise<void> {
  const config = JSON.parse(await readFile(at("config.json"), "utf8")) as Record<string, unknown>;
  edit(config);
  await writeFile(at("config.json"), JSON.stringify(config));
}

/** What is done to a good model; the path to open, unless it is the folder. */
const DAMAGES: Readonly<Record<string, () => Promise<unknown>>> = {
  "no folder": async () => at("nothing"),
  "no config.json": () => rm(at("config.json")),
  "no weights": () => rm(at("model.safetensors")),
  "no tokenizer": () => rm(at("tokenizer.json")),
  "a configuration that is no JSON": () => writeFile(at("config.json"), "{ no"),
  "another architecture": () => editConfig((config) => Object.assign(config, { model_type: "whisper" })),
  "a size that does not fit the weights": () => editConfig((config) => Object.assign(config, { hidden_size: 999 })),
  "weights that end early": () => truncate(at("model.safetensors"), 100_000),
  "empty weights": () => truncate(at("model.safetensors"), 0),
  "weights that are something else": () => writeFile(at("model.safetensors"), Buffer.alloc(4096, 0xff)),
  "a vocabulary that is no JSON": () => writeFile(at("tokenizer.json"), "[1, 2"),
  "a GGUF file that is none": async () => {
    await writeFile(at("bad.gguf"), `GGUF${"x".repeat(1000)}`);
    return at("bad.gguf");
  },
  "an empty GGUF file": async () => {
    await writeFile(at("empty.gguf"), "");
    return at("empty.gguf");
  },
};

async function failure(backend: Backend, path: string): Promise<SttError> {
  return backend.createEngine(path, { threads: 1, slots: 1 }).then(
    async (engine) => {
      await engine.dispose();
      return expect.fail("the model was loaded");
    },
    (error: unknown) => {
      expect(error).toBeInstanceOf(SttError);
      return error as SttError;
    },
  );
}

withWasmBuilds((build) => {
  if (build !== "single") {
    return;
  }
  test.each(Object.entries(DAMAGES))("%s", async (_, damage) => {
    const other = await damage();
    const path = typeof other === "string" ? other : folder;
    const native = await failure(await cpuCandidate.open(), path);
    const wasm = await failure(await openWasm(build), path);
    expect(wasm.code).toBe(native.code);
    expect(wasm.remedy).toBe(native.remedy);
    // What the disk says is said in other words by Node.
    if (native.code !== "ERR_FILE_NOT_FOUND" || path === folder) {
      expect(wasm.message).toBe(native.message);
    }
  });
});
