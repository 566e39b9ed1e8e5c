/** Writes wav files for tests, wrong ones too. */

export interface WavOptions {
  readonly tag?: number;
  readonly bits?: number;
  readonly rate?: number;
  readonly extensible?: boolean;
  /** Overrides of header fields. */
  readonly channels?: number;
  readonly frameSize?: number;
  readonly formatSize?: number;
  readonly dataSize?: number;
  readonly riffSize?: number;
  /** Chunks before "data": id, size, whether an odd size is padded. */
  readonly before?: readonly (readonly [string, number, boolean])[];
  /** Bytes of another chunk after the samples. */
  readonly after?: number;
}

export function wavBytes(channels: readonly (readonly number[])[], options: WavOptions): Uint8Array<ArrayBuffer> {
  const { tag = 1, bits = 16, rate = 8000, extensible = false, before = [], after = 0 } = options;
  const size = bits / 8;
  const frames = channels[0]?.length ?? 0;
  const format = new DataView(new ArrayBuffer(extensible ? 40 : 16));
  format.setUint16(0, extensible ? 0xfffe : tag, true);
  format.setUint16(2, options.channels ?? channels.length, true);
  format.setUint32(4, rate, true);
  format.setUint32(8, (rate * size * channels.length) % 2 ** 32, true);
  format.setUint16(12, options.frameSize ?? size * channels.length, true);
  format.setUint16(14, bits, true);
  if (extensible) {
    format.setUint16(16, 22, true);
    format.setUint16(18, bits, true);
    format.setUint16(24, tag, true);
  }
  const data = new DataView(new ArrayBuffer(frames * channels.length * size));
  for (let frame = 0, offset = 0; frame < frames; frame++) {
    for (const channel of channels) {
      writeSample(data, offset, channel[frame] ?? 0, tag, bits);
      offset += size;
    }
  }
  const parts = [
    chunk("fmt ", new Uint8Array(format.buffer), options.formatSize),
    ...before.map(([id, length, padded]) => chunk(id, new Uint8Array(length).fill(1), undefined, padded)),
    chunk("data", new Uint8Array(data.buffer), options.dataSize),
    ...(after > 0 ? [chunk("LIST", new Uint8Array(after).fill(127), undefined)] : []),
  ];
  const length = 12 + parts.reduce((sum, part) => sum + part.length, 0);
  const file = new Uint8Array(length);
  file.set(new TextEncoder().encode("RIFF....WAVE"));
  new DataView(file.buffer).setUint32(4, options.riffSize ?? length - 8, true);
  let offset = 12;
  for (const part of parts) {
    file.set(part, offset);
    offset += part.length;
  }
  return file;
}

function chunk(id: string, content: Uint8Array, size: number | undefined, padded = true): Uint8Array {
  const bytes = new Uint8Array(8 + content.length + (padded ? content.length % 2 : 0));
  bytes.set(new TextEncoder().encode(id));
  new DataView(bytes.buffer).setUint32(4, size ?? content.length, true);
  bytes.set(content, 8);
  return bytes;
}

function writeSample(view: DataView, offset: number, value: number, tag: number, bits: number): void {
  if (tag === 3) {
    if (bits === 64) {
      view.setFloat64(offset, value, true);
    } else if (bits === 32) {
      view.setFloat32(offset, value, true);
    }
    return;
  }
  const scale = 2 ** (bits - 1);
  const integer = Math.max(-scale, Math.min(scale - 1, Math.round(value * scale)));
  if (bits === 8) {
    view.setUint8(offset, integer + 128);
  } else if (bits === 16) {
    view.setInt16(offset, integer, true);
  } else if (bits === 24) {
    view.setUint16(offset, integer & 0xffff, true);
    view.setInt8(offset + 2, integer >> 16);
  } else {
    view.setInt32(offset, integer, true);
  }
}
