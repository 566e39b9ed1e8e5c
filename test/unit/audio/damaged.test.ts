/** Content that is not audio, that ends early or is damaged: a typed error, or what is there and a note. */
import { describe, expect, test } from "vitest";
import { readAudio } from "../../../ts/audio/read-all.js";
import type { AudioNoteCode } from "../../../ts/audio/types.js";
import { fixtureBytes, snr } from "./fixtures.js";

async function read(bytes: Uint8Array): Promise<{ samples: Float32Array; rate: number; notes: AudioNoteCode[] }> {
  const notes: AudioNoteCode[] = [];
  const audio = await readAudio(bytes, { onNote: ({ code }) => notes.push(code) });
  return { ...audio, notes };
}

describe("not audio", () => {
  const text = (content: string): Uint8Array => new TextEncoder().encode(content);
  const cases: [string, Uint8Array, RegExp][] = [
    ["an empty file", new Uint8Array(0), /empty/],
    ["text", text("hello world, this is no recording\n".repeat(100)), /text/],
    ["JSON", text('{"a": 1}'), /text/],
    ["a JPEG image", new Uint8Array([0xff, 0xd8, 0xff, 0xe0, ...new Array<number>(500).fill(7)]), /JPEG/],
    ["a PNG image", new Uint8Array([0x89, ...text("PNG\r\n\x1a\n"), 0, 0, 0, 13]), /PNG/],
    ["zeros", new Uint8Array(10_000), /no known kind/],
    ["1 byte", new Uint8Array([0xff]), /no known kind/],
  ];
  test.each(cases)("%s", async (_, bytes, message) => {
    await expect(read(bytes)).rejects.toMatchObject({
      code: "ERR_INVALID_AUDIO",
      message: expect.stringMatching(message),
      remedy: expect.stringContaining("wav, mp3, flac"),
    });
  });

  test("noise of any seed never crashes", async () => {
    let state = 1;
    const next = (): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state >>> 16;
    };
    for (let i = 0; i < 20; i++) {
      const bytes = Uint8Array.from({ length: 1000 + (next() % 9000) }, next);
      const result = await read(bytes).then(
        () => "decoded",
        (error: { code?: string }) => error.code,
      );
      expect(["ERR_INVALID_AUDIO", "ERR_UNSUPPORTED_AUDIO", "decoded"]).toContain(result);
    }
  });
});

describe("cut at 60 %", () => {
  /** Gain, lag and limit as in formats.test.ts; share: least part of the whole that must come out. */
  const cases: [string, { gain?: number; lag?: number; snr: number; share: number }][] = [
    ["reference.wav", { snr: 200, share: 0.59 }],
    ["f32-22k.wav", { snr: 85, share: 0.59 }],
    ["vbr-48k.mp3", { snr: 35, share: 0.5 }],
    ["cbr-16k.mp3", { snr: 22, share: 0.5 }],
    ["s16-8k.flac", { snr: 200, share: 0.5 }],
    ["flac-16k.ogg", { snr: 80, share: 0.4 }],
    ["vorbis-44k-stereo.ogg", { gain: 0.75, snr: 15, share: 0.25 }],
    ["opus-48k-stereo.opus", { gain: 0.75, snr: 25, share: 0.5 }],
    ["opus-48k-stereo.webm", { gain: 0.75, snr: 25, share: 0.5 }],
    ["vorbis-44k.webm", { snr: 15, share: 0.15 }],
  ];
  test.each(cases)("%s gives its first part and a note", async (name, { gain = 1, snr: limit, share }) => {
    const bytes = fixtureBytes(name);
    const whole = await read(bytes);
    expect(whole.notes).toEqual([]);
    const { samples, rate, notes } = await read(bytes.subarray(0, Math.floor(bytes.length * 0.6)));
    expect(notes).toEqual(["truncated"]);
    expect(samples.length).toBeGreaterThan(share * whole.samples.length);
    expect(samples.length).toBeLessThan(0.75 * whole.samples.length);
    expect(snr(samples, rate, gain, 0)).toBeGreaterThan(limit);
  });

  test("mp4 without its index cannot be decoded", async () => {
    const bytes = fixtureBytes("opus-48k.mp4");
    await expect(read(bytes.subarray(0, Math.floor(bytes.length * 0.6)))).rejects.toMatchObject({
      code: "ERR_INVALID_AUDIO",
      remedy: expect.stringContaining("index"),
    });
  });
});

describe("cut to its header", () => {
  test.each([
    ["s16-8k.flac", 60],
    ["flac-16k.ogg", 100],
    ["vorbis-8k.ogg", 100],
    ["opus-16k.opus", 60],
    ["opus-48k-stereo.webm", 100],
    ["opus-48k-stereo.webm", 500],
    ["opus-48k.mp4", 40],
    ["cbr-16k.mp3", 30],
  ])("%s at byte %i", async (name, size) => {
    await expect(read(fixtureBytes(name).subarray(0, size))).rejects.toMatchObject({
      code: "ERR_INVALID_AUDIO",
      remedy: expect.any(String),
    });
  });
});

describe("one wrong byte", () => {
  test("a flac frame becomes silence, the rest stays and keeps its time", async () => {
    const bytes = fixtureBytes("s16-8k.flac");
    const whole = (await read(bytes)).samples;
    const at = Math.floor(bytes.length / 2);
    bytes[at] = (bytes[at] ?? 0) ^ 0x10;
    const { samples, notes } = await read(bytes);
    expect(notes).toEqual(["damaged"]);
    expect(samples.length).toBe(whole.length);
    const wrong = samples.reduce((count, sample, i) => count + (sample === whole[i] ? 0 : 1), 0);
    expect(wrong).toBeGreaterThan(0);
    expect(wrong).toBeLessThanOrEqual(1152);
  });

  test("an ogg page with a wrong checksum is left out and reported", async () => {
    const bytes = fixtureBytes("opus-chained.opus");
    bytes[3000] = (bytes[3000] ?? 0) ^ 1;
    const { samples, notes } = await read(bytes);
    expect(notes).toEqual(["damaged"]);
    // The last packet of the first stream, which has a page to itself, and all of the second stream.
    expect(samples.length).toBe(648 + 48_000);
  });

  test("a stream whose last page is lost ends where the next one starts", async () => {
    const bytes = fixtureBytes("opus-chained.opus");
    const secondFile = fixtureBytes("opus-16k.opus").length;
    bytes[secondFile - 10] = (bytes[secondFile - 10] ?? 0) ^ 1;
    const { samples, notes } = await read(bytes);
    expect(notes).toEqual(["damaged", "truncated"]);
    expect(samples.length).toBe(50 * 960 - 312 + 48_000); // 312: pre-skip
  });

  test("garbage before and between ogg pages", async () => {
    const bytes = fixtureBytes("opus-16k.opus");
    const second = Buffer.from(bytes).indexOf("OggS", 4);
    const spoiled = new Uint8Array([...bytes.subarray(0, second), ...new Uint8Array(5000), ...bytes.subarray(second)]);
    const { samples, notes } = await read(spoiled);
    expect(notes).toEqual(["damaged"]);
    expect(samples.length).toBe(48_000);
  });

  test("garbage inside an mp3 is passed over", async () => {
    const bytes = fixtureBytes("cbr-16k.mp3");
    const spoiled = new Uint8Array([...bytes.subarray(0, 3000), ...new Uint8Array(777), ...bytes.subarray(3000)]);
    const { samples } = await read(spoiled);
    expect(samples.length).toBeGreaterThan(14_000);
  });

  test("NaN in a float wav is an error that names the place", async () => {
    const bytes = fixtureBytes("f32-22k.wav");
    new DataView(bytes.buffer).setFloat32(bytes.length - 4 * 100, Number.NaN, true);
    await expect(read(bytes)).rejects.toMatchObject({
      code: "ERR_INVALID_AUDIO",
      message: expect.stringMatching(/sample 5413 \(at 0\.245 s\) is NaN/),
    });
  });
});
