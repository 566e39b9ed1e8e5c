/** The command line as users run it: the compiled program, the addon, the embedded model. */
import { execFile, spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { floatWav } from "../unit/support/wav.js";

const program = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const model = fileURLToPath(new URL("../../models/digits-en", import.meta.url));
const sample = `${model}/sample.wav`;

/** Runs the program; never rejects because of its exit status. */
async function cli(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [program, ...argv]);
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const failure = error as { code: number; stdout: string; stderr: string };
    return { code: failure.code, out: failure.stdout, err: failure.stderr };
  }
}

describe("kyutai-stt with the embedded model", () => {
  it("transcribes a recording with the embedded model", async () => {
    const { code, out, err } = await cli("transcribe", sample, "--format", "json");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const { text, words, duration, backend } = JSON.parse(out);
    expect(text).toBe(words.map((word: { text: string }) => word.text).join(" "));
    expect(duration).toBeGreaterThan(1);
    for (const { start, end, confidence } of words) {
      expect(start).toBeGreaterThanOrEqual(0);
      expect(end).toBeGreaterThanOrEqual(start);
      expect(end).toBeLessThanOrEqual(duration + 0.08);
      expect(confidence).toBeGreaterThan(0);
      expect(confidence).toBeLessThanOrEqual(1);
    }
    expect(backend.tried.at(-1)).toEqual({ kind: backend.kind, ok: true });
    // The same bytes from standard input.
    const child = spawn(process.execPath, [program, "transcribe", "-", "--format", "json"]);
    createReadStream(sample).pipe(child.stdin);
    let piped = "";
    child.stdout.on("data", (chunk) => {
      piped += chunk;
    });
    expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
    expect(JSON.parse(piped)).toEqual({ ...JSON.parse(out), file: "-" });
  });

  it("generates and encodes as many frames as there are", async () => {
    const generated = await cli("generate", sample, "--model", model, "--format", "json");
    expect({ code: generated.code, err: generated.err }).toEqual({ code: 0, err: "" });
    const { tokens, text } = JSON.parse(generated.out);
    expect(tokens[0]).toBe(270);
    expect(typeof text).toBe("string");
    const encoded = await cli("encode", sample, "--model", model, "--format", "json");
    const { codes } = JSON.parse(encoded.out);
    expect(codes.length).toBe(8);
    for (const codebook of codes) {
      // A last partial frame has a code but no token; the start token has no frame.
      expect(codebook.length - (tokens.length - 1)).toBeOneOf([0, 1]);
      expect(codebook.every((value: number) => Number.isInteger(value) && value >= 0 && value < 256)).toBe(true);
    }
  });

  it("does the files that can be done", async () => {
    const { code, out, err } = await cli("transcribe", "no-such-file.wav", sample);
    expect(code).toBe(1);
    expect(out.split("\n").length).toBe(2);
    expect(err).toContain("[ERR_FILE_NOT_FOUND]");
  });

  it("can be interrupted", async () => {
    const child = spawn(process.execPath, [program, "transcribe", "-"]);
    const closed = new Promise<[number | null, string | null]>((resolve) =>
      child.on("close", (code, signal) => resolve([code, signal])),
    );
    // More than a pipe holds: once it is written, the program has begun to read, and it waits for the rest.
    const audio = floatWav(new Array<number>(500_000).fill(0), { claimed: 5_000_000 });
    await new Promise<void>((resolve) => child.stdin.write(audio, () => resolve()));
    child.kill("SIGINT");
    expect(await closed).toEqual([130, null]);
  });

  it("knows its backends", async () => {
    const { code, out } = await cli("info");
    expect(code).toBe(0);
    expect(out).toContain("  cpu: works\n");
    expect(out).toMatch(/ {2}wasm: /);
  });
});
