/** MPEG audio layers 1 to 3, trimmed to the samples that were encoded where a LAME tag tells them. */
import { MPEGDecoder } from "mpg123-decoder";
import type { ByteReader } from "./byte-reader.js";
import { DamageLog, toChunk } from "./codec-result.js";
import { MpegFrameWalker } from "./mpeg-frame.js";
import type { AudioChunk, DecodeContext } from "./types.js";

/** `reader` stands behind any ID3v2 tag. */
export async function* decodeMp3(reader: ByteReader, context: DecodeContext): AsyncGenerator<AudioChunk> {
  const decoder = new MPEGDecoder();
  const walker = new MpegFrameWalker();
  const damage = new DamageLog();
  await decoder.ready;
  try {
    for await (const bytes of reader.rest()) {
      walker.push(bytes);
      const result = decoder.decode(bytes);
      damage.addAll(result.errors);
      yield toChunk(result);
    }
  } finally {
    decoder.free();
  }
  const missing = walker.missing();
  if (missing !== undefined) {
    context.note("truncated", `the mp3 file ends early (${missing}); used what is there`);
  }
  damage.report(context, "the mp3 stream");
}
