/** The transcript as a file. */
import { toSrt, toVtt } from "kyutai-stt";
import type { Recording } from "./recording.js";

export type SaveFormat = "txt" | "srt" | "vtt" | "json";

const TYPES: Readonly<Record<SaveFormat, string>> = {
  txt: "text/plain",
  srt: "application/x-subrip",
  vtt: "text/vtt",
  json: "application/json",
};

export function textOf(recording: Recording, format: SaveFormat): string {
  const words = recording.words.filter((word) => word?.final);
  switch (format) {
    case "srt":
      return toSrt(words);
    case "vtt":
      return toVtt(words);
    case "json":
      return `${JSON.stringify({ duration: recording.seconds, words }, null, 2)}\n`;
    case "txt":
      return `${words.map(({ text }) => text).join(" ")}\n`;
  }
}

export function save(recording: Recording, format: SaveFormat, name: string): void {
  const url = URL.createObjectURL(new Blob([textOf(recording, format)], { type: TYPES[format] }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${name}.${format}`;
  link.click();
  // The browser needs the address for a moment yet.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
