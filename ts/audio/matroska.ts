/**
 * Matroska and WebM, read from front to back, so that streams and cut files work. mediabunny, which reads the other
 * container, drops a cluster that is cut and does not know CodecDelay and DiscardPadding.
 */
import { invalidAudio } from "./audio-errors.js";
import type { ByteReader } from "./byte-reader.js";
import { childElements, readElement, readInt, readVint } from "./ebml.js";
import { audioTracks, type MatroskaTrack } from "./matroska-tracks.js";
import { openPacketDecoder } from "./packet-decoder.js";
import { SampleTrimmer } from "./trim.js";
import type { AudioChunk, DecodeContext } from "./types.js";

const ID = {
  segment: 0x18538067,
  cluster: 0x1f43b675,
  tracks: 0x1654ae6b,
  simpleBlock: 0xa3,
  blockGroup: 0xa0,
  block: 0xa1,
  discardPadding: 0x75a2,
} as const;

// A block or a track list of this size is damage, not audio.
const MAX_ELEMENT = 1 << 26;

/** The track to decode; the reader then stands behind the list of tracks. */
export async function readMatroskaTrack(reader: ByteReader, name: string): Promise<MatroskaTrack> {
  for (;;) {
    const element = await readElement(reader);
    if (element === undefined) {
      throw invalidAudio(`${name}: webm file without tracks`, "The file is cut or damaged: get it again.");
    }
    if (element.id === ID.tracks) {
      const tracks = audioTracks(await reader.read(Math.min(element.size ?? 0, MAX_ELEMENT)));
      const track = tracks.find(({ codec }) => codec !== undefined) ?? tracks[0];
      if (track === undefined) {
        throw invalidAudio(`${name}: has no audio track`, "Choose a recording with sound.");
      }
      return track;
    }
    if (element.id !== ID.segment) {
      await reader.skip(element.size ?? 0);
    }
  }
}

export async function* decodeMatroska(
  reader: ByteReader,
  track: MatroskaTrack & { readonly codec: NonNullable<MatroskaTrack["codec"]> },
  context: DecodeContext,
): AsyncGenerator<AudioChunk> {
  const decoder = await openPacketDecoder(track.codec, track.setup, context);
  let trimmer: SampleTrimmer | undefined;
  let tail: AudioChunk[] = [];
  let tailDiscard = 0;
  try {
    for await (const { frames, discard } of readBlocks(reader, track, context)) {
      yield* withoutEnd(tail, tailDiscard);
      tail = [];
      tailDiscard = discard;
      for (const frame of frames) {
        const chunk = await decoder.decode(frame);
        if (chunk.samples.length === 0) {
          continue; // the rate may not be known yet
        }
        trimmer ??= new SampleTrimmer(track.codecDelay > 0 ? toSamples(track.codecDelay, chunk.rate) : decoder.preSkip);
        tail.push(trimmer.trim(chunk));
      }
    }
    tail.push(await decoder.flush());
    yield* withoutEnd(tail, tailDiscard);
  } finally {
    decoder.close();
  }
}

/** The chunks without their last `discard` ns. */
function* withoutEnd(chunks: readonly AudioChunk[], discard: number): Generator<AudioChunk> {
  const [first] = chunks;
  if (first !== undefined) {
    const length = chunks.reduce((sum, { samples }) => sum + samples.length, 0);
    const trimmer = new SampleTrimmer(0, Math.max(0, length - toSamples(Math.max(0, discard), first.rate)));
    for (const chunk of chunks) {
      yield trimmer.trim(chunk);
    }
  }
}

function toSamples(nanoseconds: number, rate: number): number {
  return Math.round((nanoseconds * rate) / 1e9);
}

interface Block {
  readonly frames: Uint8Array[];
  /** Time to drop from the end, in ns. */
  readonly discard: number;
}

/** Elements other than blocks are passed over; Segment and Cluster are entered, wherever they end. */
async function* readBlocks(reader: ByteReader, track: MatroskaTrack, context: DecodeContext): AsyncGenerator<Block> {
  const cut = (): void => context.note("truncated", "the webm file ends early or is damaged; used what comes before");
  for (;;) {
    const element = await readElement(reader);
    if (element === undefined) {
      if ((await reader.peek(1)).length > 0) {
        cut();
      }
      return;
    }
    const { id, size = 0 } = element;
    if (id === ID.simpleBlock || id === ID.blockGroup) {
      const bytes = await reader.read(Math.min(size, MAX_ELEMENT));
      if (bytes.length < size) {
        cut();
        return;
      }
      const block = id === ID.simpleBlock ? parseBlock(bytes, track, 0) : parseGroup(bytes, track);
      if (block !== undefined) {
        yield block;
      }
    } else if (id !== ID.segment && id !== ID.cluster && (await reader.skip(size)) < size) {
      cut();
      return;
    }
  }
}

function parseGroup(bytes: Uint8Array, track: MatroskaTrack): Block | undefined {
  const children = new Map([...childElements(bytes)].map(({ id, data }) => [id, data]));
  const block = children.get(ID.block);
  const discard = children.get(ID.discardPadding);
  return block && parseBlock(block, track, discard === undefined ? 0 : readInt(discard));
}

function parseBlock(bytes: Uint8Array, track: MatroskaTrack, discard: number): Block | undefined {
  const number = readVint(bytes, 0);
  if (number?.value !== track.number) {
    return undefined;
  }
  const start = number.length + 3; // 2 bytes of time, 1 of flags
  const lacing = ((bytes[start - 1] ?? 0) >> 1) & 3;
  const frames = lacing === 0 ? [bytes.subarray(start)] : splitLaces(bytes.subarray(start), lacing);
  return { frames: frames.map((frame) => withPrefix(track.prefix, frame)), discard };
}

/** Several frames in one block: sizes of all but the last, then the frames. Lacing: 1 Xiph, 2 equal sizes, 3 EBML. */
function splitLaces(bytes: Uint8Array, lacing: number): Uint8Array[] {
  const count = (bytes[0] ?? 0) + 1;
  const sizes: number[] = [];
  let offset = 1;
  for (let i = 0; i < count - 1 && lacing !== 2; i++) {
    if (lacing === 1) {
      let size = 0;
      let byte: number;
      do {
        byte = bytes[offset++] ?? 0;
        size += byte;
      } while (byte === 255);
      sizes.push(size);
    } else {
      const vint = readVint(bytes, offset);
      // Sizes after the first are differences, stored with half of the range as zero.
      const bias = i === 0 ? 0 : 2 ** (7 * (vint?.length ?? 1) - 1) - 1;
      sizes.push((sizes[i - 1] ?? 0) * (i === 0 ? 0 : 1) + (vint?.value ?? 0) - bias);
      offset += vint?.length ?? 1;
    }
  }
  const equal = Math.floor((bytes.length - offset) / count);
  return Array.from({ length: count }, (_, i) => {
    const size = lacing === 2 ? equal : (sizes[i] ?? bytes.length - offset);
    const frame = bytes.subarray(offset, offset + Math.max(0, size));
    offset += Math.max(0, size);
    return frame;
  });
}

function withPrefix(prefix: Uint8Array, frame: Uint8Array): Uint8Array {
  if (prefix.length === 0) {
    return frame;
  }
  const bytes = new Uint8Array(prefix.length + frame.length);
  bytes.set(prefix);
  bytes.set(frame, prefix.length);
  return bytes;
}
