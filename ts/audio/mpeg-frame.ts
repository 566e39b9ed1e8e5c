/** MPEG audio frame headers (ISO 11172-3, 13818-3): enough to recognise the stream. */

/** How far into the bytes the first frame may lie; ID3v1-less junk and zero padding occur in the wild. */
export const MPEG_SCAN_SIZE = 8192;

const BIT_RATES_1: Readonly<Record<number, readonly number[]>> = {
  1: [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  2: [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  3: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
};
const BIT_RATES_2: Readonly<Record<number, readonly number[]>> = {
  1: [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  2: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
  3: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
};
const SAMPLE_RATES = [44_100, 48_000, 32_000];

/** Bytes of the frame whose header lies at `offset`; undefined when there is none. */
function mpegFrameSize(bytes: Uint8Array, offset: number): number | undefined {
  const [sync = 0, kind = 0, rates = 0] = bytes.subarray(offset, offset + 3);
  const version = (kind >> 3) & 3; // 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5
  const layer = 4 - ((kind >> 1) & 3);
  const bitRate = (version === 3 ? BIT_RATES_1 : BIT_RATES_2)[layer]?.[rates >> 4];
  const baseRate = SAMPLE_RATES[(rates >> 2) & 3];
  if (sync !== 0xff || (kind & 0xe0) !== 0xe0 || version === 1 || layer === 4) {
    return undefined;
  }
  if (bitRate === undefined || bitRate === 0 || baseRate === undefined) {
    return undefined;
  }
  const rate = version === 3 ? baseRate : version === 2 ? baseRate / 2 : baseRate / 4;
  const padding = (rates >> 1) & 1;
  if (layer === 1) {
    return (Math.floor((12_000 * bitRate) / rate) + padding) * 4;
  }
  const samples = layer === 3 && version !== 3 ? 576 : 1152;
  return Math.floor((samples * 125 * bitRate) / rate) + padding;
}

/** Two frames in a row, or one that fills a very short file, within the first bytes. */
export function isMpegAudio(head: Uint8Array): boolean {
  for (let offset = 0; offset + 4 <= head.length; offset++) {
    const size = mpegFrameSize(head, offset);
    if (size !== undefined) {
      const next = offset + size;
      if (next === head.length || mpegFrameSize(head, next) !== undefined) {
        return true;
      }
      // A short prefix of a real file: nothing to confirm the first frame with, so only its very start counts.
      if (offset === 0 && next > head.length && head.length < MPEG_SCAN_SIZE) {
        return true;
      }
    }
  }
  return false;
}

/** Follows the frames of a stream from header to header, to tell whether the last one is whole. */
export class MpegFrameWalker {
  /** Bytes from the next header on, as far as they came; undefined: the frames' chain was lost. */
  #pending: Uint8Array | undefined = new Uint8Array(0);
  /** Bytes of the current frame that are still to come. */
  #left = 0;
  #frames = 0;
  #expected: number | undefined;

  push(bytes: Uint8Array): void {
    if (this.#pending === undefined) {
      return;
    }
    let data = bytes;
    if (this.#pending.length > 0) {
      data = new Uint8Array(this.#pending.length + bytes.length);
      data.set(this.#pending);
      data.set(bytes, this.#pending.length);
    }
    let offset = Math.min(this.#left, data.length);
    this.#left -= offset;
    while (offset + HEAD_SIZE <= data.length) {
      const size = mpegFrameSize(data, offset);
      if (size === undefined) {
        this.#pending = undefined;
        return;
      }
      if (this.#frames === 0) {
        this.#expected = xingFrames(data.subarray(offset, offset + HEAD_SIZE));
      }
      this.#frames++;
      this.#left = Math.max(0, offset + size - data.length);
      offset = Math.min(offset + size, data.length);
    }
    this.#pending = data.slice(offset);
  }

  /** What is missing at the end, in words; undefined: nothing, or nothing that can be known. */
  missing(): string | undefined {
    if (this.#pending === undefined) {
      return undefined;
    }
    // The first frame holds the tag and is not counted in it.
    if (this.#expected !== undefined && this.#frames - 1 < this.#expected) {
      return `${this.#frames - 1} of ${this.#expected} frames`;
    }
    const cut = this.#left > 0 || (mpegFrameSize(this.#pending, 0) ?? 0) > this.#pending.length;
    return cut ? "the last frame is cut" : undefined;
  }
}

/** Enough for a header, the longest side information and the fields of a Xing tag that are read here. */
const HEAD_SIZE = 4 + 32 + 12;

/** Number of frames that the Xing or Info tag of a first frame promises. */
function xingFrames(head: Uint8Array): number | undefined {
  const mpeg1 = ((head[1] ?? 0) & 0x08) !== 0;
  const mono = (head[3] ?? 0) >> 6 === 3;
  const offset = 4 + (mpeg1 ? (mono ? 17 : 32) : mono ? 9 : 17);
  const tag = String.fromCharCode(...head.subarray(offset, offset + 4));
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const hasFrames = (tag === "Xing" || tag === "Info") && (view.getUint32(offset + 4) & 1) === 1;
  return hasFrames ? view.getUint32(offset + 8) : undefined;
}
