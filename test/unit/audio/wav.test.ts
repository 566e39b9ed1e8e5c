/** The wav reader: any encoding, rate and channel count, and the headers that go wrong. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readAudio } from "../../../ts/audio/read-all.js";
import type { AudioNote } from "../../../ts/audio/types.js";
import { type WavOptions, wavBytes } from "./wav-bytes.js";

async function read(bytes: Uint8Array): Promise<{ samples: number[]; rate: number; notes: string[] }> {
  const notes: AudioNote[] = [];
  const { samples, rate } = await readAudio(bytes, { onNote: (note) => notes.push(note) });
  return { samples: [...samples], rate, notes: notes.map(({ code }) => code) };
}

const ENCODINGS = [
  { tag: 1, bits: 8, step: 2 ** -7 },
  { tag: 1, bits: 16, step: 2 ** -15 },
  { tag: 1, bits: 24, step: 2 ** -23 },
  { tag: 1, bits: 32, step: 2 ** -31 },
  { tag: 3, bits: 32, step: 2 ** -24 },
  { tag: 3, bits: 64, step: 2 ** -24 },
] as const;

describe("round trip", () => {
  test("any encoding, rate, channel count, extensible or not, in any chunks", async () => {
    const channelData = fc
      .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 300 }))
      .chain(([channels, frames]) =>
        fc.array(fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: frames, maxLength: frames }), {
          minLength: channels,
          maxLength: channels,
        }),
      );
    await fc.assert(
      fc.asyncProperty(
        channelData,
        fc.constantFrom(...ENCODINGS),
        fc.integer({ min: 1000, max: 768_000 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 5000 }),
        async (channels, { tag, bits, step }, rate, extensible, chunkSize) => {
          const bytes = wavBytes(channels, { tag, bits, rate, extensible });
          async function* chunks(): AsyncGenerator<Uint8Array> {
            for (let start = 0; start < bytes.length; start += chunkSize) {
              yield bytes.subarray(start, start + chunkSize);
            }
          }
          const audio = await readAudio(chunks());
          expect(audio.rate).toBe(rate);
          expect(audio.samples.length).toBe(channels[0]?.length);
          audio.samples.forEach((sample, i) => {
            const mean = channels.reduce((sum, channel) => sum + (channel[i] ?? 0), 0) / channels.length;
            // Full scale of integers ends one step below 1.
            expect(Math.abs(sample - mean)).toBeLessThanOrEqual(1.01 * step + 2 ** -24);
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  test("16-bit values are divided by 32768", async () => {
    const bytes = wavBytes([[0, 0, 0]], { bits: 16 });
    new Int16Array(bytes.buffer, 44).set([-32_768, 32_767, 1]);
    expect((await read(bytes)).samples).toEqual([-1, 32_767 / 32_768, 1 / 32_768]);
  });

  test("the extremes of mu-law and A-law are those of G.711", async () => {
    const codes = new Uint8Array([0x00, 0x80, 0x7f, 0xff]);
    const mulaw = wavBytes([[0, 0, 0, 0]], { tag: 7, bits: 8 });
    mulaw.set(codes, 44);
    expect((await read(mulaw)).samples.map((sample) => sample * 32_768)).toEqual([-32_124, 32_124, 0, 0]);
    const alaw = wavBytes([[0, 0, 0, 0]], { tag: 6, bits: 8 });
    alaw.set([0x2a, 0xaa, 0x55, 0xd5], 44);
    expect((await read(alaw)).samples.map((sample) => sample * 32_768)).toEqual([-32_256, 32_256, -8, 8]);
  });

  test("12 bits lie in the high bits of 16", async () => {
    const bytes = wavBytes([[0.5, -0.25]], { bits: 16 });
    new DataView(bytes.buffer).setUint16(34, 12, true);
    expect((await read(bytes)).samples).toEqual([0.5, -0.25]);
  });
});

describe("headers of real writers", () => {
  const samples = [[0.5, -0.5, 0.25, 0.125]];
  const expected = { samples: [0.5, -0.5, 0.25, 0.125], rate: 8000, notes: [] };

  test("chunks before the samples, padded to even sizes", async () => {
    expect(await read(wavBytes(samples, { before: [["LIST", 5, true]] }))).toEqual(expected);
  });

  test("an odd chunk whose padding was forgotten", async () => {
    expect(await read(wavBytes(samples, { before: [["LIST", 5, false]] }))).toEqual(expected);
  });

  test("chunks behind the samples are not samples", async () => {
    expect(await read(wavBytes(samples, { after: 64 }))).toEqual(expected);
  });

  test.each([0xffff_ffff, 0x7fff_f000, 0x7fff_f024])("a pipe's size 0x%x means until the end", async (dataSize) => {
    expect(await read(wavBytes(samples, { dataSize }))).toEqual(expected);
  });

  test("sizes of 0 in both places mean until the end", async () => {
    expect(await read(wavBytes(samples, { dataSize: 0, riffSize: 0 }))).toEqual(expected);
  });

  test("a file shorter than its header says gives what it holds, with a note", async () => {
    const found = await read(wavBytes(samples, { dataSize: 800 }));
    expect(found).toEqual({ ...expected, notes: ["truncated"] });
  });

  test("half a sample at the end is left out, with a note", async () => {
    const bytes = wavBytes(samples, {});
    expect(await read(bytes.subarray(0, -1))).toEqual({
      samples: expected.samples.slice(0, 3),
      rate: 8000,
      notes: ["truncated"],
    });
  });
});

describe("bad headers", () => {
  const cases: [string, WavOptions, RegExp][] = [
    ["rate 0", { rate: 0 }, /sample rate 0 Hz/],
    ["rate 1 MHz", { rate: 1_000_000 }, /sample rate 1000000 Hz/],
    ["no channels", { channels: 0 }, /0 channels/],
    ["7 bits of float", { tag: 3, bits: 16 }, /16 bits per sample of format 0x0003/],
    ["frames that contradict the channels", { frameSize: 7 }, /contradicts itself/],
    ["a format chunk of 4 bytes", { formatSize: 4 }, /format chunk of 4 bytes/],
  ];
  test.each(cases)("%s", async (_, options, message) => {
    await expect(readAudio(wavBytes([[0, 0, 0, 0]], options))).rejects.toMatchObject({
      code: "ERR_INVALID_AUDIO",
      message: expect.stringMatching(message),
      remedy: expect.any(String),
    });
  });

  test("samples before their format", async () => {
    const bytes = wavBytes([[0]], {});
    bytes.set(new TextEncoder().encode("data"), 12);
    await expect(readAudio(bytes)).rejects.toMatchObject({
      code: "ERR_INVALID_AUDIO",
      message: expect.stringMatching("samples come before"),
    });
  });

  test("a file that ends inside its header, at any byte", async () => {
    const bytes = wavBytes([[0.5]], {});
    for (let size = 12; size < 46; size++) {
      await expect(readAudio(bytes.subarray(0, size))).rejects.toMatchObject({ code: "ERR_INVALID_AUDIO" });
    }
  });
});
