import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ConversionHandle, ConversionOptions } from "../../ts/contract/conversion.js";
import { expectCode, type Subject } from "./subject.js";

const OPTIONS: ConversionOptions = {
  format: "gguf",
  dtype: "q8_0",
  keep: [],
  small: false,
  codecDecoder: false,
  transformersCompat: false,
  maxShardBytes: 0,
  threads: 1,
};

export function testConversion(subject: Subject): void {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "kstt-conversion-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function start(name: string, options = OPTIONS): Promise<{ conversion: ConversionHandle; target: string }> {
    const target = join(folder, name);
    const backend = await subject.open();
    return { conversion: await backend.createConversion(subject.model, target, options), target };
  }

  it("makes the file appear when it is whole", async () => {
    const { conversion, target } = await start("whole.gguf");
    await expectCode(conversion.finish(), "ERR_INVALID_STATE");
    let before = -1;
    for (;;) {
      const { done, total, finished } = await conversion.advance(1000);
      expect(done).toBeGreaterThan(before);
      expect(done <= total && finished === (done === total)).toBe(true);
      expect(existsSync(target)).toBe(false);
      if (finished) break;
      before = done;
      await conversion.advance(1e9);
    }
    const report = await conversion.report();
    expect(report).toMatchObject({ path: target, dtype: "q8_0" });
    const sum = report.tensors.reduce((bytes, tensor) => bytes + tensor.bytes, 0);
    expect(sum).toBeGreaterThan(0);
    expect(sum).toBeLessThanOrEqual(report.bytes);
    await conversion.finish();
    await conversion.dispose();
    expect(existsSync(target)).toBe(true);
    await rm(target);
  });

  it("puts weights into a folder", async () => {
    const { dtype: _, ...rest } = OPTIONS;
    const { conversion, target } = await start("trfs", { ...rest, format: "safetensors" });
    while (!(await conversion.advance(1e6)).finished);
    expect(existsSync(join(target, "model.safetensors"))).toBe(false);
    await conversion.finish();
    const { files, format, bytes } = await conversion.report();
    expect(format).toBe("safetensors");
    expect(files).toEqual([{ path: join(target, "model.safetensors"), bytes }]);
    await conversion.dispose();
    expect(await readdir(target)).toEqual(["model.safetensors"]);
    await rm(target, { recursive: true });
  });

  it("leaves nothing behind when it is given up", async () => {
    const { conversion, target } = await start("half.gguf");
    await conversion.advance(1000);
    await conversion.dispose();
    await expectCode(conversion.advance(1000), "ERR_DISPOSED");
    expect(existsSync(target)).toBe(false);
    expect(await readdir(folder)).toEqual([]);
  });

  it("does one step at a time", async () => {
    const { conversion } = await start("busy.gguf");
    const first = conversion.advance(1000);
    await expectCode(conversion.advance(1000), "ERR_BUSY");
    await first;
    await conversion.dispose();
  });

  it("needs a source", async () => {
    const backend = await subject.open();
    const nothing = join(folder, "nothing");
    await expectCode(backend.createConversion(nothing, join(folder, "out.gguf"), OPTIONS), "ERR_FILE_NOT_FOUND");
    expect(await readdir(folder)).toEqual([]);
  });
}
