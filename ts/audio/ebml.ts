/** EBML elements (RFC 8794): the syntax of Matroska and WebM. */
import type { ByteReader } from "./byte-reader.js";

export interface EbmlElement {
  readonly id: number;
  /** undefined: until the next element of the same or a higher level (live recordings). */
  readonly size: number | undefined;
}

/** Bytes of a variable-length integer from its first byte; 9 or more: damaged. */
function vintLength(first: number): number {
  return Math.clz32(first) - 24 + 1;
}

/** Takes the header of the next element; undefined at the end or where there is no element. */
export async function readElement(reader: ByteReader): Promise<EbmlElement | undefined> {
  const head = await reader.peek(12);
  const parsed = parseElement(head, 0);
  if (parsed === undefined) {
    return undefined;
  }
  await reader.skip(parsed.length);
  return parsed;
}

function parseElement(bytes: Uint8Array, offset: number): (EbmlElement & { readonly length: number }) | undefined {
  const idLength = vintLength(bytes[offset] ?? 0);
  const sizeLength = vintLength(bytes[offset + idLength] ?? 0);
  const length = idLength + sizeLength;
  if (idLength > 4 || sizeLength > 8 || offset + length > bytes.length) {
    return undefined;
  }
  const id = readUint(bytes.subarray(offset, offset + idLength));
  return { id, size: readVint(bytes, offset + idLength)?.value, length };
}

/** A variable-length integer without its length marker; value undefined when all bits are ones ("unknown"). */
export function readVint(
  bytes: Uint8Array,
  offset: number,
): { readonly value: number | undefined; readonly length: number } | undefined {
  const first = bytes[offset] ?? 0;
  const length = vintLength(first);
  if (length > 8 || offset + length > bytes.length) {
    return undefined;
  }
  const mask = 0xff >> length;
  const rest = bytes.subarray(offset + 1, offset + length);
  const isUnknown = (first & mask) === mask && rest.every((byte) => byte === 0xff);
  return { value: isUnknown ? undefined : rest.reduce((sum, byte) => sum * 256 + byte, first & mask), length };
}

export function readUint(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}

export function readInt(bytes: Uint8Array): number {
  const value = readUint(bytes);
  return ((bytes[0] ?? 0) & 0x80) === 0 ? value : value - 256 ** bytes.length;
}

/** The children of an element whose bytes are at hand; stops at damage. */
export function* childElements(bytes: Uint8Array): Generator<{ readonly id: number; readonly data: Uint8Array }> {
  let offset = 0;
  for (;;) {
    const element = parseElement(bytes, offset);
    if (element === undefined) {
      return;
    }
    const start = offset + element.length;
    offset = start + (element.size ?? bytes.length - start);
    yield { id: element.id, data: bytes.subarray(start, offset) };
  }
}
