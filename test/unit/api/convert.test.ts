import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ConvertProgress, convertModel } from "../../../ts/api/convert.js";
import { expectCode } from "../../contract/subject.js";
import { useFakeBackend } from "../support/fake-backend.js";
import { DIGITS_EN } from "../support/fixture.js";

describe("convertModel", () => {
  let folder: string;
  beforeEach(async () => {
    useFakeBackend();
    folder = await mkdtemp(join(tmpdir(), "kstt-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("reports progress, and what became of the tensors", async () => {
    const target = join(folder, "out.gguf");
    const seen: ConvertProgress[] = [];
    const result = await convertModel(DIGITS_EN, target, { dtype: "q4_k", onProgress: (step) => seen.push(step) });
    expect(seen.length).toBeGreaterThan(2);
    expect(seen.at(-1)).toEqual({ done: result.bytes, total: result.bytes });
    expect(result).toMatchObject({ path: target, dtype: "q4_k", layout: "fake" });
    expect(result.seconds).toBeGreaterThan(0);
    expect(result.fallbacks.map(({ name }) => name)).toEqual(["a.weight"]);
    expect(existsSync(target)).toBe(true);
  });

  it("takes file: URLs, q8_0 when nothing is said, and the embedded model by name", async () => {
    const result = await convertModel("digits-en", pathToFileURL(join(folder, "out.gguf")));
    expect(result).toMatchObject({ path: join(folder, "out.gguf"), dtype: "q8_0" });
  });

  it("leaves nothing behind when it is aborted", async () => {
    const reason = new Error("enough");
    const controller = new AbortController();
    const attempt = convertModel(DIGITS_EN, join(folder, "out.gguf"), {
      signal: controller.signal,
      onProgress: () => controller.abort(reason),
    });
    await expect(attempt).rejects.toMatchObject({ code: "ERR_ABORTED", cause: reason });
    expect(await readdir(folder)).toEqual([]);
    await expectCode(convertModel(DIGITS_EN, join(folder, "out.gguf"), { signal: AbortSignal.abort() }), "ERR_ABORTED");
    // Even when everything is written: the caller was told that it is aborted.
    const late = new AbortController();
    const last = convertModel(DIGITS_EN, join(folder, "out.gguf"), {
      signal: late.signal,
      onProgress: ({ done, total }) => done === total && late.abort(),
    });
    await expectCode(last, "ERR_ABORTED");
    expect(await readdir(folder)).toEqual([]);
  });

  it.each([
    [{ dtype: "q5_0" }, "'dtype' must be one of f32, f16, bf16, q8_0, q4_0, q4_k"],
    [{ keep: "lm_head.weight" }, "'keep' must be an array"],
    [{ keep: [1] }, "'keep' must be an array"],
    [{ threads: 0 }, "'threads'"],
    [{ signal: {} }, "'signal'"],
    [{ onProgress: 1 }, "'onProgress'"],
    [{ type: "q8_0" }, "'type'"],
    [{ format: "onnx" }, "'format' must be one of gguf, safetensors"],
    [{ format: "safetensors", dtype: "q8_0" }, "'dtype' must be one of f32, f16, bf16 for safetensors"],
    [{ format: "safetensors", small: true }, "'small' has no meaning"],
    [{ format: "safetensors", codecDecoder: true }, "'codecDecoder' has no meaning"],
    [{ maxShardSize: "5GB" }, "'maxShardSize' has no meaning"],
    [{ format: "safetensors", maxShardSize: "5 bananas" }, "'maxShardSize' must be"],
    [{ format: "safetensors", maxShardSize: 0.5 }, "'maxShardSize' must be"],
    [{ small: 1 }, "'small'"],
  ])("refuses the options %o", async (options, words) => {
    const attempt = convertModel(DIGITS_EN, join(folder, "out.gguf"), options as object);
    await expectCode(attempt, "ERR_INVALID_ARGUMENT");
    await expect(attempt).rejects.toThrow(words);
  });

  it.each([[""], [undefined], [new URL("http://example.org/out.gguf")], [3]])("refuses to write to %o", async (to) => {
    await expectCode(convertModel(DIGITS_EN, to as string), "ERR_INVALID_ARGUMENT");
  });

  it("says when there is no such model", async () => {
    await expectCode(convertModel(join(folder, "none"), join(folder, "out.gguf")), "ERR_FILE_NOT_FOUND");
  });
});
