/** Samples of a wav file, as they are read. */
import type { ByteReader } from "./byte-reader.js";
import { framesToChannels, framesToMono, type SampleFormat } from "./sample-formats.js";
import type { AudioChunk, DecodeContext } from "./types.js";
import type { WavHeader } from "./wav-header.js";

/** `reader` stands at the first sample. */
export async function* decodeWav(
  reader: ByteReader,
  header: WavHeader & { readonly format: SampleFormat },
  context: DecodeContext,
): AsyncGenerator<AudioChunk> {
  const { format, channels, rate, frameSize, dataSize } = header;
  let left = dataSize ?? Number.POSITIVE_INFINITY;
  let partial = new Uint8Array(0);
  while (left > 0) {
    const next = await reader.next();
    if (next === undefined) {
      break;
    }
    const bytes = join(partial, next.length > left ? next.subarray(0, left) : next);
    left -= Math.min(next.length, left);
    const whole = bytes.length - (bytes.length % frameSize);
    partial = bytes.slice(whole);
    if (whole > 0) {
      const frames = bytes.subarray(0, whole);
      const samples = framesToMono(frames, format, channels);
      yield { samples, rate, ...(context.split ? { channels: framesToChannels(frames, format, channels) } : {}) };
    }
  }
  if (dataSize !== undefined && left > 0) {
    const seconds = (bytes: number): string => (bytes / frameSize / rate).toFixed(3);
    context.note(
      "truncated",
      `the wav header promises ${seconds(dataSize)} s, the file holds ${seconds(dataSize - left)} s; used what is there`,
    );
  } else if (partial.length > 0) {
    context.note("truncated", `the last ${partial.length} bytes are less than one sample of all channels; left out`);
  }
}

function join(head: Uint8Array, tail: Uint8Array): Uint8Array {
  if (head.length === 0) {
    return tail;
  }
  const bytes = new Uint8Array(head.length + tail.length);
  bytes.set(head);
  bytes.set(tail, head.length);
  return bytes;
}
