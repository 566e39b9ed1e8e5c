/** Timed words to SubRip and WebVTT. */
import { invalidArgument, show } from "../model/option-checks.js";
import type { Word } from "./transcript.js";

interface Cue {
  readonly start: number;
  end: number;
  text: string;
}

// Two lines of 42 characters read at 12 per second: the usual limits of subtitles.
const MAX_CHARACTERS = 84;
const MAX_SECONDS = 7;
/** A pause that ends a cue. */
const MAX_GAP_SECONDS = 1;
/** A cue shorter than this cannot be seen; some readers refuse an empty one. */
const MIN_SECONDS = 0.001;

/** SubRip: numbered cues with a decimal comma. Throws ERR_INVALID_ARGUMENT: no list of words with times. */
export function toSrt(words: readonly Word[]): string {
  // SubRip has no escapes: an arrow in the text would look like a timing line.
  return toCues(words)
    .map(({ start, end, text }, index) => {
      const plain = text.replaceAll("-->", "->");
      return `${index + 1}\n${clock(start, ",")} --> ${clock(end, ",")}\n${plain}\n`;
    })
    .join("\n");
}

/** WebVTT: a header, and cues whose text is escaped. Throws ERR_INVALID_ARGUMENT: no list of words with times. */
export function toVtt(words: readonly Word[]): string {
  const cues = toCues(words).map(({ start, end, text }) => {
    const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
    return `${clock(start, ".")} --> ${clock(end, ".")}\n${escaped}\n`;
  });
  return ["WEBVTT\n", ...cues].join("\n");
}

function checkWords(words: unknown): void {
  if (!Array.isArray(words)) {
    throw invalidArgument(
      `subtitles are made of a list of words, not ${show(words)}`,
      "Pass `words` of a transcription.",
    );
  }
  const isTime = (value: unknown): boolean => Number.isFinite(value) && (value as number) >= 0;
  const bad = words.findIndex((word: Partial<Word> | null | undefined) => {
    return typeof word?.text !== "string" || !isTime(word.start) || !isTime(word.end);
  });
  if (bad >= 0) {
    throw invalidArgument(
      `word ${bad} needs a text, and a start and an end in seconds from 0`,
      "Pass `words` of a transcription.",
    );
  }
}

function toCues(words: readonly Word[]): Cue[] {
  checkWords(words);
  const cues: Cue[] = [];
  let open: Cue | undefined;
  for (const word of words) {
    const text = word.text.replace(/\s+/g, " ");
    const end = Math.max(word.end, word.start + MIN_SECONDS);
    if (
      open === undefined ||
      word.start - open.end > MAX_GAP_SECONDS ||
      end - open.start > MAX_SECONDS ||
      open.text.length + 1 + text.length > MAX_CHARACTERS ||
      /[.?!]$/.test(open.text)
    ) {
      if (open !== undefined && open.end > word.start) {
        open.end = Math.max(word.start, open.start + MIN_SECONDS);
      }
      open = { start: word.start, end, text };
      cues.push(open);
    } else {
      open.text += ` ${text}`;
      open.end = Math.max(open.end, end);
    }
  }
  return cues;
}

function clock(seconds: number, mark: string): string {
  const total = Math.round(seconds * 1000);
  const part = (value: number, digits: number): string => String(value).padStart(digits, "0");
  const hours = Math.floor(total / 3_600_000);
  const minutes = Math.floor(total / 60_000) % 60;
  return `${part(hours, 2)}:${part(minutes, 2)}:${part(Math.floor(total / 1000) % 60, 2)}${mark}${part(total % 1000, 3)}`;
}
