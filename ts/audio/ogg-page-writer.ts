/** Packets to Ogg pages, for a decoder that takes nothing else. */
import { checksum } from "./ogg-pages.js";

const HEADER_SIZE = 27;
const MAX_SEGMENTS = 255;

export class OggPageWriter {
  #sequence = 0;

  /** One packet as one page, or several when it is longer than a page can be (65025 bytes). */
  page(packet: Uint8Array): Uint8Array {
    const lacing = [...new Array<number>(Math.floor(packet.length / 255)).fill(255), packet.length % 255];
    const pages: Uint8Array[] = [];
    let offset = 0;
    for (let start = 0; start < lacing.length; start += MAX_SEGMENTS) {
      const segments = lacing.slice(start, start + MAX_SEGMENTS);
      const size = segments.reduce((sum, length) => sum + length, 0);
      pages.push(this.#write(segments, packet.subarray(offset, offset + size), start > 0));
      offset += size;
    }
    const [first] = pages;
    return pages.length === 1 && first !== undefined ? first : concat(pages);
  }

  #write(segments: readonly number[], body: Uint8Array, continued: boolean): Uint8Array {
    const page = new Uint8Array(HEADER_SIZE + segments.length + body.length);
    const view = new DataView(page.buffer);
    page.set([0x4f, 0x67, 0x67, 0x53]);
    page[5] = (continued ? 1 : 0) | (this.#sequence === 0 ? 2 : 0);
    // No granule position: lengths are the container's business.
    view.setBigUint64(6, 0xffff_ffff_ffff_ffffn, true);
    view.setUint32(14, 1, true);
    view.setUint32(18, this.#sequence++, true);
    page[26] = segments.length;
    page.set(segments, HEADER_SIZE);
    page.set(body, HEADER_SIZE + segments.length);
    view.setUint32(22, checksum(page), true);
    return page;
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}
