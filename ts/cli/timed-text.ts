/** A finished transcript as text with times, turns and channels. */
import type { TranscriptionResult, Turn, Word } from "../index.node.js";
import { seconds } from "./word-printer.js";

/** `times`: a line per word and turn; else a line per utterance: until a pause, or until another channel speaks. */
export function toText({ words, turns = [] }: TranscriptionResult, times: boolean): string {
  return times ? timedLines(words, turns) : utterances(words, turns);
}

function timedLines(words: readonly Word[], turns: readonly Turn[]): string {
  // Turns first: the sort keeps the order of what comes at the same time.
  const lines = [
    ...turns.map(({ time, type, channel }) => ({
      time,
      line: `${seconds(time)} ${"".padStart(8)}  ${label(channel)}(${type})`,
    })),
    ...words.map(({ start, end, text, channel }) => ({
      time: start,
      line: `${seconds(start)} ${seconds(end)}  ${label(channel)}${text}`,
    })),
  ];
  return lines
    .sort((a, b) => a.time - b.time)
    .map(({ line }) => `${line}\n`)
    .join("");
}

function utterances(words: readonly Word[], turns: readonly Turn[]): string {
  const lines: { channel: string | undefined; until: number; words: string[] }[] = [];
  for (const { text, start, channel } of words) {
    const open = lines.at(-1);
    if (open === undefined || open.channel !== channel || start >= open.until) {
      // A word may begin a little before the model hears that somebody speaks.
      const pause = turns.find((turn) => turn.type === "pause" && turn.channel === channel && turn.time > start);
      lines.push({ channel, until: pause?.time ?? Number.POSITIVE_INFINITY, words: [text] });
    } else {
      open.words.push(text);
    }
  }
  return lines.length === 0 ? "\n" : lines.map((line) => `${label(line.channel)}${line.words.join(" ")}\n`).join("");
}

function label(channel: string | undefined): string {
  return channel === undefined ? "" : `${channel}: `;
}
