/** Native FLAC files. */
import { FLACDecoder } from "@wasm-audio-decoders/flac";
import { errorText, invalidAudio } from "./audio-errors.js";
import type { ByteReader } from "./byte-reader.js";
import { type CodecResult, DamageLog, toChunk } from "./codec-result.js";
import { type FlacFrame, FlacFrameSplitter } from "./flac-frames.js";
import type { AudioChunk, DecodeContext } from "./types.js";

const STREAMINFO_SIZE = 34;
const LAST_BLOCK = 0x80;

/** `reader` stands at "fLaC". */
export async function* decodeFlac(reader: ByteReader, context: DecodeContext): AsyncGenerator<AudioChunk> {
  const head = await readStreamInfo(reader, context.name);
  const info = new DataView(head.buffer, 8);
  const rate = info.getUint32(10) >>> 12;
  // 36 bits, 0: unknown.
  const expected = (info.getUint8(13) & 0x0f) * 2 ** 32 + info.getUint32(14);
  const decoder = new FLACDecoder();
  const damage = new DamageLog();
  let decoded = 0;
  await decoder.ready;
  try {
    await decoder.decodeFrames([head]);
    for await (const frames of splitFrames(reader)) {
      for (const frame of frames) {
        if (frame.kind === "gap") {
          // The decoder would complain about the missing number.
          await decoder.reset();
          await decoder.decodeFrames([head]);
        }
        const chunk = await decodeFrame(decoder, frame, rate, damage);
        decoded += chunk.samples.length;
        yield chunk;
      }
    }
  } finally {
    decoder.free();
  }
  damage.report(context, "the flac stream");
  if (expected > 0 && decoded < expected) {
    context.note("truncated", `the flac file ends early (${decoded} of ${expected} samples); used what is there`);
  }
}

/** The package's own parser loses all that follows a damaged frame, without a word. */
async function* splitFrames(reader: ByteReader): AsyncGenerator<FlacFrame[]> {
  const splitter = new FlacFrameSplitter();
  for await (const bytes of reader.rest()) {
    yield splitter.push(bytes);
  }
  yield splitter.end();
}

/** A frame that cannot be decoded becomes silence, so that what follows keeps its time. */
async function decodeFrame(
  decoder: FLACDecoder,
  frame: FlacFrame,
  rate: number,
  damage: DamageLog,
): Promise<AudioChunk> {
  if (frame.kind === "gap") {
    damage.add("wrong checksum, replaced by silence");
    return { samples: new Float32Array(frame.samples), rate };
  }
  try {
    const result = await decoder.decodeFrames([frame.bytes]);
    damage.addAll(result.errors);
    return toChunk(flacResult(result));
  } catch (cause) {
    damage.add(errorText(cause));
    return { samples: new Float32Array(0), rate };
  }
}

/** "fLaC" and the STREAMINFO block, marked as the last one; the reader then stands at the first frame. */
async function readStreamInfo(reader: ByteReader, name: string): Promise<Uint8Array<ArrayBuffer>> {
  const head = new Uint8Array(8 + STREAMINFO_SIZE);
  const read = await reader.read(head.length);
  head.set(read);
  const [, , , , type = 0, size2, size1, size0] = head;
  if (read.length < head.length || (type & 0x7f) !== 0 || size2 !== 0 || size1 !== 0 || size0 !== STREAMINFO_SIZE) {
    throw invalidAudio(`${name}: flac file without a STREAMINFO block`, "The file is damaged: export it again.");
  }
  // Pictures and the like may hold what looks like a frame: they are passed over.
  for (let last = (type & LAST_BLOCK) !== 0; !last; ) {
    const [blockType = LAST_BLOCK, high = 0, middle = 0, low = 0] = await reader.read(4);
    await reader.skip(high * 65_536 + middle * 256 + low);
    last = (blockType & LAST_BLOCK) !== 0;
  }
  head[4] = LAST_BLOCK;
  return head;
}

/** The package scales n-bit samples by 1 / (2^(n-1) - 1); everything else here by 1 / 2^(n-1). */
export function flacResult(result: CodecResult & { readonly bitDepth: number }): CodecResult {
  const fullScale = 2 ** (result.bitDepth - 1);
  const channelData = result.channelData.map((channel) =>
    channel.map((sample) => Math.round(sample * (fullScale - 1)) / fullScale),
  );
  return { ...result, channelData };
}
