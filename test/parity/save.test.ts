/** save_pretrained: a folder that this package and transformers load, with the same tokens. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { KyutaiSpeechToTextForConditionalGeneration, KyutaiSpeechToTextProcessor } from "../../ts/index.node.js";
import { audioSignal } from "./audio-signal.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PARITY = join(ROOT, "test/fixtures/parity");
const venv = join(ROOT, ".venv/bin/python");
const python = process.env["KSTT_ORACLE_PYTHON"] ?? (existsSync(venv) ? venv : undefined);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kstt-save-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function tokensOf(checkpoint: string): Promise<unknown> {
  await using model = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(checkpoint, { backend: "cpu" });
  const processor = await KyutaiSpeechToTextProcessor.from_pretrained(checkpoint);
  const inputs = await processor(audioSignal(61, 20_000));
  return (await model.generate(inputs)).tolist();
}

async function save(name: string): Promise<string> {
  const checkpoint = join(PARITY, name, "checkpoint");
  await using model = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(checkpoint, { backend: "cpu" });
  await model.save_pretrained(folder);
  await (await KyutaiSpeechToTextProcessor.from_pretrained(checkpoint)).save_pretrained(folder);
  return checkpoint;
}

describe.each(["plain-f32", "sharded-f32", "bf16"])("%s", (name) => {
  test("is saved as it was, and gives the same tokens", async () => {
    const checkpoint = await save(name);
    const weights = (await readdir(checkpoint)).filter((file) => file.includes("safetensors"));
    for (const file of weights) {
      expect(await readFile(join(folder, file))).toEqual(await readFile(join(checkpoint, file)));
    }
    expect((await readdir(folder)).filter((file) => file.endsWith(".part"))).toEqual([]);
    const stored = JSON.parse(await readFile(join(checkpoint, "generation_config.json"), "utf8"));
    const saved = JSON.parse(await readFile(join(folder, "generation_config.json"), "utf8"));
    expect(saved).toMatchObject(stored);
    expect(await tokensOf(folder)).toEqual(await tokensOf(checkpoint));
  });

  test("transformers loads it and gives these tokens", async (context) => {
    if (python === undefined) {
      return context.skip("no Python with transformers (.venv or KSTT_ORACLE_PYTHON; see tools/oracle/README.md)");
    }
    await save(name);
    const script = `
import sys, json
sys.path.insert(0, ${JSON.stringify(join(ROOT, "tools/oracle"))})
from audio_signal import audio_signal
from reference import Reference
reference = Reference(${JSON.stringify(folder)})
inputs = reference.input_values([audio_signal(61, 20000)])
print(json.dumps(reference.generate(inputs).tolist()))
`;
    const { stdout } = await promisify(execFile)(python, ["-c", script], { encoding: "utf8" });
    const tokens = (JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as number[][]).map((row) => row.map(BigInt));
    expect(await tokensOf(folder)).toEqual(tokens);
  });
});

test("saving into the model's own folder leaves the weights alone", async () => {
  await save("sharded-f32");
  await using model = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(folder, { backend: "cpu" });
  model.generation_config["max_new_tokens"] = 5;
  await model.save_pretrained(folder);
  await using again = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(folder, { backend: "cpu" });
  expect(again.generation_config["max_new_tokens"]).toBe(5);
});

test("other layouts, and folders that cannot be, are refused", async () => {
  const original = join(ROOT, "test/fixtures/layouts/original-f32");
  await using model = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(original, { backend: "cpu" });
  await expect(model.save_pretrained(folder)).rejects.toMatchObject({ code: "ERR_MODEL_UNSUPPORTED" });
  expect(await readdir(folder)).toEqual([]);
  const checkpoint = join(PARITY, "plain-f32/checkpoint");
  await using plain = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(checkpoint, { backend: "cpu" });
  await expect(plain.save_pretrained("")).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
  const file = join(folder, "file");
  await writeFile(file, "");
  await expect(plain.save_pretrained(join(file, "below"))).rejects.toMatchObject({
    code: expect.stringMatching(/^ERR_FILE/),
  });
});
