/** Quantized models in WebAssembly: token for token what the addon gives, on other instruction sets. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cpuCandidate } from "../../ts/backend/native/native-candidate.js";
import type { Backend } from "../../ts/contract/backend.js";
import type { WeightType } from "../../ts/contract/conversion.js";
import { convertModel } from "../../ts/index.node.js";
import { engineOf, generate } from "../contract/subject.js";
import { openWasm, withWasmBuilds } from "../contract/wasm-core.js";

const TYPES: WeightType[] = ["bf16", "q8_0", "q4_0", "q4_k"];
const model = fileURLToPath(new URL("../../models/digits-en", import.meta.url));

let folder: string;
let recording: Float32Array;
beforeAll(async () => {
  const wav = await readFile(join(model, "sample.wav"));
  // 16-bit PCM at the model's rate behind 44 bytes of header, and the silence that brings out the last words.
  const samples = new Int16Array(wav.buffer.slice(wav.byteOffset + 44, wav.byteOffset + wav.length));
  recording = Float32Array.from({ length: samples.length + 48_000 }, (_, i) => (samples[i] ?? 0) / 32_768);
  folder = await mkdtemp(join(tmpdir(), "kstt-wasm-"));
  for (const dtype of TYPES) await convertModel(model, join(folder, `${dtype}.gguf`), { dtype });
});
afterAll(() => rm(folder, { recursive: true }));

async function tokensOf(open: () => Promise<Backend>, path: string): Promise<number[][]> {
  let tokens: Int32Array[] = [];
  await engineOf({ open, model: path })(1, async (engine) => {
    tokens = await generate(engine, recording);
  });
  return tokens.map((row) => [...row]);
}

describe("tokens of a model in", () => {
  withWasmBuilds((build) => {
    it.each(TYPES)(`%s, ${build}`, async (dtype) => {
      const path = join(folder, `${dtype}.gguf`);
      const expected = await tokensOf(() => cpuCandidate.open(), path);
      expect(new Set(expected[0]).size).toBeGreaterThan(5);
      expect(await tokensOf(() => openWasm(build), path)).toEqual(expected);
    });
  });
});
