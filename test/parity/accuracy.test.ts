/** The main job on real recordings: the embedded model's words, their times, and nothing where nobody speaks. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AsrResult, pipeline, read_audio, SpeechToText, type Word } from "../../ts/index.node.js";

const RATE = 24_000;
const model = fileURLToPath(new URL("../../models/digits-en", import.meta.url));

interface Recording {
  readonly file: string;
  readonly text: string;
  /** Seconds at which each word begins. */
  readonly onsets: readonly number[];
  readonly ends: readonly number[];
}

// Strings of the dataset's test takes, which the model was not trained on (models/digits-en/README.md).
const recordings: readonly Recording[] = JSON.parse(readFileSync(`${model}/test/expected.json`, "utf8"));

let stt: SpeechToText;
beforeAll(async () => {
  stt = await SpeechToText.load(model, { backend: "cpu", threads: 1 });
});
afterAll(() => stt.dispose());

/** Substitutions, insertions and deletions that turn one text into the other. */
function edits(expected: readonly string[], found: readonly string[]): number {
  let row = found.map((_, index) => index + 1);
  for (const [i, word] of expected.entries()) {
    let diagonal = i;
    let left = i + 1;
    row = row.map((above, j) => {
      const cost = Math.min(above + 1, left + 1, diagonal + (word === found[j] ? 0 : 1));
      diagonal = above;
      left = cost;
      return cost;
    });
  }
  return row.at(-1) ?? expected.length;
}

function wordErrorRate(pairs: readonly (readonly [string, readonly Word[]])[]): number {
  const said = pairs.map(([text]) => text.split(" "));
  const wrong = pairs.map(([, words], index) =>
    edits(
      said[index] ?? [],
      words.map((word) => word.text),
    ),
  );
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return sum(wrong) / sum(said.map((words) => words.length));
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

test("counts errors", () => {
  expect(edits(["a", "b", "c"], ["a", "x", "c", "d"])).toBe(2);
  expect(edits(["a", "b"], [])).toBe(2);
  expect(edits(["a", "b", "c"], ["b", "c"])).toBe(1);
});

test("the sample says what its text says", async () => {
  const { text } = await stt.transcribe(`${model}/sample.wav`);
  expect(text).toBe(readFileSync(`${model}/sample.txt`, "utf8").trim());
});

test("so it does through a pipeline, with a time for every word", async () => {
  await using transcriber = await pipeline("automatic-speech-recognition", model, { device: "cpu", threads: 1 });
  const { text, chunks } = (await transcriber(`${model}/sample.wav`, { return_timestamps: "word" })) as AsrResult;
  expect(text).toBe(readFileSync(`${model}/sample.txt`, "utf8").trim());
  expect(chunks?.map((chunk) => chunk.text).join("")).toBe(` ${text}`);
});

test("test recordings: at most 3 % of the words wrong, each word where it was spoken", async () => {
  const pairs: [string, readonly Word[]][] = [];
  const shifts: number[] = [];
  const endShifts: number[] = [];
  for (const { file, text, onsets, ends } of recordings) {
    const { words } = await stt.transcribe(`${model}/test/${file}`);
    pairs.push([text, words]);
    // Times can only be compared where no word was lost or invented.
    if (words.length === onsets.length) {
      shifts.push(...words.map((word, index) => Math.abs(word.start - (onsets[index] ?? Number.NaN))));
      endShifts.push(...words.map((word, index) => Math.abs(word.end - (ends[index] ?? Number.NaN))));
    }
  }
  expect(recordings.length).toBeGreaterThanOrEqual(8);
  expect(wordErrorRate(pairs)).toBeLessThanOrEqual(0.03);
  expect(shifts.length).toBeGreaterThan(40);
  expect(median(shifts)).toBeLessThanOrEqual(0.08);
  expect(Math.max(...shifts)).toBeLessThanOrEqual(0.4);
  // Silence follows each word: its end is known to the frame of 80 ms, not only from where the next one begins.
  expect(median(endShifts)).toBeLessThanOrEqual(0.08);
  expect(Math.max(...endShifts)).toBeLessThanOrEqual(0.4);
});

test("one long recording, many windows long, is heard as well as its parts", async () => {
  const parts = await Promise.all(recordings.map(({ file }) => read_audio(`${model}/test/${file}`, RATE)));
  const rounds = 3;
  const all = Array.from({ length: rounds }, () => parts).flat();
  const long = new Float32Array(all.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of all) {
    long.set(part, at);
    at += part.length;
  }
  const { words } = await stt.transcribe(long, { rate: RATE });
  const text = Array.from({ length: rounds }, () => recordings.map((recording) => recording.text))
    .flat()
    .join(" ");
  expect(wordErrorRate([[text, words]])).toBeLessThanOrEqual(0.03);
});

/** Noise from a linear congruential generator, the same on every machine: `smooth` 0 is white, near 1 a rumble. */
function noise(seconds: number, level: number, smooth: number, seed: number): Float32Array {
  let state = seed >>> 0;
  let value = 0;
  const gain = Math.sqrt((1 + smooth) / (1 - smooth));
  return Float32Array.from({ length: seconds * RATE }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    value = smooth * value + (1 - smooth) * (state / 2 ** 31 - 1);
    return level * gain * value;
  });
}

test.each([
  ["digital silence", () => new Float32Array(30 * RATE)],
  ["quiet white noise", () => noise(20, 0.01, 0, 1)],
  ["loud white noise", () => noise(20, 0.3, 0, 2)],
  ["a rumble", () => noise(20, 0.2, 0.98, 3)],
  ["a 50 Hz hum", () => Float32Array.from({ length: 20 * RATE }, (_, i) => 0.1 * Math.sin((i * Math.PI) / 240))],
  ["a 1 kHz tone", () => Float32Array.from({ length: 20 * RATE }, (_, i) => 0.3 * Math.sin((i * Math.PI) / 12))],
] as const)("nothing is heard in %s", async (_, make) => {
  const { text } = await stt.transcribe(make(), { rate: RATE });
  expect(text).toBe("");
});
