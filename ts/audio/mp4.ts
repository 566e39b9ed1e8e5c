/** MP4, M4A and MOV: mediabunny finds the packets; who decodes them depends on the codec. */
import { AudioSampleSink, CustomSource, EncodedPacketSink, Input, type InputAudioTrack, MP4, QTFF } from "mediabunny";
import { SttError } from "../contract/errors.js";
import { errorText, invalidAudio, SUPPORTED_FORMATS, throwIfAborted, unsupportedAudio } from "./audio-errors.js";
import type { SeekableSource } from "./byte-source.js";
import { loadHost } from "./host.js";
import { openPacketDecoder, type PacketCodec } from "./packet-decoder.js";
import { channelsToMono } from "./sample-formats.js";
import { SampleTrimmer } from "./trim.js";
import type { AudioChunk, DecodeContext } from "./types.js";

const PACKET_CODECS: readonly string[] = ["opus", "vorbis", "flac", "mp3"] satisfies PacketCodec[];

export async function* decodeMp4(source: SeekableSource, context: DecodeContext): AsyncGenerator<AudioChunk> {
  const { size, read } = source.random;
  const input = new Input({ source: new CustomSource({ getSize: () => size, read }), formats: [MP4, QTFF] });
  let decoded = 0;
  try {
    const track = await findTrack(input, context.name);
    for await (const chunk of decodeTrack(track, source, context)) {
      decoded += chunk.samples.length;
      yield chunk;
    }
  } catch (cause) {
    throwIfAborted(context.signal);
    if (cause instanceof SttError) {
      throw cause;
    }
    if (decoded === 0) {
      throw invalidAudio(
        `${context.name}: damaged mp4 file (${errorText(cause)})`,
        "Export the recording again.",
        cause,
      );
    }
    context.note("damaged", `the mp4 file is damaged (${errorText(cause)}); used what comes before`);
  } finally {
    input.dispose();
  }
}

async function findTrack(input: Input, name: string): Promise<InputAudioTrack> {
  let track: InputAudioTrack | null;
  try {
    track = await input.getPrimaryAudioTrack();
  } catch (cause) {
    throw invalidAudio(
      `${name}: mp4 file without a readable index (${errorText(cause)})`,
      "The index lies at the end of most files: get the whole file.",
      cause,
    );
  }
  if (track === null) {
    throw invalidAudio(
      `${name}: mp4 file without an audio track, or cut before its index`,
      "The index lies at the end of most files: get the whole file, or one with sound.",
    );
  }
  return track;
}

async function* decodeTrack(
  track: InputAudioTrack,
  source: SeekableSource,
  context: DecodeContext,
): AsyncGenerator<AudioChunk> {
  const codec = (await track.getCodec()) ?? "an unknown codec";
  if (PACKET_CODECS.includes(codec)) {
    yield* decodePackets(track, codec as PacketCodec, context);
  } else if (codec.startsWith("pcm-")) {
    yield* decodeSamples(track, context);
  } else {
    yield* decodeOutside(track, source, `${codec === "aac" ? "AAC" : codec} in mp4`, context);
  }
}

/** In a browser WebCodecs; in Node the system's ffmpeg, else the optional package @mediabunny/server. */
async function* decodeOutside(
  track: InputAudioTrack,
  source: SeekableSource,
  what: string,
  context: DecodeContext,
): AsyncGenerator<AudioChunk> {
  const host = await loadHost();
  if (host === undefined) {
    if (!(await track.canDecode())) {
      throw unsupportedAudio(
        `${context.name}: this browser cannot decode ${what}`,
        `Convert it to: ${SUPPORTED_FORMATS}.`,
      );
    }
    yield* decodeSamples(track, context);
    return;
  }
  const decoded = await host.decodeWithFfmpeg(source, what, context);
  if (!(decoded instanceof SttError)) {
    // ffmpeg follows the edit list at the start, but gives the last frame whole.
    const duration = await track.computeDuration();
    let trimmer: SampleTrimmer | undefined;
    for await (const chunk of decoded) {
      trimmer ??= new SampleTrimmer(0, Math.round(duration * chunk.rate));
      yield trimmer.trim(chunk);
    }
  } else if ((await host.registerMediaServer()) && (await track.canDecode())) {
    context.note("external-decoder", `${what} decoded by @mediabunny/server`);
    yield* decodeSamples(track, context);
  } else {
    throw decoded;
  }
}

async function* decodePackets(
  track: InputAudioTrack,
  codec: PacketCodec,
  context: DecodeContext,
): AsyncGenerator<AudioChunk> {
  const setup = (await track.getDecoderConfig())?.description;
  const decoder = await openPacketDecoder(codec, toBytes(setup), context);
  const timeline = new Timeline(track, decoder.preSkip);
  try {
    for await (const packet of new EncodedPacketSink(track).packets()) {
      throwIfAborted(context.signal);
      yield await timeline.place(packet.timestamp, await decoder.decode(packet.data));
    }
    yield await timeline.place(0, await decoder.flush());
    timeline.report(context);
  } finally {
    decoder.close();
  }
}

async function* decodeSamples(track: InputAudioTrack, context: DecodeContext): AsyncGenerator<AudioChunk> {
  const timeline = new Timeline(track, 0);
  for await (const sample of new AudioSampleSink(track).samples()) {
    try {
      throwIfAborted(context.signal);
      const channels = Array.from({ length: sample.numberOfChannels }, (_, planeIndex) => {
        const channel = new Float32Array(sample.numberOfFrames);
        sample.copyTo(channel, { planeIndex, format: "f32-planar" });
        return channel;
      });
      yield await timeline.place(sample.timestamp, {
        samples: channelsToMono(channels),
        rate: sample.sampleRate,
        channels,
      });
    } finally {
      sample.close();
    }
  }
  timeline.report(context);
}

/** The part of the decoded samples that the file's edit list shows: from time 0 to the track's duration. */
class Timeline {
  readonly #track: InputAudioTrack;
  readonly #preSkip: number;
  #start: number | undefined;
  #trimmer: SampleTrimmer | undefined;
  #expected = 0;
  #placed = 0;

  constructor(track: InputAudioTrack, preSkip: number) {
    this.#track = track;
    this.#preSkip = preSkip;
  }

  /** `timestamp`: of the chunk, in seconds; negative before the start. */
  async place(timestamp: number, chunk: AudioChunk): Promise<AudioChunk> {
    this.#start ??= timestamp;
    // A decoder may take a packet in before it gives samples and knows the rate.
    if (chunk.samples.length === 0) {
      return chunk;
    }
    this.#trimmer ??= await this.#createTrimmer(this.#start, chunk.rate);
    const placed = this.#trimmer.trim(chunk);
    this.#placed += placed.samples.length;
    return placed;
  }

  async #createTrimmer(start: number, rate: number): Promise<SampleTrimmer> {
    const skip = start < 0 ? Math.round(-start * rate) : this.#preSkip;
    const duration = (await this.#track.computeDuration()) - Math.max(0, start);
    this.#expected = Math.round(duration * rate) - (start < 0 ? 0 : this.#preSkip);
    return new SampleTrimmer(skip, this.#expected);
  }

  report(context: DecodeContext): void {
    if (this.#placed < this.#expected) {
      context.note(
        "truncated",
        `${this.#placed} of the ${this.#expected} samples of the mp4 file could be decoded; the rest is missing`,
      );
    }
  }
}

function toBytes(data: AllowSharedBufferSource | undefined): Uint8Array {
  if (data === undefined) {
    return new Uint8Array(0);
  }
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice()
    : new Uint8Array(data).slice();
}
