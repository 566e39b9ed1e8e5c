/** The audio tracks of a Matroska or WebM file. */
import { childElements, readUint } from "./ebml.js";
import type { PacketCodec } from "./packet-decoder.js";

export interface MatroskaTrack {
  readonly number: number;
  readonly codecId: string;
  /** undefined: not decoded here. */
  readonly codec: PacketCodec | undefined;
  readonly setup: Uint8Array;
  /** Time before the recording's start, in ns. */
  readonly codecDelay: number;
  /** Bytes that were stripped from the start of each frame. */
  readonly prefix: Uint8Array;
}

const ID = {
  trackEntry: 0xae,
  trackNumber: 0xd7,
  trackType: 0x83,
  codecId: 0x86,
  codecPrivate: 0x63a2,
  codecDelay: 0x56aa,
  contentEncodings: 0x6d80,
  contentEncoding: 0x6240,
  contentCompression: 0x5034,
  contentCompAlgo: 0x4254,
  contentCompSettings: 0x4255,
} as const;

const AUDIO = 2;
const HEADER_STRIPPING = 3;

const CODECS: Readonly<Record<string, PacketCodec>> = {
  A_OPUS: "opus",
  A_VORBIS: "vorbis",
  A_FLAC: "flac",
  "A_MPEG/L3": "mp3",
  "A_MPEG/L2": "mp3",
};

/** `tracks`: the content of the Tracks element. */
export function audioTracks(tracks: Uint8Array): MatroskaTrack[] {
  const found: MatroskaTrack[] = [];
  for (const { id, data } of childElements(tracks)) {
    if (id === ID.trackEntry) {
      const entry = new Map([...childElements(data)].map((child) => [child.id, child.data]));
      const bytes = (key: number): Uint8Array => entry.get(key) ?? new Uint8Array(0);
      if (readUint(bytes(ID.trackType)) === AUDIO) {
        const codecId = String.fromCharCode(...bytes(ID.codecId)).replace(/\0+$/, "");
        const prefix = strippedHeader(bytes(ID.contentEncodings));
        found.push({
          number: readUint(bytes(ID.trackNumber)),
          codecId,
          codec: prefix === undefined ? undefined : CODECS[codecId],
          setup: bytes(ID.codecPrivate).slice(),
          codecDelay: readUint(bytes(ID.codecDelay)),
          prefix: prefix ?? new Uint8Array(0),
        });
      }
    }
  }
  return found;
}

/** undefined: compressed or encrypted in another way. */
function strippedHeader(encodings: Uint8Array): Uint8Array | undefined {
  let prefix = new Uint8Array(0);
  for (const encoding of childElements(encodings)) {
    if (encoding.id === ID.contentEncoding) {
      const compression = [...childElements(encoding.data)].find(({ id }) => id === ID.contentCompression);
      const settings = new Map([...childElements(compression?.data ?? new Uint8Array(0))].map((c) => [c.id, c.data]));
      if (readUint(settings.get(ID.contentCompAlgo) ?? new Uint8Array(0)) !== HEADER_STRIPPING) {
        return undefined;
      }
      prefix = (settings.get(ID.contentCompSettings) ?? new Uint8Array(0)).slice();
    }
  }
  return prefix;
}
