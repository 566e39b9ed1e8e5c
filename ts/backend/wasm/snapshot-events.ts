/**
 * Events that the core has told and nobody has polled are on the host's side, and a snapshot must have them: they go
 * behind the core's bytes. A snapshot without any is the core's, which every backend restores.
 */
import type { SessionEvent } from "../../contract/backend.js";

const MARK = new TextEncoder().encode("kstt-evt");

/** Core's bytes, JSON, its length in 4 bytes, mark. */
export function withEvents(snapshot: Uint8Array, events: readonly SessionEvent[]): Uint8Array {
  if (events.length === 0) {
    return snapshot;
  }
  const json = new TextEncoder().encode(JSON.stringify(events));
  const bytes = new Uint8Array(snapshot.length + json.length + 4 + MARK.length);
  bytes.set(snapshot);
  bytes.set(json, snapshot.length);
  new DataView(bytes.buffer).setUint32(snapshot.length + json.length, json.length, true);
  bytes.set(MARK, bytes.length - MARK.length);
  return bytes;
}

/** What is damaged is left to the core, which refuses it. */
export function splitEvents(bytes: Uint8Array): { readonly snapshot: Uint8Array; readonly events: SessionEvent[] } {
  const end = bytes.length - MARK.length - 4;
  if (end < 0 || !MARK.every((byte, index) => bytes[end + 4 + index] === byte)) {
    return { snapshot: bytes, events: [] };
  }
  const start = end - new DataView(bytes.buffer, bytes.byteOffset).getUint32(end, true);
  try {
    const events = JSON.parse(new TextDecoder().decode(bytes.subarray(start, end))) as SessionEvent[];
    return { snapshot: bytes.subarray(0, start), events };
  } catch {
    return { snapshot: bytes, events: [] };
  }
}
