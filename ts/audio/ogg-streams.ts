/** Decoders of single streams inside Ogg. */
import { FLACDecoder } from "@wasm-audio-decoders/flac";
import { OggVorbisDecoder } from "@wasm-audio-decoders/ogg-vorbis";
import { errorText } from "./audio-errors.js";
import { type CodecResult, DamageLog, toChunk } from "./codec-result.js";
import { flacResult } from "./flac.js";
import { OggPacketizer, type OggPage } from "./ogg-pages.js";
import { OPUS_RATE, OpusPackets, parseOpusHead } from "./opus-packets.js";
import { cutChunk } from "./trim.js";
import type { AudioChunk, DecodeContext } from "./types.js";

export interface OggStream {
  readonly serial: number;
  decode(page: OggPage): AsyncIterable<AudioChunk>;
  /** What is still held back after the last page. */
  end(): AsyncIterable<AudioChunk>;
  close(): void;
}

/** From the first packet of a stream. */
export function oggCodecName(body: Uint8Array): string | undefined {
  const text = String.fromCharCode(...body.subarray(0, 8));
  const known = [
    ["OpusHead", "opus"],
    ["\x01vorbis", "vorbis"],
    ["\x7fFLAC", "flac"],
    ["Speex   ", "Speex"],
    ["\x80theora", "Theora"],
    ["fishead\0", "Skeleton"],
  ] as const;
  return known.find(([magic]) => text.startsWith(magic))?.[1];
}

/** undefined: no audio that is decoded here. `page` is the first of its stream. */
export async function openOggStream(page: OggPage, context: DecodeContext): Promise<OggStream | undefined> {
  switch (oggCodecName(page.body)) {
    case "opus":
      return openOpus(page, context);
    case "vorbis": {
      const decoder = new OggVorbisDecoder();
      await decoder.ready;
      return pageStream(page, decoder, (result) => result, "the vorbis stream", context);
    }
    case "flac": {
      const decoder = new FLACDecoder();
      await decoder.ready;
      return pageStream(page, decoder, flacResult, "the flac stream", context);
    }
    default:
      return undefined;
  }
}

interface PageDecoder<Result> {
  decode(bytes: Uint8Array): Promise<Result>;
  flush(): Promise<Result>;
  free(): void;
}

/** Decoders that read Ogg pages themselves. */
async function pageStream<Result extends CodecResult>(
  first: OggPage,
  decoder: PageDecoder<Result>,
  adapt: (result: Result) => CodecResult,
  what: string,
  context: DecodeContext,
): Promise<OggStream> {
  const damage = new DamageLog();
  async function* run(decode: () => Promise<Result>): AsyncGenerator<AudioChunk> {
    let result: Result;
    try {
      result = await decode();
    } catch (cause) {
      damage.add(errorText(cause));
      return;
    }
    damage.addAll(result.errors);
    yield toChunk(adapt(result));
  }
  await decoder.decode(first.raw);
  return {
    serial: first.serial,
    decode: (page) => run(() => decoder.decode(page.raw)),
    end: () => run(() => decoder.flush()),
    close() {
      decoder.free();
      damage.report(context, what);
    },
  };
}

async function openOpus(first: OggPage, context: DecodeContext): Promise<OggStream> {
  const head = parseOpusHead(context.name, first.body);
  const decoder = await OpusPackets.create(head);
  const packetizer = new OggPacketizer();
  let tagsSeen = false;
  let skip = head.preSkip;
  let decoded = 0;
  /** Granule position of the first decoded sample; not 0 in a stream that was cut out of a longer one. */
  let start: number | undefined;
  return {
    serial: first.serial,
    async *decode(page) {
      const packets = packetizer.packets(page);
      if (!tagsSeen && packets.length > 0) {
        packets.shift();
        tagsSeen = true;
      }
      const chunks = packets.map((packet) => decoder.decode(packet));
      const length = chunks.reduce((sum, chunk) => sum + chunk.samples.length, 0);
      if (page.granule !== undefined && length > 0) {
        // On a first page that is also the last, the granule position is smaller for the padding at the end.
        start ??= page.isLast ? 0 : Math.max(0, page.granule - length);
      }
      // The last page's position tells where the recording ends (RFC 7845, 4.4).
      const last = page.isLast && page.granule !== undefined ? page.granule - (start ?? 0) : Number.POSITIVE_INFINITY;
      for (const chunk of chunks) {
        const { length } = chunk.samples;
        const from = Math.min(skip, length);
        const to = Math.min(length, Math.max(from, last - decoded));
        skip -= from;
        decoded += length;
        yield cutChunk({ ...chunk, rate: OPUS_RATE }, from, to);
      }
    },
    async *end() {},
    close: () => decoder.close(context),
  };
}
