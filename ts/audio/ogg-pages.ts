/** Pages of an Ogg stream (RFC 3533), only whole and undamaged ones. */
import type { ByteReader } from "./byte-reader.js";

export interface OggPage {
  readonly serial: number;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  /** The page starts with the rest of a packet. */
  readonly isContinued: boolean;
  /** Position of the last packet that ends on this page; undefined when none does. */
  readonly granule: number | undefined;
  readonly segments: Uint8Array;
  readonly body: Uint8Array;
  /** The page as it is in the file. */
  readonly raw: Uint8Array;
}

export type OggDamage = "damaged" | "truncated";

const HEADER_SIZE = 27;
const NO_GRANULE = 0xffff_ffff_ffff_ffffn;

export async function* readOggPages(reader: ByteReader, onDamage: (kind: OggDamage) => void): AsyncGenerator<OggPage> {
  let lost = false;
  for (;;) {
    const header = await reader.peek(HEADER_SIZE);
    if (header.length === 0) {
      return;
    }
    const segmentCount = header[26] ?? 0;
    const start = await reader.peek(HEADER_SIZE + segmentCount);
    const segments = start.slice(HEADER_SIZE);
    const size = HEADER_SIZE + segmentCount + segments.reduce((sum, length) => sum + length, 0);
    const isPage = isCapture(header);
    const bytes = isPage ? (await reader.peek(size)).slice() : header;
    if (isPage && bytes.length === size && checksum(bytes) === new DataView(bytes.buffer).getUint32(22, true)) {
      await reader.skip(size);
      lost = false;
      yield parsePage(bytes, segments, segmentCount);
    } else {
      const atEnd = isPage ? bytes.length < size : header.length < HEADER_SIZE;
      if (!lost) {
        onDamage(atEnd ? "truncated" : "damaged");
        lost = true;
      }
      const cut = isPage && atEnd ? cutPage(bytes, segments, segmentCount) : undefined;
      if (cut !== undefined) {
        await reader.skip(bytes.length);
        yield cut;
        return;
      }
      await skipToCapture(reader);
    }
  }
}

function isCapture(bytes: Uint8Array): boolean {
  return bytes[0] === 0x4f && bytes[1] === 0x67 && bytes[2] === 0x67 && bytes[3] === 0x53 && bytes[4] === 0;
}

/** Leaves the reader at the next place that may be a page, at least one byte on. */
async function skipToCapture(reader: ByteReader): Promise<void> {
  await reader.skip(1);
  for (;;) {
    const window = await reader.peek(4096);
    const found = window.findIndex((_, i) => isCapture(window.subarray(i, i + 5)));
    if (found >= 0 || window.length < 4096) {
      await reader.skip(found >= 0 ? found : window.length);
      return;
    }
    await reader.skip(window.length - 4);
  }
}

function parsePage(raw: Uint8Array, segments: Uint8Array, segmentCount: number): OggPage {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const flags = view.getUint8(5);
  const granule = view.getBigUint64(6, true);
  return {
    serial: view.getUint32(14, true),
    isContinued: (flags & 1) !== 0,
    isFirst: (flags & 2) !== 0,
    isLast: (flags & 4) !== 0,
    granule: granule === NO_GRANULE ? undefined : Number(BigInt.asIntN(64, granule)),
    segments,
    body: raw.subarray(HEADER_SIZE + segmentCount),
    raw,
  };
}

/** The packets of a page that lie whole in front of the end of the file, as a page of their own. */
function cutPage(bytes: Uint8Array, segments: Uint8Array, segmentCount: number): OggPage | undefined {
  let available = bytes.length - HEADER_SIZE - segmentCount;
  let count = 0;
  let whole = 0;
  for (; count < segments.length && (segments[count] ?? 0) <= available; count++) {
    available -= segments[count] ?? 0;
    if ((segments[count] ?? 255) < 255) {
      whole = count + 1;
    }
  }
  if (whole === 0 || segments.length < segmentCount) {
    return undefined;
  }
  const kept = segments.slice(0, whole);
  const size = kept.reduce((sum, length) => sum + length, 0);
  const body = bytes.subarray(HEADER_SIZE + segmentCount, HEADER_SIZE + segmentCount + size);
  const raw = new Uint8Array(HEADER_SIZE + whole + size);
  raw.set(bytes.subarray(0, HEADER_SIZE));
  raw.set(kept, HEADER_SIZE);
  raw.set(body, HEADER_SIZE + whole);
  const view = new DataView(raw.buffer);
  raw[5] = (raw[5] ?? 0) & ~4; // it is not the last page of the stream, and its position is not known
  view.setBigUint64(6, NO_GRANULE, true);
  raw[26] = whole;
  view.setUint32(22, checksum(raw), true);
  return parsePage(raw, kept, whole);
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index << 24;
  for (let bit = 0; bit < 8; bit++) {
    value = (value << 1) ^ (value < 0 ? 0x04c1_1db7 : 0);
  }
  return value >>> 0;
});

/** CRC-32 of a page, its own checksum field (bytes 22 to 25) taken as 0. */
export function checksum(page: Uint8Array): number {
  let crc = 0;
  for (let i = 0; i < page.length; i++) {
    const byte = i >= 22 && i < 26 ? 0 : (page[i] ?? 0);
    crc = (crc << 8) ^ (CRC_TABLE[(crc >>> 24) ^ byte] ?? 0);
  }
  return crc >>> 0;
}

/** Joins the segments of pages to packets. */
export class OggPacketizer {
  #partial: Uint8Array[] = [];
  #skipping = false;

  /** Packets that end on this page. `page` must belong to the same stream as the ones before. */
  packets(page: OggPage): Uint8Array[] {
    const packets: Uint8Array[] = [];
    // The start of a continued packet was on a lost page, or its end is.
    this.#skipping = page.isContinued && this.#partial.length === 0;
    if (!page.isContinued) {
      this.#partial = [];
    }
    let start = 0;
    let end = 0;
    for (const length of page.segments) {
      end += length;
      if (length < 255) {
        if (!this.#skipping) {
          packets.push(joinParts([...this.#partial, page.body.subarray(start, end)]));
        }
        this.#partial = [];
        this.#skipping = false;
        start = end;
      }
    }
    if (start < end && !this.#skipping) {
      this.#partial.push(page.body.subarray(start, end));
    }
    return packets;
  }
}

function joinParts(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) {
    return first;
  }
  const packet = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    packet.set(part, offset);
    offset += part.length;
  }
  return packet;
}
