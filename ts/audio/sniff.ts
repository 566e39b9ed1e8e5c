/** What kind of file the first bytes are of. */
import { isMpegAudio, MPEG_SCAN_SIZE } from "./mpeg-frame.js";

export type Sniffed =
  /** Decoded by this package. */
  | { readonly kind: "wav" | "mp3" | "flac" | "ogg" | "matroska" | "mp4" }
  /** Known, but only ffmpeg reads it. */
  | { readonly kind: "foreign"; readonly name: string }
  /** Known not to be audio, or not known (name undefined). */
  | { readonly kind: "unknown"; readonly name: string | undefined };

/** Bytes that hold the magic words: all that a live stream is made to wait for. */
export const MAGIC_SIZE = 16;
/** Bytes that tell the rest. */
export const SNIFF_SIZE = MPEG_SCAN_SIZE;

/** From SNIFF_SIZE bytes, or fewer when there are no more. */
export function sniff(head: Uint8Array): Sniffed {
  const known = sniffMagic(head);
  if (known !== undefined) {
    return known;
  }
  if (head[0] === 0x47 && head[188] === 0x47 && head[376] === 0x47) {
    return { kind: "foreign", name: "MPEG-TS" };
  }
  return isMpegAudio(head)
    ? { kind: "mp3" }
    : { kind: "unknown", name: head.length === 0 ? "empty" : textOrNothing(head) };
}

/** From MAGIC_SIZE bytes. */
export function sniffMagic(head: Uint8Array): Sniffed | undefined {
  const at: At = (offset, text) => text.split("").every((letter, i) => head[offset + i] === letter.charCodeAt(0));
  if ((at(0, "RIFF") || at(0, "RF64")) && at(8, "WAVE")) {
    return { kind: "wav" };
  }
  if (at(0, "fLaC")) {
    return { kind: "flac" };
  }
  if (at(0, "OggS")) {
    return { kind: "ogg" };
  }
  if (head[0] === 0x1a && head[1] === 0x45 && head[2] === 0xdf && head[3] === 0xa3) {
    return { kind: "matroska" };
  }
  if (at(4, "ftyp") || at(4, "moov") || (at(4, "mdat") && head[0] === 0) || at(4, "wide")) {
    return { kind: "mp4" };
  }
  const foreign = foreignFormat(head, at);
  if (foreign !== undefined) {
    return { kind: "foreign", name: foreign };
  }
  const other = otherFormat(head, at);
  return other === undefined ? undefined : { kind: "unknown", name: other };
}

type At = (offset: number, text: string) => boolean;

function foreignFormat(head: Uint8Array, at: At): string | undefined {
  if (at(0, "FORM") && (at(8, "AIFF") || at(8, "AIFC"))) return "AIFF";
  if (at(0, "RIFX") && at(8, "WAVE")) return "big-endian wav";
  if (at(0, "riff") || at(0, "caff")) return at(0, "caff") ? "CAF" : "Wave64";
  if (at(0, ".snd")) return "AU";
  if (at(0, "#!AMR")) return "AMR";
  if (at(0, "MAC ")) return "Monkey's Audio";
  if (at(0, "wvpk")) return "WavPack";
  if (at(0, "ADIF")) return "AAC (ADIF)";
  if (head[0] === 0x30 && head[1] === 0x26 && head[2] === 0xb2 && head[3] === 0x75) return "WMA";
  if (head[0] === 0x0b && head[1] === 0x77) return "AC-3";
  // ADTS: 12 sync bits, layer bits 0.
  if (head[0] === 0xff && ((head[1] ?? 0) & 0xf6) === 0xf0) return "AAC (ADTS)";
  return at(0, "RIFF") && at(8, "AVI ") ? "AVI" : undefined;
}

function otherFormat(head: Uint8Array, at: At): string | undefined {
  if (head[0] === 0xff && head[1] === 0xd8 && head[2] === 0xff) return "a JPEG image";
  if (at(1, "PNG\r\n")) return "a PNG image";
  if (at(0, "%PDF")) return "a PDF document";
  if (at(0, "PK\x03\x04")) return "a zip archive";
  if (head[0] === 0x1f && head[1] === 0x8b) return "a gzip archive";
  return undefined;
}

function textOrNothing(head: Uint8Array): string | undefined {
  try {
    // "stream": a character cut at the end is no error.
    const text = new TextDecoder("utf-8", { fatal: true }).decode(head.subarray(0, 512), { stream: true });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what text does not contain
    return /[\x00-\x08\x0e-\x1f]/.test(text) ? undefined : "text";
  } catch {
    return undefined;
  }
}
