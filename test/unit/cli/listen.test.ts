import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { run } from "../../../ts/cli/program.js";
import { WordPrinter } from "../../../ts/cli/word-printer.js";
import { type FakeBackend, useFakeBackend } from "../support/fake-backend.js";
import { floatWav, silentWav } from "../support/wav.js";

const RATE = 24_000;

class Collector extends Writable {
  text = "";
  onText: ((text: string) => void) | undefined;
  readonly isTTY: boolean;
  constructor(isTTY = false) {
    super();
    this.isTTY = isTTY;
  }
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString("utf8");
    this.onText?.(this.text);
    done();
  }
}

let backend: FakeBackend;
let folder: string;
const path = process.env["PATH"];
beforeEach(async () => {
  backend = useFakeBackend();
  folder = await mkdtemp(join(tmpdir(), "kstt-listen-"));
});
afterEach(async () => {
  process.env["PATH"] = path;
  expect(backend.engines.every(({ disposed }) => disposed)).toBe(true);
  await rm(folder, { recursive: true });
});

interface Running {
  readonly stdin?: Uint8Array[];
  readonly signal?: AbortSignal;
  readonly onOut?: (text: string) => void;
}

async function cli(argv: string[], { stdin = [], signal = new AbortController().signal, onOut }: Running = {}) {
  const [stdout, stderr] = [new Collector(), new Collector()];
  stdout.onText = onOut;
  const input = (async function* () {
    yield* stdin;
  })();
  const code = await run(argv, { stdin: input, stdout, stderr, signal });
  return { code, out: stdout.text, err: stderr.text };
}

describe("kyutai-stt listen --stdin", () => {
  it("prints a line per word with its times", async () => {
    const stdin = [new Uint8Array(16_001), new Uint8Array(15_999)];
    expect(await cli(["listen", "--stdin", "--rate", "8000"], { stdin })).toEqual({
      code: 0,
      out: "    0.20     0.40  w1\n    0.60     0.80  w2\n    1.00     1.20  w3\n    1.40     1.60  w4\n    1.80     2.00  w5\n",
      err: "",
    });
    expect(backend.engine.options.transformersCompat).toBe(false);
    const options = ["--codebooks", "4", "--transformers-compat"];
    expect((await cli(["listen", "--stdin", "--rate", "8000", ...options], { stdin })).code).toBe(0);
    expect(backend.engine.options).toMatchObject({ codebooks: 4, transformersCompat: true });
    const float = await cli(["listen", "--stdin", "--rate", "8000", "--format", "f32le"], { stdin });
    expect(float.out).toBe("    0.20     0.40  w1\n    0.60     0.80  w2\n");
  });

  it("prints a JSON line per event", async () => {
    const { code, out } = await cli(["listen", "--stdin", "--rate", "8000", "--json"], {
      stdin: [new Uint8Array(16_000)],
    });
    expect(code).toBe(0);
    const events = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events.map(({ type }) => type)).toEqual(["started", "word", "word", "end"]);
    expect(events[1]).toEqual({
      type: "word",
      text: "w1",
      start: expect.closeTo(0.2),
      end: 0.4,
      confidence: 0.5,
      final: true,
      index: 0,
    });
  });

  it("tells channels apart", async () => {
    const stdin = [new Uint8Array(32_000)];
    const { code, out } = await cli(["listen", "--stdin", "--rate", "8000", "--channels", "agent, caller"], { stdin });
    expect(code).toBe(0);
    expect(out.split("\n").filter((line) => line.endsWith("agent: w1")).length).toBe(1);
    expect(out.split("\n").filter((line) => line.endsWith("caller: w1")).length).toBe(1);
  });

  it.each([
    [["--stdin"], /--rate/],
    [["--stdin", "--rate", "fast"], /integer/],
    [["--stdin", "--rate", "8000", "--format", "wav"], /Allowed choices/],
    [["a.wav"], /argument/],
  ])("%o is wrong usage", async (args, message) => {
    const { code, out, err } = await cli(["listen", ...args]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(message);
  });

  it("reports a rate that no recording has", async () => {
    const { code, err } = await cli(["listen", "--stdin", "--rate", "12"]);
    expect(code).toBe(1);
    expect(err).toMatch(/rate 12 .*\[ERR_INVALID_AUDIO\]/);
  });
});

describe.skipIf(process.platform === "win32")("kyutai-stt listen with the microphone", () => {
  /** A program on the PATH, which has nothing else. */
  async function install(program: string, script: string): Promise<void> {
    process.env["PATH"] = folder;
    await writeFile(join(folder, program), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, program), 0o755);
  }
  const second = async (): Promise<string> => {
    const file = join(folder, "second.raw");
    await writeFile(file, new Uint8Array(2 * RATE));
    return file;
  };

  it.each(["parec", "pw-record", "arecord", "rec", "ffmpeg"])(
    "records with %s if it is the only one",
    async (program) => {
      await install(program, `echo "$@" > ${join(folder, "args")}\n/bin/cat ${await second()}`);
      const { code, out, err } = await cli(["listen"]);
      expect({ code, out }).toEqual({ code: 0, out: "    0.20     0.40  w1\n    0.60     0.80  w2\n" });
      expect(err).toBe(`listening with ${program}; Ctrl-C ends\n`);
    },
  );

  it("passes rate, channels and device on", async () => {
    const args = join(folder, "args");
    await install("arecord", `echo "$@" > ${args}\n/bin/cat ${await second()}`);
    expect((await cli(["listen", "--rate", "16000", "--device", "hw:1", "--channels", "split"])).code).toBe(0);
    const { readFile } = await import("node:fs/promises");
    expect((await readFile(args, "utf8")).trim()).toBe("-q -t raw -f S16_LE -r 16000 -c 2 -D hw:1");
  });

  it("goes on to the next one where one fails", async () => {
    await install("parec", "echo 'Connection refused' >&2; exit 1");
    await install("arecord", "exit 0");
    await install("rec", `/bin/cat ${await second()}`);
    const { code, err } = await cli(["listen"]);
    expect({ code, err }).toEqual({ code: 0, err: "listening with rec; Ctrl-C ends\n" });
  });

  it("names every recorder when none works", async () => {
    await install("parec", "echo 'Connection refused' >&2; exit 1");
    await install("arecord", "exit 3");
    const { code, out, err } = await cli(["listen"]);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toContain(
      "parec: Connection refused; pw-record: is not installed; arecord: ended without audio (status 3); rec: is not installed; ffmpeg: is not installed",
    );
    expect(err).toMatch(/remedy: Install one of parec, pw-record, arecord, rec, ffmpeg/);
  });

  it("ends cleanly on Ctrl-C, with the last words", async () => {
    await install("arecord", `/bin/cat ${await second()}\nexec /bin/sleep 60`);
    const controller = new AbortController();
    const running = cli(["listen", "--json"], {
      signal: controller.signal,
      onOut: (text) => {
        if (text.includes("w1")) {
          controller.abort();
        }
      },
    });
    const { code, out } = await running;
    expect(code).toBe(0);
    expect(out).toContain("w2");
    expect(JSON.parse(out.trimEnd().split("\n").at(-1) ?? "")).toEqual({ type: "end", duration: 1 });
  });
});

describe("kyutai-stt transcribe", () => {
  let file: string;
  beforeEach(async () => {
    file = join(folder, "second.wav");
    await writeFile(file, silentWav(1));
  });

  it("--timestamps prints a line per word", async () => {
    const { code, out } = await cli(["transcribe", file, "--timestamps"]);
    expect({ code, out }).toEqual({ code: 0, out: "    0.20     0.40  w1\n    0.60     0.80  w2\n" });
    const several = await cli(["transcribe", file, file, "--timestamps"]);
    expect(several.out.startsWith(`${file}:\n    0.20`)).toBe(true);
  });

  it("--stream prints words as they come, as text, lines or JSON", async () => {
    expect((await cli(["transcribe", file, "--stream"])).out).toBe("w1 w2\n");
    expect((await cli(["transcribe", file, "--stream", "--timestamps"])).out).toBe(
      "    0.20     0.40  w1\n    0.60     0.80  w2\n",
    );
    const { out } = await cli(["transcribe", file, "--stream", "--format", "json"]);
    expect(
      out
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      expect.objectContaining({ file, type: "word", text: "w1" }),
      expect.objectContaining({ file, type: "word", text: "w2" }),
    ]);
    const output = await cli(["transcribe", file, "--stream", "--output", folder]);
    expect(output).toMatchObject({ code: 2, err: expect.stringContaining("--stream") });
    expect((await cli(["transcribe", file, "--stream", "--format", "srt"])).code).toBe(2);
  });

  it("--stream prints a word before the file has ended", async () => {
    await writeFile(file, silentWav(60));
    backend.onEngine = (engine) => {
      engine.maxSteps = 5;
    };
    let words = 0;
    await cli(["transcribe", file, "--stream"], {
      onOut: (text) => {
        words = Math.max(words, text.split(" ").length);
        if (words < 10) {
          expect(backend.engine.rounds).toBeLessThan(400);
        }
      },
    });
    expect(words).toBe(150);
  });

  it("--channels names the channels", async () => {
    const samples = new Array<number>(16_000).fill(0);
    await writeFile(file, floatWav(samples, { channels: 2 }));
    const { code, out } = await cli(["transcribe", file, "--channels", "agent,caller", "--timestamps"]);
    expect(code).toBe(0);
    expect(out).toContain("agent: w1");
    expect(out).toContain("caller: w1");
    const wrong = await cli(["transcribe", file, "--channels", "a,b,c"]);
    expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining("has 2") });
  });
});

describe("WordPrinter", () => {
  const word = (text: string, final: boolean) =>
    ({ type: "word", text, start: 1, end: 2, confidence: 1, final, index: 0 }) as const;
  async function printed(isTTY: boolean, times: boolean): Promise<string> {
    const stdout = new Collector(isTTY);
    const stdin = (async function* (): AsyncGenerator<Uint8Array> {})();
    const io = { stdin, stdout, stderr: new Collector(), signal: new AbortController().signal };
    const printer = new WordPrinter(io, { times, turns: true, json: undefined });
    const turn = { type: "pause", time: 3, heard: 3, probability: 1, source: "tokens" } as const;
    for (const event of [word("se", false), word("seven", false), word("seven", true), turn, word("tw", false)]) {
      printer.show(event);
    }
    await printer.close();
    return stdout.text;
  }

  it("rewrites a growing word on a terminal", async () => {
    const clear = "\r\u001b[2K";
    expect(await printed(true, true)).toBe(
      `    1.00     2.00  se${clear}    1.00     2.00  seven${clear}    1.00     2.00  seven\n    3.00           (pause)\n    1.00     2.00  tw${clear}`,
    );
  });

  it("tells a pause behind the word that ends at it, whenever that is known", async () => {
    const pause = { type: "pause", time: 3, heard: 3, probability: 1, source: "tokens" } as const;
    const print = async (times: boolean) => {
      const stdout = new Collector();
      const stdin = (async function* (): AsyncGenerator<Uint8Array> {})();
      const io = { stdin, stdout, stderr: new Collector(), signal: new AbortController().signal };
      const printer = new WordPrinter(io, { times, turns: true, json: undefined });
      for (const event of [
        word("seven", false),
        pause,
        word("seven", true),
        { ...word("two", true), start: 4, end: 5 },
      ]) {
        printer.show(event);
      }
      await printer.close();
      return stdout.text;
    };
    expect(await print(true)).toBe("    1.00     2.00  seven\n    3.00           (pause)\n    4.00     5.00  two\n");
    expect(await print(false)).toBe("seven\ntwo\n");
  });

  it("prints final words only elsewhere", async () => {
    expect(await printed(false, true)).toBe("    1.00     2.00  seven\n    3.00           (pause)\n");
    expect(await printed(false, false)).toBe("seven\n");
  });
});
