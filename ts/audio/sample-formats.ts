/** PCM encodings of wav files, to mono f32. */

export type SampleFormat = "u8" | "s16" | "s24" | "s32" | "f32" | "f64" | "mulaw" | "alaw";

export const BYTES_PER_SAMPLE: Readonly<Record<SampleFormat, number>> = {
  u8: 1,
  s16: 2,
  s24: 3,
  s32: 4,
  f32: 4,
  f64: 8,
  mulaw: 1,
  alaw: 1,
};

type SampleReader = (view: DataView, offset: number) => number;

// Integers are divided by 2^(bits-1), as ffmpeg, libsndfile and soundfile do: full scale negative is -1.
const READERS: Readonly<Record<SampleFormat, SampleReader>> = {
  u8: (view, offset) => (view.getUint8(offset) - 128) / 128,
  s16: (view, offset) => view.getInt16(offset, true) / 32_768,
  s24: (view, offset) => ((view.getInt8(offset + 2) << 16) | view.getUint16(offset, true)) / 8_388_608,
  s32: (view, offset) => view.getInt32(offset, true) / 2_147_483_648,
  f32: (view, offset) => view.getFloat32(offset, true),
  f64: (view, offset) => view.getFloat64(offset, true),
  mulaw: (view, offset) => decodeMulaw(view.getUint8(offset)) / 32_768,
  alaw: (view, offset) => decodeAlaw(view.getUint8(offset)) / 32_768,
};

/** Interleaved little-endian frames to one array per channel. `bytes` holds whole frames. */
export function framesToChannels(
  bytes: Uint8Array,
  format: SampleFormat,
  channels: number,
): Float32Array<ArrayBuffer>[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = READERS[format];
  const size = BYTES_PER_SAMPLE[format];
  return Array.from({ length: channels }, (_, channel) => {
    const samples = new Float32Array(bytes.length / (size * channels));
    for (let i = 0, offset = channel * size; i < samples.length; i++, offset += size * channels) {
      samples[i] = read(view, offset);
    }
    return samples;
  });
}

/** Interleaved little-endian frames to the mean of their channels. `bytes` holds whole frames. */
export function framesToMono(bytes: Uint8Array, format: SampleFormat, channels: number): Float32Array<ArrayBuffer> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = READERS[format];
  const size = BYTES_PER_SAMPLE[format];
  const mono = new Float32Array(bytes.length / (size * channels));
  let offset = 0;
  for (let frame = 0; frame < mono.length; frame++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) {
      sum += read(view, offset);
      offset += size;
    }
    mono[frame] = sum / channels;
  }
  return mono;
}

/** Mean of channels of equal length; always a new array. */
export function channelsToMono(channels: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const [first] = channels;
  const mono = new Float32Array(first ?? []);
  if (channels.length > 1) {
    for (let i = 0; i < mono.length; i++) {
      let sum = 0;
      for (const channel of channels) {
        sum += channel[i] ?? 0;
      }
      mono[i] = sum / channels.length;
    }
  }
  return mono;
}

/** ITU-T G.711 mu-law to 16-bit linear (14 bits, left-justified). */
function decodeMulaw(code: number): number {
  const bits = ~code & 0xff;
  const magnitude = (((bits & 0x0f) << 3) + 0x84) << ((bits & 0x70) >> 4);
  return (bits & 0x80) === 0 ? magnitude - 0x84 : 0x84 - magnitude;
}

/** ITU-T G.711 A-law to 16-bit linear (13 bits, left-justified). */
function decodeAlaw(code: number): number {
  const bits = code ^ 0x55;
  const exponent = (bits & 0x70) >> 4;
  const mantissa = ((bits & 0x0f) << 4) + (exponent === 0 ? 0x08 : 0x108);
  const magnitude = exponent > 1 ? mantissa << (exponent - 1) : mantissa;
  return (bits & 0x80) === 0 ? -magnitude : magnitude;
}
