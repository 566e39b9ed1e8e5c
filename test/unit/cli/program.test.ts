import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { run } from "../../../ts/cli/program.js";
import { type FakeBackend, useFakeBackend } from "../support/fake-backend.js";
import { DIGITS_EN, fixturePath } from "../support/fixture.js";
import { floatWav, silentWav } from "../support/wav.js";

interface Outcome {
  code: number;
  out: string;
  err: string;
}

class Collector extends Writable {
  text = "";
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString("utf8");
    done();
  }
}

describe("kyutai-stt", () => {
  let backend: FakeBackend;
  let folder: string;
  let second: string;
  beforeEach(async () => {
    backend = useFakeBackend();
    folder = await mkdtemp(join(tmpdir(), "kstt-"));
    second = join(folder, "second.wav");
    await writeFile(second, silentWav(1));
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });

  async function cli(argv: string[], { stdin = [] as Uint8Array[], signal = new AbortController().signal } = {}) {
    const [stdout, stderr] = [new Collector(), new Collector()];
    const input = (async function* () {
      yield* stdin;
    })();
    const code = await run(argv, { stdin: input, stdout, stderr, signal });
    return { code, out: stdout.text, err: stderr.text } satisfies Outcome;
  }

  describe("transcribe", () => {
    it("prints text, and the file's name only with several files", async () => {
      expect(await cli(["transcribe", second])).toEqual({ code: 0, out: "w1 w2\n", err: "" });
      const several = await cli(["transcribe", second, second]);
      expect(several.out).toBe(`${second}: w1 w2\n${second}: w1 w2\n`);
      expect(backend.engine.disposed).toBe(true);
    });

    it("prints one JSON document per file", async () => {
      const { code, out } = await cli(["transcribe", second, second, "--format", "json"]);
      expect(code).toBe(0);
      const lines = out.trimEnd().split("\n");
      expect(lines.length).toBe(2);
      expect(JSON.parse(lines[0] ?? "")).toEqual({
        file: second,
        model: { kind: "embedded", path: DIGITS_EN },
        text: "w1 w2",
        words: [
          { text: "w1", start: expect.closeTo(0.2), end: 0.4, confidence: 0.5 },
          { text: "w2", start: expect.closeTo(0.6), end: 0.8, confidence: 0.5 },
        ],
        duration: 1,
        backend: { kind: "cpu", device: "fake", kernels: "none", threads: 2, tried: [{ kind: "cpu", ok: true }] },
      });
    });

    it("prints subtitles", async () => {
      expect((await cli(["transcribe", second, "--format", "srt"])).out).toContain("00:00:00,200 --> 00:00:00,800");
      expect((await cli(["transcribe", second, "--format", "vtt"])).out).toMatch(/^WEBVTT\n/);
      const both = await cli(["transcribe", second, second, "--format", "srt"]);
      expect(both).toMatchObject({ code: 2, out: "", err: expect.stringContaining("--output") });
    });

    it("writes one file per recording", async () => {
      const output = join(folder, "new", "out");
      const { code, out } = await cli(["transcribe", second, second, "--format", "srt", "--output", output]);
      expect({ code, out }).toEqual({ code: 0, out: "" });
      expect((await readdir(output)).sort()).toEqual(["second-2.srt", "second.srt"]);
      expect(await readFile(join(output, "second.srt"), "utf8")).toContain("w1 w2");
    });

    it.each([["-"], ["--"]])("reads standard input given as %s", async (name) => {
      const bytes = silentWav(1);
      const stdin = [bytes.subarray(0, 1000), bytes.subarray(1000)];
      const { code, out } = await cli(["transcribe", "--format", "json", name], { stdin });
      expect(code).toBe(0);
      expect(JSON.parse(out)).toMatchObject({ file: "-", text: "w1 w2" });
    });

    it("goes on after a file that fails, and exits with 1", async () => {
      const bad = join(folder, "bad.wav");
      await writeFile(bad, "this is no audio at all, only text that somebody renamed");
      const { code, out, err } = await cli(["transcribe", "missing.wav", bad, second]);
      expect(code).toBe(1);
      expect(out).toBe(`${second}: w1 w2\n`);
      expect(err).toMatch(/^error: missing\.wav: .*\[ERR_FILE_NOT_FOUND\]\n/);
      expect(err).toMatch(/error: .*bad\.wav: not an audio file .*\[ERR_INVALID_AUDIO\]\n {2}remedy: /);
    });

    it.each([
      ["zero samples", floatWav([])],
      ["NaN samples", floatWav([0, Number.NaN, ...new Array<number>(999).fill(0)])],
      ["one sample", floatWav([0.5])],
      ["a file that ends early", floatWav(new Array<number>(999).fill(0), { claimed: 5000 })],
      ["rate 1 MHz", floatWav(new Array<number>(999).fill(0), { rate: 1e6 })],
    ])("reports %s and exits with 1", async (_name, bytes) => {
      await writeFile(second, bytes);
      for (const command of ["transcribe", "generate", "encode"]) {
        const { code, out, err } = await cli([command, second]);
        expect({ code, out }).toEqual({ code: 1, out: "" });
        expect(err).toMatch(/^error: .*\[ERR_INVALID_AUDIO\]\n {2}remedy: .*\n$/);
      }
    });

    it("uses what a truncated file holds when told to", async () => {
      await writeFile(second, floatWav(new Array<number>(8000).fill(0), { claimed: 16000 }));
      const { code, out, err } = await cli(["transcribe", "--accept-truncated", second]);
      expect({ code, out }).toEqual({ code: 0, out: "w1 w2\n" });
      expect(err).toMatch(/^warning: .*promises/);
    });

    it("reports a model that cannot be loaded", async () => {
      const { code, out, err } = await cli(["transcribe", "--model", join(folder, "none"), second]);
      expect({ code, out }).toEqual({ code: 1, out: "" });
      expect(err).toMatch(/^error: .*no such model folder or file \[ERR_FILE_NOT_FOUND\]/);
      vi.stubEnv("HF_HUB_OFFLINE", "1");
      const hub = await cli(["transcribe", "--model", "kyutai/stt-1b-en_fr", "--cache", folder, second]);
      expect(hub).toMatchObject({ code: 1, out: "", err: expect.stringContaining("[ERR_HUB_OFFLINE]") });
      const cuda = await cli(["transcribe", "--backend", "cuda", second]);
      expect(cuda).toMatchObject({ code: 1, err: expect.stringContaining("[ERR_BACKEND_UNAVAILABLE]") });
    });
  });

  describe("generate", () => {
    // 1 s and the 1.56 s of silence that the digits model wants: 32 frames of 80 ms.
    const tokens = [270, ...Array.from({ length: 32 }, (_, step) => 260 + ((step + 1) % 10))];

    it("prints file, tokens and text of one padded batch", async () => {
      const shorter = join(folder, "shorter.wav");
      await writeFile(shorter, silentWav(0.5));
      const { code, out, err } = await cli(["generate", second, shorter, "--model", DIGITS_EN, "--format", "json"]);
      expect({ code, err }).toEqual({ code: 0, err: "" });
      const [first, last] = out
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(first).toEqual({ file: second, tokens, text: expect.stringMatching(/^one two three/) });
      expect(last).toMatchObject({
        file: shorter,
        tokens: tokens.map((token, i) => (i ? 260 + ((token - 259) % 10) : 270)),
      });
      expect(backend.engine.generations).toEqual([
        { rows: 2, samples: 24000 + 37440, params: { maxNewTokens: 32, audioWindowSize: 0 } },
      ]);
    });

    it("passes its options on and prints warnings to stderr", async () => {
      await cli(["generate", second, "--max-new-tokens", "5", "--audio-window-size", "2"]);
      expect(backend.engine.generations[0]?.params).toEqual({ maxNewTokens: 5, audioWindowSize: 2 });
      const { code, err } = await cli(["generate", second, "--max-new-tokens", "5000", "--format", "text"]);
      expect({ code, err }).toEqual({ code: 0, err: expect.stringMatching(/^warning: `max_new_tokens` \(5000\)/) });
    });

    it("leaves failing files out of the batch", async () => {
      const { code, out, err } = await cli(["generate", "missing.wav", second]);
      expect(code).toBe(1);
      expect(JSON.parse(out)).toMatchObject({ file: second, tokens });
      expect(err).toContain("[ERR_FILE_NOT_FOUND]");
      expect(backend.engine.generations[0]?.rows).toBe(1);
    });
  });

  it("encodes", async () => {
    const { code, out } = await cli(["encode", second, "--format", "json"]);
    expect(code).toBe(0);
    const { file, codes } = JSON.parse(out);
    expect(file).toBe(second);
    expect(codes).toEqual(Array.from({ length: 8 }, (_, codebook) => new Array(32).fill(codebook)));
  });

  it("says how a checkpoint is to be taken", async () => {
    const taken = async (...argv: string[]): Promise<object> => {
      const { code, err } = await cli(argv);
      expect({ code, err }).toEqual({ code: 0, err: "" });
      const { codebooks, transformersCompat } = backend.engine.options;
      return { codebooks, transformersCompat };
    };
    const [asTrained, asFiles] = [{ transformersCompat: false }, { transformersCompat: undefined }];
    expect(await taken("transcribe", second)).toEqual(asTrained);
    expect(await taken("transcribe", second, "--codebooks", "4", "--transformers-compat")).toEqual({
      codebooks: 4,
      transformersCompat: true,
    });
    expect(await taken("generate", second)).toEqual(asFiles);
    expect(await taken("generate", second, "--codebooks", "4")).toEqual({ codebooks: 4, ...asFiles });
    expect(await taken("encode", second, "--codebooks", "4")).toEqual({ codebooks: 4, ...asFiles });
    expect(JSON.parse((await cli(["encode", second, "--codebooks", "4"])).out).codes).toHaveLength(4);
    expect((await cli(["encode", second, "--transformers-compat"])).code).toBe(2);
  });

  it.each([
    ["--transformers-compat", true],
    ["--no-transformers-compat", false],
  ])("takes a checkpoint for generate with %s", async (flag, transformersCompat) => {
    const config = JSON.parse(await readFile(join(DIGITS_EN, "config.json"), "utf8"));
    backend.descriptions.set(DIGITS_EN, { layout: "transformers", config });
    expect((await cli(["generate", second, flag])).code).toBe(0);
    expect(backend.engine.options).toMatchObject({ transformersCompat });
  });

  it("tells about itself", async () => {
    const { code, out } = await cli(["info"]);
    expect(code).toBe(0);
    expect(out).toMatch(/^kyutai-stt \d+\.\d+\.\d+\n/);
    expect(out).toMatch(/cpu: works\n/);
    expect(out).toMatch(/cuda: not usable: \w/);
    const version = await cli(["--version"]);
    expect(version).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), err: "" });
    const help = await cli(["transcribe", "--help"]);
    expect(help).toMatchObject({ code: 0, out: expect.stringContaining("--output <dir>"), err: "" });
  });

  it.each([
    [[]],
    [["transcribe"]],
    [["transcript", "a.wav"]],
    [["transcribe", "a.wav", "--frobnicate"]],
    [["transcribe", "a.wav", "--format", "docx"]],
    [["transcribe", "a.wav", "--backend", "tpu"]],
    [["transcribe", "a.wav", "--threads", "0"]],
    [["transcribe", "a.wav", "--threads", "many"]],
    [["generate", "a.wav", "--max-new-tokens", "-1"]],
    [["encode", "a.wav", "--format", "text"]],
    [["encode", "a.wav", "--codebooks", "0"]],
    [["transcribe", "a.wav", "--codebooks", "some"]],
    [["transcribe", "a.wav", "--no-transformers-compat"]],
  ])("exits with 2 on wrong usage: %o", async (argv) => {
    const { code, out, err } = await cli(argv);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).not.toBe("");
    expect(backend.engines).toEqual([]);
  });

  it("exits with 130 when interrupted, and frees the model", async () => {
    const controller = new AbortController();
    await writeFile(second, silentWav(60));
    backend.onEngine = (engine) => {
      engine.maxSteps = 1;
      engine.onCompute = () => controller.abort();
    };
    const interrupted = await cli(["transcribe", second, second], { signal: controller.signal });
    expect(interrupted).toEqual({ code: 130, out: "", err: "" });
    expect(backend.engine.disposed).toBe(true);
  });

  it("ends quietly when the reader of its output goes away", async () => {
    const stdout = new PassThrough();
    stdout.on("error", () => {});
    stdout.destroy(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
    const stderr = new Collector();
    const { signal } = new AbortController();
    const stdin = (async function* (): AsyncGenerator<Uint8Array> {})();
    expect(await run(["transcribe", second, second], { stdin, stdout, stderr, signal })).toBe(0);
    expect(stderr.text).toBe("");
    expect(backend.engine.disposed).toBe(true);
  });

  it("draws progress on a terminal only", async () => {
    const stderr = Object.assign(new Collector(), {
      isTTY: true,
      columns: 80,
      cursorTo() {},
      clearLine() {},
      moveCursor() {},
    });
    const stdout = new Collector();
    const stdin = (async function* (): AsyncGenerator<Uint8Array> {})();
    const { signal } = new AbortController();
    expect(await run(["transcribe", fixturePath("audio/u8.wav")], { stdin, stdout, stderr, signal })).toBe(0);
    expect(stderr.text).toContain("loading");
    expect(stdout.text).not.toContain("\u001b");
  });
});
