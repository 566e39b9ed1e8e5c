/** Every format, at every rate: right samples, at the right place, as many as the file says. */
import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { readAudio } from "../../../ts/audio/read-all.js";
import type { AudioNote } from "../../../ts/audio/types.js";
import { fixturePath, snr } from "./fixtures.js";

interface Expected {
  readonly rate: number;
  readonly length: number;
  /** dB against the signal that was encoded; what the encoder lost counts, so lossy formats have low limits. */
  readonly snr: number;
  readonly gain?: number;
  /** Samples by which the file is late, or starts early. */
  readonly lag?: number;
}

const STEREO = 0.75;
/** libmp3lame's delay and the decoder's: only a LAME tag tells to cut it. */
const MP3_DELAY = 1105;
/** ffmpeg's AAC encoder starts with one frame of silence, and ADTS has no place to say so. */
const AAC_DELAY = 1024;

const BUILT_IN: Record<string, Expected> = {
  "reference.wav": { rate: 8000, length: 8000, snr: 200 },
  "u8.wav": { rate: 8000, length: 8000, snr: 33 },
  "mulaw.wav": { rate: 8000, length: 8000, snr: 36 },
  "alaw.wav": { rate: 8000, length: 8000, snr: 36 },
  "s24-48k-stereo.wav": { rate: 48_000, length: 4800, snr: 80, gain: STEREO },
  "s32-44k.wav": { rate: 44_100, length: 4410, snr: 85 },
  "f32-22k.wav": { rate: 22_050, length: 5513, snr: 85 },
  "f64-11k.wav": { rate: 11_025, length: 2756, snr: 85 },
  "rf64.wav": { rate: 8000, length: 8000, snr: 33 },
  "pipe-ffmpeg.wav": { rate: 8000, length: 8000, snr: 33 },
  "pipe-sox.wav": { rate: 8000, length: 8000, snr: 33 },
  "s16-10-channels.wav": { rate: 8000, length: 800, snr: 65, gain: 0.55, lag: -2000 },
  "cbr-44k-stereo.mp3": { rate: 44_100, length: 44_100, snr: 25, gain: STEREO },
  "vbr-48k.mp3": { rate: 48_000, length: 48_000, snr: 38 },
  "cbr-16k.mp3": { rate: 16_000, length: 16_000, snr: 25 },
  "cbr-8k-id3.mp3": { rate: 8000, length: 8000, snr: 22 },
  "no-lame-tag-32k.mp3": { rate: 32_000, length: 33_408, snr: 25, lag: MP3_DELAY },
  "s16-8k.flac": { rate: 8000, length: 8000, snr: 200 },
  "s24-48k-stereo.flac": { rate: 48_000, length: 12_000, snr: 80, gain: STEREO },
  "flac-16k.ogg": { rate: 16_000, length: 8000, snr: 80 },
  "vorbis-44k-stereo.ogg": { rate: 44_100, length: 44_100, snr: 25, gain: STEREO },
  "vorbis-8k.ogg": { rate: 8000, length: 8000, snr: 23 },
  "opus-48k-stereo.opus": { rate: 48_000, length: 48_000, snr: 28, gain: STEREO },
  // Below 12 kHz libopus resamples inside, two samples early.
  "opus-16k.opus": { rate: 48_000, length: 48_000, snr: 32, lag: -2 },
  "opus-48k-stereo.webm": { rate: 48_000, length: 48_000, snr: 28, gain: STEREO },
  // Matroska does not say how much of the last Vorbis packet belongs to the recording.
  "vorbis-44k.webm": { rate: 44_100, length: 44_864, snr: 25 },
  "flac-16k.mka": { rate: 16_000, length: 4000, snr: 80 },
  "opus-48k.mp4": { rate: 48_000, length: 48_000, snr: 27 },
  "flac-16k.mp4": { rate: 16_000, length: 4000, snr: 80 },
  "mp3-44k.mp4": { rate: 44_100, length: 44_100, snr: 25 },
  "s16-8k.mov": { rate: 8000, length: 2000, snr: 200 },
};

const BY_FFMPEG: Record<string, Expected> = {
  "aac-44k-stereo.m4a": { rate: 44_100, length: 44_100, snr: 22, gain: STEREO },
  "aac-16k-faststart.mp4": { rate: 16_000, length: 16_000, snr: 25 },
  "aac-16k.aac": { rate: 16_000, length: 17_408, snr: 25, lag: AAC_DELAY },
  "adpcm.wav": { rate: 8000, length: 8164, snr: 21 },
  "s16-8k.aiff": { rate: 8000, length: 2000, snr: 200 },
};

async function check(name: string, expected: Expected): Promise<AudioNote[]> {
  const notes: AudioNote[] = [];
  const { samples, rate } = await readAudio(fixturePath(name), { onNote: (note) => notes.push(note) });
  const { gain = 1, lag = 0 } = expected;
  expect({ rate, length: samples.length }).toEqual({ rate: expected.rate, length: expected.length });
  const found = snr(samples, rate, gain, lag);
  expect(found).toBeGreaterThan(expected.snr);
  for (const shift of [-2, -1, 1, 2]) {
    expect(snr(samples, rate, gain, lag + shift)).toBeLessThan(found - 3);
  }
  return notes;
}

describe("decoded by this package", () => {
  test.each(Object.entries(BUILT_IN))("%s", async (name, expected) => {
    expect(await check(name, expected)).toEqual([]);
  });

  test("a chained file gives its parts one after another", async () => {
    const { samples, rate } = await readAudio(fixturePath("opus-chained.opus"));
    expect({ rate, length: samples.length }).toEqual({ rate: 48_000, length: 96_000 });
    expect(snr(samples.subarray(0, 48_000), rate, 1, -2)).toBeGreaterThan(32);
    expect(snr(samples.subarray(48_000), rate, STEREO, 0)).toBeGreaterThan(28);
  });
});

const FFMPEG = "ffmpeg";
const hasFfmpeg = spawnSync(FFMPEG, ["-version"]).status === 0;
if (!hasFfmpeg) {
  process.stderr.write("skipped: formats that only ffmpeg decodes, because ffmpeg is not installed\n");
}

describe.skipIf(!hasFfmpeg)("decoded by the system's ffmpeg", () => {
  test.each(Object.entries(BY_FFMPEG))("%s", async (name, expected) => {
    const notes = await check(name, expected);
    expect(notes.map(({ code }) => code)).toEqual(["external-decoder"]);
    expect(notes[0]?.message).toContain("ffmpeg");
  });
});
