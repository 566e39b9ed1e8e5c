import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AutomaticSpeechRecognitionPipeline, pipeline } from "../../../ts/api/pipeline.js";
import { Tensor } from "../../../ts/tensor/tensor.js";
import { expectCode } from "../../contract/subject.js";
import { useFakeBackend } from "../support/fake-backend.js";
import { DIGITS_EN } from "../support/fixture.js";
import { collectWarnings } from "../support/warnings.js";

const TASK = "automatic-speech-recognition";
const SECOND = 24_000;

describe("pipeline", () => {
  const warnings = collectWarnings();
  let transcriber: AutomaticSpeechRecognitionPipeline;
  beforeEach(async () => {
    useFakeBackend();
    transcriber = await pipeline(TASK, DIGITS_EN);
  });
  afterEach(() => transcriber.dispose());

  it("is a function from a recording to text, and from a list to a list", async () => {
    expect(transcriber).toBeInstanceOf(AutomaticSpeechRecognitionPipeline);
    expect(transcriber.task).toBe(TASK);
    const audio = new Float32Array(2 * SECOND);
    const result = await transcriber(audio);
    expect(result).toEqual({ text: expect.stringMatching(/\w/) });
    expect(await transcriber([audio, audio])).toEqual([result, result]);
    expect(await transcriber([])).toEqual([]);
  });

  it("takes samples in every spelling", async () => {
    const audio = new Float32Array(2 * SECOND);
    const expected = await transcriber(audio);
    for (const same of [
      Float64Array.from(audio),
      new Tensor("float32", audio, [1, audio.length]),
      { array: audio, sampling_rate: SECOND },
      { raw: audio, sampling_rate: SECOND },
    ]) {
      expect(await transcriber(same)).toEqual(expected);
    }
    for (const wrong of [
      3,
      null,
      {},
      { array: [1, 2], sampling_rate: SECOND },
      new Tensor("float32", audio, [2, SECOND]),
    ]) {
      await expectCode(transcriber(wrong as never), "ERR_INVALID_ARGUMENT");
    }
  });

  it("gives words with times", async () => {
    const audio = new Float32Array(3 * SECOND);
    const { text, chunks = [] } = (await transcriber(audio, { return_timestamps: true })) as {
      text: string;
      chunks?: readonly { text: string; timestamp: readonly [number, number] }[];
    };
    expect(chunks.map((chunk) => chunk.text).join("")).toBe(` ${text}`);
    expect(chunks.every(({ timestamp: [start, end] }) => start <= end)).toBe(true);
    expect(await transcriber(audio, { return_timestamps: "word" })).toEqual({ text, chunks });
  });

  it("warns of what has no effect and refuses what it cannot do", async () => {
    const audio = new Float32Array(SECOND);
    await transcriber(audio, { chunk_length_s: 30, stride_length_s: 5 });
    expect(warnings).toEqual([expect.stringContaining("needs no `chunk_length_s` and `stride_length_s`")]);
    for (const options of [{ language: "en" }, { task: "translate" }, { foo: 1 }, { return_timestamps: "char" }]) {
      await expectCode(transcriber(audio, options as never), "ERR_INVALID_ARGUMENT");
    }
    await expectCode(transcriber(audio, { signal: AbortSignal.abort() }), "ERR_ABORTED");
    await expectCode(pipeline("text-generation" as never), "ERR_INVALID_ARGUMENT");
    await expectCode(pipeline(TASK, DIGITS_EN, { threds: 1 } as never), "ERR_INVALID_ARGUMENT");
  });

  it("loads the embedded model by default, and tells how far it is", async () => {
    const seen: unknown[] = [];
    await using other = await pipeline(TASK, null, { device: "cpu", progress_callback: (info) => seen.push(info) });
    expect(other.model.source.kind).toBe("embedded");
    expect(seen.at(-2)).toMatchObject({ status: "progress", progress: 100 });
    expect(seen.at(-1)).toMatchObject({ status: "ready", name: "digits-en", progress: 100 });
    await other.dispose();
    await expectCode(other(new Float32Array(SECOND)), "ERR_DISPOSED");
  });

  it("takes the options of transformers.js by their names", async () => {
    const where = { cache_dir: "none", local_files_only: true };
    // The fake's weights are bf16.
    for (const dtype of ["auto", "bfloat16", "bf16"]) {
      await using other = await pipeline(TASK, DIGITS_EN, { ...where, dtype, revision: "main" });
      expect(other.model.info.weightType).toBe("bf16");
    }
    const backend = useFakeBackend();
    const attempt = pipeline(TASK, DIGITS_EN, { dtype: "fp32" });
    await expectCode(attempt, "ERR_INVALID_ARGUMENT");
    await expect(attempt).rejects.toThrow("most weights of this checkpoint are bf16");
    expect(backend.engine.disposed).toBe(true);
    for (const options of [{ dtype: "q8" }, { cache_dir: 3 }, { local_files_only: "yes" }]) {
      await expectCode(pipeline(TASK, DIGITS_EN, options as never), "ERR_INVALID_ARGUMENT");
    }
    const missing = pipeline(TASK, "tests/none", where);
    await expectCode(missing, "ERR_HUB_OFFLINE");
    await expect(missing).rejects.toThrow(/not completely, in .*none/);
  });
});
