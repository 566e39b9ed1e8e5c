/** Opus packets to mono chunks at 48 kHz, for any container. */
import { OpusDecoder } from "opus-decoder";
import { errorText, invalidAudio } from "./audio-errors.js";
import { DamageLog, toChunk } from "./codec-result.js";
import type { AudioChunk, DecodeContext } from "./types.js";

/** Opus counts everything at this rate, whatever the recording's was (RFC 7845, 4). */
export const OPUS_RATE = 48_000;

/** The identification header (RFC 7845, 5.1), in Ogg and in Matroska's CodecPrivate. */
export interface OpusHead {
  readonly channels: number;
  /** Samples at 48 kHz that belong to the codec's start, not to the recording. */
  readonly preSkip: number;
  /** Linear factor. */
  readonly gain: number;
  readonly streamCount: number;
  readonly coupledCount: number;
  readonly mapping: readonly number[];
}

export function parseOpusHead(name: string, bytes: Uint8Array): OpusHead {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const channels = bytes[9] ?? 0;
  const family = bytes[18] ?? 0;
  if (bytes.length < 19 || channels === 0 || (family === 0 ? channels > 2 : bytes.length < 21 + channels)) {
    throw invalidAudio(`${name}: damaged Opus header`, "Export the recording again.");
  }
  return {
    channels,
    preSkip: view.getUint16(10, true),
    gain: 10 ** (view.getInt16(16, true) / 256 / 20),
    streamCount: family === 0 ? 1 : (bytes[19] ?? 1),
    coupledCount: family === 0 ? channels - 1 : (bytes[20] ?? 0),
    mapping: family === 0 ? [0, 1].slice(0, channels) : [...bytes.subarray(21, 21 + channels)],
  };
}

export class OpusPackets {
  readonly #decoder: OpusDecoder<48_000>;
  readonly #gain: number;
  readonly #damage = new DamageLog();

  private constructor(head: OpusHead) {
    this.#gain = head.gain;
    this.#decoder = new OpusDecoder({
      sampleRate: OPUS_RATE,
      channels: head.channels,
      streamCount: head.streamCount,
      coupledStreamCount: head.coupledCount,
      channelMappingTable: [...head.mapping],
      preSkip: 0, // trimmed here, where the container's own numbers are known
    });
  }

  static async create(head: OpusHead): Promise<OpusPackets> {
    const packets = new OpusPackets(head);
    await packets.#decoder.ready;
    return packets;
  }

  /** A packet that cannot be decoded gives nothing and is reported at the end. */
  decode(packet: Uint8Array): AudioChunk {
    try {
      const result = this.#decoder.decodeFrame(packet);
      this.#damage.addAll(result.errors);
      return this.#amplify(toChunk(result));
    } catch (cause) {
      this.#damage.add(errorText(cause));
      return { samples: new Float32Array(0), rate: OPUS_RATE };
    }
  }

  #amplify(chunk: AudioChunk): AudioChunk {
    if (this.#gain === 1) {
      return chunk;
    }
    const { samples, rate, channels = [] } = chunk;
    const amplify = <T extends Float32Array>(values: T): T => values.map((sample) => sample * this.#gain) as T;
    return { samples: amplify(samples), rate, channels: channels.map(amplify) };
  }

  close(context: DecodeContext): void {
    this.#decoder.free();
    this.#damage.report(context, "the opus stream");
  }
}
