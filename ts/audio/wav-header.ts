/** The chunks of a RIFF/WAVE or RF64 file up to its samples. */
import { checkRate, invalidAudio, noSamples } from "./audio-errors.js";
import type { ByteReader } from "./byte-reader.js";
import { BYTES_PER_SAMPLE, type SampleFormat } from "./sample-formats.js";

export interface WavHeader {
  /** undefined: a compressed codec, see `codecTag`. */
  readonly format: SampleFormat | undefined;
  readonly codecTag: number;
  readonly channels: number;
  readonly rate: number;
  /** Bytes of one sample of all channels. */
  readonly frameSize: number;
  /** Bytes of samples that the header promises; undefined: until the end (written by a pipe). */
  readonly dataSize: number | undefined;
}

const TAG_EXTENSIBLE = 0xfffe;
const MAX_FORMAT_SIZE = 65_536;
// Pipes cannot go back to write the size. ffmpeg leaves 0xffffffff, sox 0x7ffff000 and a bit, others 0.
const PIPE_SIZE = 0x7fff_f000;
const UINT32_MAX = 0xffff_ffff;
const REMEDY = "The wav header is damaged: export the recording again.";

/** Reads up to the first sample. `reader` stands at the start of the file, which is known to be RIFF or RF64 WAVE. */
export async function readWavHeader(name: string, reader: ByteReader): Promise<WavHeader> {
  const riff = await readView(reader, 12);
  const riffSize = riff.getUint32(4, true);
  let size64: number | undefined;
  let format: Omit<WavHeader, "dataSize"> | undefined;
  for (;;) {
    const chunk = await reader.read(8);
    if (chunk.length < 8) {
      throw format === undefined ? invalidAudio(`${name}: wav file without a format`, REMEDY) : noSamples(name);
    }
    const id = chunkId(chunk);
    const size = new DataView(chunk.buffer, chunk.byteOffset).getUint32(4, true);
    if (id === "data") {
      if (format === undefined) {
        throw invalidAudio(`${name}: wav file whose samples come before their format`, REMEDY);
      }
      return { ...format, dataSize: dataSize(size, riffSize, size64) };
    }
    if (id === "ds64" && size >= 16 && size <= MAX_FORMAT_SIZE) {
      size64 = Number((await readView(reader, size)).getBigUint64(8, true));
    } else if (id === "fmt ") {
      if (size < 16 || size > MAX_FORMAT_SIZE) {
        throw invalidAudio(`${name}: wav format chunk of ${size} bytes, expected 16 to 40`, REMEDY);
      }
      const bytes = await reader.read(size);
      if (bytes.length < size) {
        throw invalidAudio(`${name}: the file ends inside its wav header`, "Check that the recording is complete.");
      }
      format = parseFormat(name, bytes);
    } else {
      await reader.skip(size);
    }
    await skipPadding(reader, size);
  }
}

function dataSize(size: number, riffSize: number, size64: number | undefined): number | undefined {
  if (size === UINT32_MAX && size64 !== undefined && size64 > 0) {
    return size64;
  }
  const unknown = size >= PIPE_SIZE || (size === 0 && (riffSize === 0 || riffSize >= PIPE_SIZE));
  return unknown ? undefined : size;
}

function parseFormat(name: string, bytes: Uint8Array): Omit<WavHeader, "dataSize"> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const channels = view.getUint16(2, true);
  const rate = view.getUint32(4, true);
  const frameSize = view.getUint16(12, true);
  const bits = view.getUint16(14, true);
  checkRate(name, rate);
  if (channels === 0) {
    throw invalidAudio(`${name}: wav file with 0 channels`, REMEDY);
  }
  let codecTag = view.getUint16(0, true);
  if (codecTag === TAG_EXTENSIBLE) {
    // The tag is the first field of the sub-format's GUID, after size, valid bits and channel mask.
    if (bytes.length < 26) {
      throw invalidAudio(`${name}: extensible wav format of ${bytes.length} bytes, expected 40`, REMEDY);
    }
    codecTag = view.getUint16(24, true);
  }
  const format = sampleFormat(codecTag, bits);
  if (format === undefined && isPcmTag(codecTag)) {
    throw invalidAudio(`${name}: wav file with ${bits} bits per sample of format ${tagText(codecTag)}`, REMEDY);
  }
  if (format !== undefined && frameSize !== channels * BYTES_PER_SAMPLE[format]) {
    throw invalidAudio(
      `${name}: wav header contradicts itself: ${channels} channels of ${bits} bits in frames of ${frameSize} bytes`,
      REMEDY,
    );
  }
  return { format, codecTag, channels, rate, frameSize };
}

function isPcmTag(tag: number): boolean {
  return tag === 1 || tag === 3 || tag === 6 || tag === 7;
}

function sampleFormat(tag: number, bits: number): SampleFormat | undefined {
  switch (tag) {
    case 1:
      // Odd depths (12, 20) are stored in the high bits of the next whole byte, so the container's size scales them.
      return bits === 0 ? undefined : ([undefined, "u8", "s16", "s24", "s32"] as const)[Math.ceil(bits / 8)];
    case 3:
      return bits === 32 ? "f32" : bits === 64 ? "f64" : undefined;
    case 6:
      return bits === 8 ? "alaw" : undefined;
    case 7:
      return bits === 8 ? "mulaw" : undefined;
    default:
      return undefined;
  }
}

export function tagText(tag: number): string {
  return `0x${tag.toString(16).padStart(4, "0")}`;
}

/** Chunks are padded to even sizes; some writers forget it. */
async function skipPadding(reader: ByteReader, size: number): Promise<void> {
  if (size % 2 === 1) {
    const next = await reader.peek(4);
    const unpadded = next.length === 4 && next.every((byte) => byte >= 0x20 && byte < 0x7f);
    if (!unpadded) {
      await reader.skip(1);
    }
  }
}

async function readView(reader: ByteReader, size: number): Promise<DataView> {
  const bytes = await reader.read(size);
  const whole = new Uint8Array(size);
  whole.set(bytes);
  return new DataView(whole.buffer);
}

function chunkId(chunk: Uint8Array): string {
  return String.fromCharCode(...chunk.subarray(0, 4));
}
