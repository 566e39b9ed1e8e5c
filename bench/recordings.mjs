/** The test recordings of the embedded model as one endless, reproducible stream with what is said in it, and when. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../tools/steps.mjs";

export const digits = join(root, "models", "digits-en");

/** 16-bit mono PCM of a RIFF file. */
export function readWav(path) {
  const bytes = readFileSync(path);
  let rate = 0;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const id = bytes.toString("latin1", at, at + 4);
    const size = bytes.readUInt32LE(at + 4);
    if (id === "fmt ") rate = bytes.readUInt32LE(at + 12);
    if (id === "data") {
      const pcm = Float32Array.from({ length: size / 2 }, (_, i) => bytes.readInt16LE(at + 8 + 2 * i) / 32768);
      return { pcm, rate };
    }
    at += 8 + size + (size & 1);
  }
  throw new Error(`${path} is no recording`);
}

/** [{ pcm, rate, words: [{ text, onset }] }] */
export function readTakes() {
  const folder = join(digits, "test");
  const described = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8"));
  return described.map(({ file, text, onsets }) => ({
    ...readWav(join(folder, file)),
    words: text.split(" ").map((word, i) => ({ text: word, onset: onsets[i] })),
  }));
}

/** Reproducible numbers in [0, 1) (Numerical Recipes' linear congruential generator). */
export function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Takes in random order with gaps up to half a second, until `seconds` are reached. */
export function longRecording(takes, seconds, seed) {
  const random = randomNumbers(seed);
  const { rate } = takes[0];
  const parts = [];
  const words = [];
  let length = 0;
  while (length < seconds * rate) {
    const take = takes[Math.floor(random() * takes.length)];
    words.push(...take.words.map(({ text, onset }) => ({ text, onset: length / rate + onset })));
    const gap = new Float32Array(Math.floor(random() * 0.5 * rate));
    parts.push(take.pcm, gap);
    length += take.pcm.length + gap.length;
  }
  const pcm = new Float32Array(length);
  let at = 0;
  for (const part of parts) {
    pcm.set(part, at);
    at += part.length;
  }
  return { pcm, rate, words, seconds: length / rate };
}

/** Substitutions, insertions and deletions between two lists of words. */
export function wordErrors(expected, found) {
  let row = Array.from({ length: found.length + 1 }, (_, j) => j);
  for (const [i, word] of expected.entries()) {
    const next = [i + 1];
    for (const [j, other] of found.entries()) {
      next.push(Math.min(row[j + 1] + 1, next[j] + 1, row[j] + (word === other ? 0 : 1)));
    }
    row = next;
  }
  return row[found.length];
}
