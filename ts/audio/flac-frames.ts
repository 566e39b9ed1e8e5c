/** Frames of a native FLAC stream (RFC 9639): found by their headers, proved by their checksums. */

export type FlacFrame =
  | { readonly kind: "frame"; readonly bytes: Uint8Array }
  /** A damaged frame of so many samples. */
  | { readonly kind: "gap"; readonly samples: number };

interface Header {
  readonly size: number;
  readonly samples: number;
  /** The number the next frame's header must carry. */
  readonly next: number;
  readonly number: number;
}

/** Sync, two description bytes, 7 bytes of number, 2 of block size, 2 of rate, checksum. */
const MAX_HEADER = 16;
/** A frame of 65535 samples, 8 channels, 32 bits, stored verbatim. Longer: damage. */
const MAX_FRAME = 65_535 * 8 * 4 + 1024;
const ID3V1_SIZE = 128;

export class FlacFrameSplitter {
  #bytes = new Uint8Array(0);
  /** Where the search for the frame's end goes on. */
  #scanned = 0;

  push(bytes: Uint8Array): FlacFrame[] {
    const joined = new Uint8Array(this.#bytes.length + bytes.length);
    joined.set(this.#bytes);
    joined.set(bytes, this.#bytes.length);
    this.#bytes = joined;
    return [...this.#split()];
  }

  /** The last frame ends with the file, or before an ID3v1 tag. */
  end(): FlacFrame[] {
    const bytes = this.#bytes;
    const tagless = bytes.subarray(0, Math.max(0, bytes.length - ID3V1_SIZE));
    const hasTag = String.fromCharCode(...bytes.subarray(tagless.length, tagless.length + 3)) === "TAG";
    const last = [bytes, ...(hasTag ? [tagless] : [])].find((part) => parseHeader(part, 0) && crc16(part) === 0);
    this.#bytes = new Uint8Array(0);
    return last === undefined ? [] : [{ kind: "frame", bytes: last }];
  }

  *#split(): Generator<FlacFrame> {
    for (;;) {
      const header = parseHeader(this.#bytes, 0);
      if (header === undefined) {
        if (this.#bytes.length < MAX_HEADER) {
          return;
        }
        this.#drop(findSync(this.#bytes, 1)); // not at a frame: look for one
        continue;
      }
      const found = this.#findEnd(header);
      if (found === undefined) {
        return;
      }
      const bytes = this.#bytes.subarray(0, found.end);
      this.#drop(found.end);
      yield found.isGood ? { kind: "frame", bytes } : { kind: "gap", samples: header.samples };
    }
  }

  /** The end of the frame at the start of the bytes; undefined: more bytes are needed. */
  #findEnd(header: Header): { readonly end: number; readonly isGood: boolean } | undefined {
    const bytes = this.#bytes;
    let offset = Math.max(this.#scanned, header.size);
    for (;;) {
      offset = findSync(bytes, offset);
      if (offset + MAX_HEADER > bytes.length) {
        this.#scanned = offset;
        return undefined;
      }
      const next = parseHeader(bytes, offset);
      if (next !== undefined) {
        if (crc16(bytes.subarray(0, offset)) === 0) {
          return { end: offset, isGood: true };
        }
        // What looks like a header inside a frame does not carry the next number.
        if (next.number === header.next || offset > MAX_FRAME) {
          return { end: offset, isGood: false };
        }
      }
      offset++;
    }
  }

  #drop(size: number): void {
    this.#bytes = this.#bytes.slice(size);
    this.#scanned = 0;
  }
}

/** Offset of the next possible frame start at or after `offset`, or where to go on with more bytes. */
function findSync(bytes: Uint8Array, offset: number): number {
  for (let i = offset; i + 1 < bytes.length; i++) {
    if (bytes[i] === 0xff && ((bytes[i + 1] ?? 0) & 0xfe) === 0xf8) {
      return i;
    }
  }
  return Math.max(offset, bytes.length - 1);
}

function parseHeader(bytes: Uint8Array, offset: number): Header | undefined {
  const [sync = 0, blocking = 0, sizes = 0, channels = 0, lead = 0] = bytes.subarray(offset, offset + 5);
  const sizeCode = sizes >> 4;
  const rateCode = sizes & 0x0f;
  const isValid =
    sync === 0xff && (blocking & 0xfe) === 0xf8 && sizeCode !== 0 && rateCode !== 15 && channels >> 4 <= 10;
  const numberSize = lead < 0x80 ? 1 : Math.clz32(~lead << 24);
  if (!isValid || (channels & 1) !== 0 || (lead >= 0x80 && numberSize < 2) || numberSize > 7) {
    return undefined;
  }
  let number = lead < 0x80 ? lead : lead & (0x7f >> numberSize);
  for (let i = 1; i < numberSize; i++) {
    number = number * 64 + ((bytes[offset + 4 + i] ?? 0) & 0x3f);
  }
  const extra = offset + 4 + numberSize;
  const sizeBytes = sizeCode === 6 ? 1 : sizeCode === 7 ? 2 : 0;
  const rateBytes = rateCode === 12 ? 1 : rateCode > 12 ? 2 : 0;
  const size = 4 + numberSize + sizeBytes + rateBytes + 1;
  if (offset + size > bytes.length || crc8(bytes.subarray(offset, offset + size)) !== 0) {
    return undefined;
  }
  const samples = blockSize(sizeCode, bytes[extra] ?? 0, bytes[extra + 1] ?? 0);
  return { size, samples, number, next: (blocking & 1) === 0 ? number + 1 : number + samples };
}

function blockSize(code: number, first: number, second: number): number {
  if (code === 1) return 192;
  if (code < 6) return 576 * 2 ** (code - 2);
  if (code === 6) return first + 1;
  return code === 7 ? first * 256 + second + 1 : 256 * 2 ** (code - 8);
}

const CRC8_TABLE = Uint8Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) {
    value = (value << 1) ^ (value >= 0x80 ? 0x107 : 0);
  }
  return value;
});

const CRC16_TABLE = Uint16Array.from({ length: 256 }, (_, index) => {
  let value = index << 8;
  for (let bit = 0; bit < 8; bit++) {
    value = (value << 1) ^ (value >= 0x8000 ? 0x1_8005 : 0);
  }
  return value;
});

/** 0 over a header with its checksum. */
function crc8(bytes: Uint8Array): number {
  return bytes.reduce((crc, byte) => CRC8_TABLE[crc ^ byte] ?? 0, 0);
}

/** 0 over a frame with its checksum. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc = ((crc << 8) & 0xff00) ^ (CRC16_TABLE[(crc >> 8) ^ byte] ?? 0);
  }
  return crc;
}
