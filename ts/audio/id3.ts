/** ID3v2 tags at the start of a file (mp3 mostly; aac and flac files carry them too). */
import type { ByteReader } from "./byte-reader.js";

export async function skipId3(reader: ByteReader): Promise<void> {
  for (;;) {
    const head = await reader.peek(10);
    if (head.length < 10 || String.fromCharCode(...head.subarray(0, 3)) !== "ID3") {
      return;
    }
    // Four bytes of 7 bits each, without the header and the optional footer.
    const size = head.subarray(6).reduce((value, byte) => value * 128 + (byte & 0x7f), 0);
    const footer = ((head[5] ?? 0) & 0x10) === 0 ? 0 : 10;
    await reader.skip(10 + size + footer);
  }
}
