/** Small wav files for tests. */
export interface WavOptions {
  readonly rate?: number;
  readonly channels?: number;
  /** Length the header claims, in sample frames; default: the truth. */
  readonly claimed?: number;
}

/** 32 bit float wav; `samples` holds all channels, interleaved. */
export function floatWav(samples: readonly number[], { rate = 8000, channels = 1, claimed }: WavOptions = {}): Buffer {
  const data = Buffer.from(Float32Array.from(samples).buffer);
  const header = Buffer.alloc(44);
  const claimedBytes = claimed === undefined ? data.length : claimed * channels * 4;
  header.write("RIFF", 0, "latin1");
  header.writeUInt32LE(36 + claimedBytes, 4);
  header.write("WAVEfmt ", 8, "latin1");
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(3, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate * channels * 4, 28);
  header.writeUInt16LE(channels * 4, 32);
  header.writeUInt16LE(32, 34);
  header.write("data", 36, "latin1");
  header.writeUInt32LE(claimedBytes, 40);
  return Buffer.concat([header, data]);
}

export function silentWav(seconds: number, rate = 8000): Buffer {
  return floatWav(new Array<number>(Math.round(seconds * rate)).fill(0), { rate });
}
