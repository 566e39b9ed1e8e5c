/** Without the addon everything works all the same, and says once that it is slower. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { withWasmBuilds } from "./wasm-core.js";

const PROGRAM = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const MODEL = fileURLToPath(new URL("../../models/digits-en", import.meta.url));
const TEXT = readFileSync(`${MODEL}/sample.txt`, "utf8").trim();

function cli(...argv: string[]): Promise<{ stdout: string; stderr: string }> {
  const env = { ...process.env, KYUTAI_STT_ADDON: join(tmpdir(), "there-is-no-such.node") };
  return promisify(execFile)(process.execPath, [PROGRAM, ...argv], { env });
}

withWasmBuilds((build) => {
  if (build !== "threads") {
    return;
  }

  test("transcribes, with the reasons against the other backends", async () => {
    const { stdout, stderr } = await cli("transcribe", `${MODEL}/sample.wav`, "--format", "json");
    const { text, backend } = JSON.parse(stdout);
    expect(text).toBe(TEXT);
    expect(backend.kind).toBe("wasm");
    expect(backend.tried.map(({ kind, variant, ok }: Record<string, unknown>) => [kind, variant, ok])).toEqual([
      ["cuda", undefined, false],
      ["cpu", undefined, false],
      ["wasm", "threads", true],
    ]);
    expect(backend.tried[1].reason).toContain("there-is-no-such.node");
    expect(stderr.match(/computing in WebAssembly/g)).toHaveLength(1);
  });

  test("works in a script that is given on the command line", async () => {
    const entry = JSON.stringify(new URL("../../dist/index.node.js", import.meta.url).href);
    const script = `
      const { SpeechToText } = await import(${entry});
      const stt = await SpeechToText.load(undefined, { backend: "wasm" });
      console.log((await stt.transcribe(${JSON.stringify(`${MODEL}/sample.wav`)})).text);`;
    const argv = ["--input-type=module", "--eval", script];
    // Ends by itself although the model is not disposed.
    const { stdout } = await promisify(execFile)(process.execPath, argv, { timeout: 50_000 });
    expect(stdout.trim()).toBe(TEXT);
  });

  test("converts a model, and reads the file again", async () => {
    const folder = await mkdtemp(join(tmpdir(), "kstt-wasm-"));
    try {
      const file = join(folder, "small.gguf");
      await cli("convert", MODEL, file, "--dtype", "q8_0");
      expect((await cli("transcribe", `${MODEL}/sample.wav`, "--model", file)).stdout.trim()).toBe(TEXT);
      expect(JSON.parse((await cli("info", file, "--json")).stdout)).toMatchObject({ layout: "gguf" });
      await expect(cli("convert", MODEL, join(folder, "no", "where", "x.gguf"))).rejects.toMatchObject({ code: 1 });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
