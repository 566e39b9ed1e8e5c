/** The window of stt-1b-en_fr in the transformers layout, as each core sees it (spec 5.4 c). */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { cpuCandidate } from "../../ts/backend/native/native-candidate.js";
import type { Backend } from "../../ts/contract/backend.js";
import { describeModel, inspectModel, KyutaiSpeechToTextConfig } from "../../ts/index.node.js";
import { openWasm, withWasmBuilds } from "./wasm-core.js";

/** What differs from the defaults of transformers' configuration, which are those of the 2.6b. */
const CONVERTED_1B = {
  model_type: "kyutai_speech_to_text",
  ...{ num_hidden_layers: 16, num_attention_heads: 16, vocab_size: 8001, max_position_embeddings: 375 },
};

let root: string;
/** The 1b, and a model that is nearly it. */
let converted: string;
let other: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "kstt-window-"));
  converted = await folderOf("1b", CONVERTED_1B);
  other = await folderOf("other", { ...CONVERTED_1B, num_hidden_layers: 17 });
});
afterAll(() => rm(root, { recursive: true }));

/** A checkpoint with one small tensor: enough to be described. */
async function folderOf(name: string, config: object): Promise<string> {
  const folder = join(root, name);
  await mkdir(folder);
  const header = Buffer.from(JSON.stringify({ one: { dtype: "F32", shape: [1], data_offsets: [0, 4] } }));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(header.length));
  await writeFile(join(folder, "model.safetensors"), Buffer.concat([size, header, Buffer.alloc(4)]));
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  await writeFile(
    join(folder, "preprocessor_config.json"),
    JSON.stringify({ sampling_rate: 24_000, audio_delay_seconds: 0.5, audio_silence_prefix_seconds: 0 }),
  );
  await writeFile(join(folder, "tokenizer.json"), "{}");
  return folder;
}

function testWindows(name: string, open: () => Promise<Backend>): void {
  it.each([
    [undefined, 375],
    [true, 375],
    [false, 750],
  ])(`${name}: transformersCompat %s gives %i steps`, async (transformersCompat, steps) => {
    const backend = await open();
    const options = transformersCompat === undefined ? {} : { transformersCompat };
    const windowOf = async (folder: string): Promise<unknown> =>
      JSON.parse(await backend.describeModel(folder, options)).config.sliding_window;
    expect(await windowOf(converted)).toBe(steps);
    expect(await windowOf(other)).toBe(375);
  });
}

testWindows("native cpu", () => cpuCandidate.open());
withWasmBuilds((build) => testWindows(`wasm, ${build}`, () => openWasm(build)));

it("the facade says what SpeechToText would use; the configuration is that of the file", async () => {
  const { decoder } = await inspectModel(converted);
  expect([decoder.window, decoder.windowSeconds]).toEqual([750, 60]);
  expect((await inspectModel(converted, { transformersCompat: true })).decoder.window).toBe(375);
  expect((await describeModel(converted)).config["sliding_window"]).toBe(750);
  expect((await inspectModel(other)).decoder.window).toBe(375);
  expect((await KyutaiSpeechToTextConfig.from_pretrained(converted)).sliding_window).toBe(375);
});
