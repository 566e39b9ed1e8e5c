/** Packets of the codecs that this package decodes itself, whatever container they come from. */
import { FLACDecoder } from "@wasm-audio-decoders/flac";
import { OggVorbisDecoder } from "@wasm-audio-decoders/ogg-vorbis";
import { MPEGDecoder } from "mpg123-decoder";
import { errorText } from "./audio-errors.js";
import { type CodecResult, DamageLog, toChunk } from "./codec-result.js";
import { flacResult } from "./flac.js";
import { OggPageWriter } from "./ogg-page-writer.js";
import { OPUS_RATE, OpusPackets, parseOpusHead } from "./opus-packets.js";
import type { AudioChunk, DecodeContext } from "./types.js";

export type PacketCodec = "opus" | "vorbis" | "flac" | "mp3";

export interface PacketDecoder {
  /** Samples at its start that are not part of the recording, unless the container says otherwise. */
  readonly preSkip: number;
  /** No samples, and then no rate, while the decoder needs more packets. */
  decode(packet: Uint8Array): Promise<AudioChunk>;
  /** What is still held back after the last packet. */
  flush(): Promise<AudioChunk>;
  close(): void;
}

/** `setup`: the codec's own header as Matroska stores it (WebCodecs' `description`). */
export async function openPacketDecoder(
  codec: PacketCodec,
  setup: Uint8Array,
  context: DecodeContext,
): Promise<PacketDecoder> {
  switch (codec) {
    case "opus":
      return openOpus(setup, context);
    case "vorbis":
      return openVorbis(setup, context);
    case "flac": {
      const decoder = new FLACDecoder();
      await decoder.ready;
      await decoder.decodeFrames([flacHeader(setup)]);
      return wrap(decoder, (packet) => decoder.decodeFrames([packet]).then(flacResult), context);
    }
    case "mp3": {
      // Trimming is the container's business here: it has its own timeline.
      const decoder = new MPEGDecoder({ enableGapless: false });
      await decoder.ready;
      return wrap(decoder, async (packet) => decoder.decode(packet), context);
    }
  }
}

async function openOpus(setup: Uint8Array, context: DecodeContext): Promise<PacketDecoder> {
  const head = parseOpusHead(context.name, setup);
  const decoder = await OpusPackets.create(head);
  return {
    preSkip: head.preSkip,
    decode: async (packet) => decoder.decode(packet),
    flush: async () => ({ samples: new Float32Array(0), rate: OPUS_RATE }),
    close: () => decoder.close(context),
  };
}

/** The decoder wants Ogg pages, so each packet becomes one. */
async function openVorbis(setup: Uint8Array, context: DecodeContext): Promise<PacketDecoder> {
  const decoder = new OggVorbisDecoder();
  const writer = new OggPageWriter();
  await decoder.ready;
  for (const header of splitVorbisSetup(setup)) {
    await decoder.decode(writer.page(header));
  }
  // A page is decoded when the next one has come.
  const decode = (packet: Uint8Array): Promise<CodecResult> => decoder.decode(writer.page(packet));
  return wrap(decoder, decode, context, () => decoder.flush());
}

function wrap(
  decoder: { free(): void },
  decode: (packet: Uint8Array) => Promise<CodecResult>,
  context: DecodeContext,
  flush?: () => Promise<CodecResult>,
): PacketDecoder {
  const damage = new DamageLog();
  const nothing: AudioChunk = { samples: new Float32Array(0), rate: 0 };
  async function run(decodeNext: () => Promise<CodecResult>): Promise<AudioChunk> {
    try {
      const result = await decodeNext();
      damage.addAll(result.errors);
      return toChunk(result);
    } catch (cause) {
      damage.add(errorText(cause));
      return nothing;
    }
  }
  return {
    preSkip: 0,
    decode: (packet) => run(() => decode(packet)),
    flush: async () => (flush === undefined ? nothing : run(flush)),
    close() {
      decoder.free();
      damage.report(context, "the audio track");
    },
  };
}

/** "fLaC" and STREAMINFO marked as the last block; `setup` may hold more blocks, or lack the magic word. */
function flacHeader(setup: Uint8Array): Uint8Array {
  const blocks = String.fromCharCode(...setup.subarray(0, 4)) === "fLaC" ? setup.subarray(4) : setup;
  const header = new Uint8Array(4 + 4 + 34);
  header.set([0x66, 0x4c, 0x61, 0x43]);
  header.set(blocks.subarray(0, 38), 4);
  header[4] = 0x80;
  return header;
}

/** Three packets with Xiph lacing: their number less one, the sizes of all but the last, the packets. */
function splitVorbisSetup(setup: Uint8Array): Uint8Array[] {
  const sizes: number[] = [];
  let offset = 1;
  while (sizes.length < (setup[0] ?? 0)) {
    let size = 0;
    let byte: number;
    do {
      byte = setup[offset++] ?? 0;
      size += byte;
    } while (byte === 255);
    sizes.push(size);
  }
  return [...sizes, setup.length].map((size) => {
    const packet = setup.subarray(offset, offset + size);
    offset += size;
    return packet;
  });
}
