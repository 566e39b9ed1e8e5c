import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TranscribeOptions, TranscribeSource } from "../../../ts/api/options.js";
import { SpeechToText } from "../../../ts/api/speech-to-text.js";
import { SttError, type SttErrorCode } from "../../../ts/contract/errors.js";
import { fileError, writeError } from "../../../ts/model/model-folder.node.js";
import { read_audio } from "../../../ts/model/read-audio.js";
import { useFakeBackend } from "../support/fake-backend.js";
import { DIGITS_EN, fixturePath } from "../support/fixture.js";
import { collectWarnings } from "../support/warnings.js";
import { floatWav, silentWav } from "../support/wav.js";

const second = new Float32Array(8000);

interface BadInput {
  readonly name: string;
  readonly audio: () => unknown;
  readonly options?: object;
  readonly code: SttErrorCode;
  readonly words: string;
}

const raw = (samples: unknown, rate: unknown) => () => ({ samples, rate });
const withSample = (value: number) => () => floatWav([0, 0, 0, value, ...new Array<number>(8000).fill(0)]);

const BAD_INPUTS: readonly BadInput[] = [
  { name: "a missing file", audio: () => "no-such.wav", code: "ERR_FILE_NOT_FOUND", words: "no-such.wav" },
  { name: "a folder", audio: () => DIGITS_EN, code: "ERR_INVALID_ARGUMENT", words: "folder" },
  { name: "an empty path", audio: () => "", code: "ERR_INVALID_ARGUMENT", words: '""' },
  { name: "nothing", audio: () => undefined, code: "ERR_INVALID_ARGUMENT", words: "undefined" },
  { name: "a number", audio: () => 3, code: "ERR_INVALID_ARGUMENT", words: "3" },
  {
    name: "a file that is no audio",
    audio: () => join(DIGITS_EN, "config.json"),
    code: "ERR_INVALID_AUDIO",
    words: "not an audio file",
  },
  { name: "no bytes", audio: () => new Uint8Array(0), code: "ERR_INVALID_AUDIO", words: "audio bytes" },
  { name: "a file with zero samples", audio: () => floatWav([]), code: "ERR_INVALID_AUDIO", words: "no audio samples" },
  { name: "zero samples", audio: raw(new Float32Array(0), 8000), code: "ERR_INVALID_AUDIO", words: "no audio samples" },
  {
    name: "a file that ends early",
    audio: () => floatWav([...second], { claimed: 16000 }),
    code: "ERR_INVALID_AUDIO",
    words: "promises",
  },
  { name: "one sample", audio: () => floatWav([0.5]), code: "ERR_INVALID_AUDIO", words: "too short" },
  { name: "NaN in a file", audio: withSample(Number.NaN), code: "ERR_INVALID_AUDIO", words: "sample 3" },
  {
    name: "infinity in a file",
    audio: withSample(Number.POSITIVE_INFINITY),
    code: "ERR_INVALID_AUDIO",
    words: "Infinity",
  },
  {
    name: "NaN samples",
    audio: raw(Float32Array.of(0, Number.NaN), 8000),
    code: "ERR_INVALID_AUDIO",
    words: "sample 1",
  },
  { name: "rate 0", audio: raw(second, 0), code: "ERR_INVALID_AUDIO", words: "sample rate 0" },
  { name: "rate 1 MHz", audio: raw(second, 1e6), code: "ERR_INVALID_AUDIO", words: "sample rate 1000000" },
  { name: "rate NaN", audio: raw(second, Number.NaN), code: "ERR_INVALID_AUDIO", words: "sample rate NaN" },
  {
    name: "a file of rate 0",
    audio: () => floatWav([...second], { rate: 0 }),
    code: "ERR_INVALID_AUDIO",
    words: "0 Hz",
  },
  {
    name: "a file of 1 MHz",
    audio: () => floatWav([...second], { rate: 1e6 }),
    code: "ERR_INVALID_AUDIO",
    words: "1000000 Hz",
  },
  { name: "samples without a rate", audio: () => second, code: "ERR_INVALID_ARGUMENT", words: "sample rate" },
  {
    name: "a rate for a file",
    audio: () => "a.wav",
    options: { rate: 8000 },
    code: "ERR_INVALID_ARGUMENT",
    words: "'rate'",
  },
  { name: "samples that are numbers", audio: raw([0, 1], 8000), code: "ERR_INVALID_ARGUMENT", words: "Float32Array" },
  {
    name: "an unknown option",
    audio: () => second,
    options: { rate: 8000, lang: "en" },
    code: "ERR_INVALID_ARGUMENT",
    words: "'lang'",
  },
  {
    name: "a wrong signal",
    audio: () => second,
    options: { rate: 8000, signal: 1 },
    code: "ERR_INVALID_ARGUMENT",
    words: "'signal'",
  },
  {
    name: "a wrong callback",
    audio: () => second,
    options: { rate: 8000, onProgress: 1 },
    code: "ERR_INVALID_ARGUMENT",
    words: "'onProgress'",
  },
  {
    name: "a wrong flag",
    audio: () => second,
    options: { rate: 8000, acceptTruncated: 1 },
    code: "ERR_INVALID_ARGUMENT",
    words: "'acceptTruncated'",
  },
];

describe("bad input", () => {
  const warnings = collectWarnings();
  let stt: SpeechToText;
  beforeAll(async () => {
    useFakeBackend();
    stt = await SpeechToText.load(DIGITS_EN);
  });
  afterAll(() => stt.dispose());

  async function failure(audio: unknown, options: TranscribeOptions = {}): Promise<SttError> {
    const error: unknown = await stt.transcribe(audio as TranscribeSource, options).then(
      (result) => expect.fail(`gave "${result.text}"`),
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(SttError);
    return error as SttError;
  }

  for (const { name, audio, options, code, words } of BAD_INPUTS) {
    it(`${name}: ${code}, and the next recording works`, async () => {
      const error = await failure(audio(), options);
      expect(error.code).toBe(code);
      expect(`${error.message} ${error.remedy}`).toContain(words);
      expect(error.remedy).toMatch(/\w/);
      expect((await stt.transcribe(second, { rate: 8000 })).text).toBe("w1 w2");
    });
  }

  it("takes a file that ends early when told to, with a warning", async () => {
    const audio = floatWav([...second], { claimed: 16000 });
    const result = await stt.transcribe(audio, { acceptTruncated: true });
    expect(result).toMatchObject({ text: "w1 w2", duration: 1 });
    expect(warnings).toEqual([expect.stringContaining("promises")]);
  });

  it("mixes ten channels down", async () => {
    expect((await stt.transcribe(fixturePath("audio/s16-10-channels.wav"))).duration).toBeGreaterThan(0);
  });

  it("names files that cannot be read", async (context) => {
    if (process.getuid?.() === 0) {
      context.skip("root may read everything; the mapping of EACCES is tested below");
    }
    const folder = await mkdtemp(join(tmpdir(), "kstt-"));
    try {
      const path = join(folder, "secret.wav");
      await writeFile(path, silentWav(1));
      await chmod(path, 0);
      expect((await failure(path)).code).toBe("ERR_FILE_ACCESS");
      await chmod(folder, 0);
      await expect(SpeechToText.load(folder)).rejects.toMatchObject({ code: "ERR_FILE_ACCESS" });
    } finally {
      await chmod(folder, 0o700);
      await rm(folder, { recursive: true });
    }
  });

  it("maps file system errors", () => {
    const as = (code: string): SttError => fileError(Object.assign(new Error(code), { code }), "/m", "model folder");
    expect(as("EACCES")).toMatchObject({
      code: "ERR_FILE_ACCESS",
      message: "/m: no permission to read this model folder",
    });
    expect(as("EIO")).toMatchObject({ code: "ERR_FILE_ACCESS", message: expect.stringContaining("EIO") });
    expect(as("ENOENT")).toMatchObject({ code: "ERR_FILE_NOT_FOUND" });
    const written = (code: string): SttError => writeError(Object.assign(new Error(code), { code }), "/m/config.json");
    for (const code of ["ENOSPC", "EDQUOT"]) {
      expect(written(code)).toMatchObject({
        code: "ERR_DISK_FULL",
        remedy: expect.stringContaining("Free some space"),
      });
    }
    for (const code of ["EACCES", "EPERM", "EROFS"]) {
      expect(written(code)).toMatchObject({
        code: "ERR_FILE_ACCESS",
        message: "/m/config.json: no permission to write this file",
      });
    }
    expect(written("ENOTDIR")).toMatchObject({ code: "ERR_FILE_NOT_FOUND" });
  });
});

describe("read_audio", () => {
  it("gives samples at the rate asked for", async () => {
    useFakeBackend();
    const wav = floatWav([0.5, -0.5, 0.5, -0.5], { rate: 1000 });
    await expect(read_audio(wav, 1000)).rejects.toThrow("too short");
    const long = new Array<number>(1000).fill(0.25);
    expect((await read_audio(floatWav(long, { rate: 1000 }), 1000)).length).toBe(1000);
    expect((await read_audio(floatWav(long, { rate: 1000 }), 3000)).length).toBe(3000);
    await expect(read_audio(wav, 10)).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
    await expect(read_audio(wav, 1000, { sinal: 1 } as object)).rejects.toThrow("'sinal'");
  });
});
