/** Conversion with the addon: what a GGUF file gives is what its source gives, and others can read it. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { GGMLFileQuantizationType, GGMLQuantizationType, GGUFValueType, gguf } from "@huggingface/gguf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cpuCandidate } from "../../ts/backend/native/native-candidate.js";
import type { WeightType } from "../../ts/contract/conversion.js";
import { convertModel, KyutaiSpeechToTextForConditionalGeneration, SpeechToText, Tensor } from "../../ts/index.node.js";
import { SMALL_MODEL } from "./addon-path.js";
import { engineOf, expectCode, generate, sound } from "./subject.js";

const model = fileURLToPath(new URL("../../models/digits-en", import.meta.url));
const program = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kstt-convert-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function converted(source: string, dtype: WeightType): Promise<string> {
  const target = join(folder, `${dtype}.gguf`);
  await convertModel(source, target, { dtype });
  return target;
}

async function tokensOf(path: string): Promise<number[][]> {
  let tokens: Int32Array[] = [];
  await engineOf({ open: () => cpuCandidate.open(), model: path })(1, async (engine) => {
    tokens = await generate(engine, sound(60 * engine.info.frameSize, 5), 2);
  });
  return tokens.map((row) => [...row]);
}

describe("an engine with a converted file", () => {
  it.each<[string, string, WeightType]>([
    ["embedded model", model, "bf16"],
    ["embedded model", model, "f32"],
    ["embedded model", model, "f16"],
    ["random model in f32", SMALL_MODEL, "f32"],
  ])("has the tokens of its source: %s, %s to %s", async (_name, source, dtype) => {
    const path = await converted(source, dtype);
    expect(await tokensOf(path)).toEqual(await tokensOf(source));
  });

  it("copies next to nothing", async () => {
    const path = await converted(model, "bf16");
    const backend = await cpuCandidate.open();
    const [own, source] = [
      await backend.createEngine(path, { threads: 1, slots: 1 }),
      await backend.createEngine(model, { threads: 1, slots: 1 }),
    ];
    // Convolutions are laid out anew in both; codebooks (8 of 256 entries of 32 floats) and the 7 norms of the decoder
    // are used where they lie.
    expect(source.info.copiedBytes - own.info.copiedBytes).toBe(8 * 256 * 32 * 4 + 7 * 128 * 4);
    await own.dispose();
    await source.dispose();
  });

  it("transcribes", async () => {
    const path = await converted(model, "bf16");
    await using stt = await SpeechToText.load(path);
    await using from = await SpeechToText.load(model);
    const sample = join(model, "sample.wav");
    const { backend: _, ...expected } = await from.transcribe(sample);
    expect(await stt.transcribe(sample)).toMatchObject(expected);
    expect(expected.words.length).toBeGreaterThan(2);
  });
});

describe("an engine with a quantized file", () => {
  it.each<WeightType>(["q8_0", "q4_0", "q4_k"])("hears the words of the sample: %s", async (dtype) => {
    await using stt = await SpeechToText.load(await converted(model, dtype));
    const { text } = await stt.transcribe(join(model, "sample.wav"));
    expect(text).toBe((await readFile(join(model, "sample.txt"), "utf8")).trim());
  });
});

describe("the codec's decoder half", () => {
  it("is in a file that was asked to have it, and decodes to the same samples", async () => {
    const source = fileURLToPath(new URL("../fixtures/codec/varied/checkpoint", import.meta.url));
    const [lean, whole] = [join(folder, "lean.gguf"), join(folder, "whole.gguf")];
    await convertModel(source, lean, { dtype: "f32" });
    const { codecDecoder } = await convertModel(source, whole, { dtype: "f32", codecDecoder: true });
    expect(codecDecoder).toBe(true);
    const load = KyutaiSpeechToTextForConditionalGeneration.from_pretrained;
    const models = await Promise.all([source, whole, lean].map((path) => load(path, { backend: "cpu" })));
    const [first, second, third] = models.map(({ codec_model }) => codec_model);
    const quantizers = models[0]?.config.codec_config.num_quantizers ?? 0;
    const codes = new Tensor(
      "int64",
      BigInt64Array.from({ length: quantizers * 5 }, (_, i) => BigInt(i % 7)),
      [1, quantizers, 5],
    );
    const expected = await first?.decode(codes);
    const found = await second?.decode(codes);
    expect(expected?.audio_values?.data.length).toBeGreaterThan(500);
    expect(found?.audio_values?.data).toEqual(expected?.audio_values?.data);
    await expectCode(third?.decode(codes) as Promise<unknown>, "ERR_MODEL_UNSUPPORTED");
    await Promise.all(models.map((each) => each.dispose()));
    const encoderOnly = fileURLToPath(new URL("../fixtures/layouts/original-f32", import.meta.url));
    const none = convertModel(encoderOnly, join(folder, "none.gguf"), { codecDecoder: true });
    await expectCode(none, "ERR_MODEL_UNSUPPORTED");
  });
});

describe("the file as others see it", () => {
  it.each<[WeightType, number, number]>([
    ["f32", GGMLFileQuantizationType.F32, GGMLQuantizationType.F32],
    ["f16", GGMLFileQuantizationType.F16, GGMLQuantizationType.F16],
    ["bf16", GGMLFileQuantizationType.BF16, GGMLQuantizationType.BF16],
    ["q8_0", GGMLFileQuantizationType.Q8_0, GGMLQuantizationType.Q8_0],
    ["q4_0", GGMLFileQuantizationType.Q4_0, GGMLQuantizationType.Q4_0],
    ["q4_k", GGMLFileQuantizationType.Q4_K_S, GGMLQuantizationType.Q4_K],
  ])("is read by @huggingface/gguf: %s", async (dtype, fileType, tensorType) => {
    const target = join(folder, `read-${dtype}.gguf`);
    const report = await convertModel(model, target, { dtype });
    const read = await gguf(target, { allowLocalFile: true, typedMetadata: true });
    const value = (key: string) => read.typedMetadata[key]?.value;
    expect(read.metadata.version).toBe(3);
    expect(value("general.architecture")).toBe("kyutai_stt");
    expect(value("general.name")).toBe("digits-en");
    expect(value("general.file_type")).toBe(fileType);
    expect(value("kyutai_stt.format_version")).toBe(1);
    expect(value("kyutai_stt.hidden_size")).toBe(128);
    expect(value("kyutai_stt.codec_config.upsampling_ratios")).toEqual([8, 6, 5, 4]);
    expect(value("kyutai_stt.rms_norm_eps")).toBeCloseTo(1e-8, 15);
    expect(read.typedMetadata["kyutai_stt.feature_extractor.audio_delay_seconds"]?.type).toBe(GGUFValueType.FLOAT64);
    const tokenizer = Uint8Array.from(value("kyutai_stt.tokenizer.bytes") as number[]);
    expect(Buffer.from(tokenizer)).toEqual(await readFile(join(model, "tokenizer.json")));

    expect(read.tensorInfos.map(({ name }) => name)).toEqual(report.tensors.map(({ stored }) => stored));
    for (const [index, { shape, stored }] of report.tensors.entries()) {
      expect(read.tensorInfos[index]?.shape.map(Number)).toEqual([...shape].reverse());
      expect(Number(read.tensorInfos[index]?.offset) % 64).toBe(0);
      expect(stored.length).toBeLessThan(64);
    }
    const fc2 = read.tensorInfos.find(({ name }) => name === "model.layers.0.mlp.fc2.weight");
    expect(fc2?.dtype).toBe(tensorType);
  });
});

describe("a conversion that does not end well", () => {
  it("is refused as a whole: a source that is quantized already", async () => {
    const path = await converted(model, "q8_0");
    const attempt = convertModel(path, join(folder, "again.gguf"), { dtype: "q4_0" });
    await expectCode(attempt, "ERR_MODEL_UNSUPPORTED");
    expect(existsSync(join(folder, "again.gguf"))).toBe(false);
  });

  it("refuses rules that fit nothing", async () => {
    const attempt = convertModel(model, join(folder, "rules.gguf"), { keep: ["no.such.*"] });
    await expectCode(attempt, "ERR_INVALID_ARGUMENT");
    await expect(attempt).rejects.toThrow("no.such.*");
  });

  /** Resolves once the child has written a line, or ended. */
  function firstLine(child: ChildProcess): Promise<void> {
    return new Promise((resolve) => {
      child.stdout?.once("data", () => resolve());
      child.once("close", () => resolve());
    });
  }

  it("leaves no file of that name after a kill, and the next one clears up", async () => {
    const own = await mkdtemp(join(folder, "kill-"));
    const target = join(own, "out.gguf");
    const script = `
      const { convertModel } = await import(${JSON.stringify(new URL("../../dist/index.node.js", import.meta.url).href)});
      let steps = 0;
      const onProgress = () => { if (++steps === 1) { console.log("begun"); for (;;) {} } };
      await convertModel(${JSON.stringify(model)}, ${JSON.stringify(target)}, { dtype: "f32", onProgress });`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await firstLine(child);
    expect(await readdir(own)).toHaveLength(1);
    expect(existsSync(target)).toBe(false);
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("close", resolve));
    expect(existsSync(target)).toBe(false);
    await convertModel(model, target, { dtype: "bf16" });
    expect(await readdir(own)).toEqual(["out.gguf"]);
  });

  it("is a command with an exit status", async () => {
    const target = join(folder, "cli.gguf");
    const [code, out, err] = await run("convert", model, target, "--dtype", "q4_k", "--keep", "lm_head.weight=f16");
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining(`${target}: `) });
    expect(out).toMatch(/in the transformers layout, .*3 x q4_k.* in \d+\.\d s\n$/);
    expect(err).toContain("model.layers.0.mlp.fc1.weight: q8_0, because its rows of 128 are no whole blocks of q4_k");
    const [json] = (await run("convert", model, target, "--json")).slice(1);
    expect(JSON.parse(String(json))).toMatchObject({ path: target, dtype: "q8_0", layout: "transformers" });
    expect((await run("convert", model))[0]).toBe(2);
    expect((await run("convert", model, target, "--dtype", "q9"))[0]).toBe(2);
    const [failed, , why] = await run("convert", model, join(folder, "none", "out.gguf"));
    expect(failed).toBe(1);
    expect(why).toContain("[ERR_FILE_NOT_FOUND]");
  });

  it("writes a folder in the transformers layout, which is a source again", async () => {
    const [small, back] = [join(folder, "small.gguf"), join(folder, "trfs")];
    expect((await run("convert", model, small, "--dtype", "q8_0", "--small"))[0]).toBe(0);
    const [code, out, err] = await run("convert", small, back, "--format", "safetensors", "--dtype", "f32");
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining(`${back}: `) });
    expect(err).toContain("holds only the encoder of its codec");
    expect((await readdir(back)).sort()).toEqual([
      ...["config.json", "generation_config.json", "model.safetensors", "preprocessor_config.json"],
      ...["processor_config.json", "tokenizer.json", "tokenizer_config.json"],
    ]);
    await using stt = await SpeechToText.load(back);
    expect((await stt.transcribe(join(model, "sample.wav"))).text).toBe(
      (await readFile(join(model, "sample.txt"), "utf8")).trim(),
    );
    expect((await run("convert", small, back, "--format", "safetensors", "--dtype", "q8_0"))[0]).not.toBe(0);
    expect((await run("convert", model, small, "--max-shard-size", "5GB"))[0]).not.toBe(0);
  });

  it("is described by info", async () => {
    const target = join(folder, "info.gguf");
    await convertModel(model, target, { dtype: "q4_0", keep: ["model.layers.0.*"] });
    const summary = JSON.parse((await run("info", target, "--json"))[1]);
    expect(summary).toMatchObject({ path: target, layout: "gguf", vocabSize: 271, pauseHeads: 0, delaySeconds: 0.56 });
    // q, k, v, o, fc1 and fc2 of two layers; those and the norms of the first; table and head; the other norms.
    const types: Record<string, { tensors: number }> = summary.decoder.dtypes;
    const counts = Object.entries(types).map(([type, { tensors }]) => [type, tensors]);
    expect(Object.fromEntries(counts)).toEqual({ q4_0: 12, bf16: 8, q8_0: 2, f32: 5 });
    const source = JSON.parse((await run("info", model, "--json"))[1]);
    // The 256 counts of each of 8 codebooks are divided into the entries.
    expect(summary.parameters).toBe(source.parameters - 8 * 256);
    const [code, out] = await run("info", "digits-en");
    expect(code).toBe(0);
    expect(out).toContain("layout   transformers\n");
  });

  async function run(...argv: string[]): Promise<[number | null, string, string]> {
    const child = spawn(process.execPath, [program, ...argv]);
    let [out, err] = ["", ""];
    child.stdout.on("data", (chunk) => {
      out += chunk;
    });
    child.stderr.on("data", (chunk) => {
      err += chunk;
    });
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    return [code, out, err];
  }
});
