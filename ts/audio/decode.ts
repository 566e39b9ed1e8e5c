/** Any audio source to mono samples, chunk by chunk. */
import { checkFinite, checkRate, invalidAudio, noSamples, SUPPORTED_FORMATS, throwIfAborted } from "./audio-errors.js";
import { ByteReader } from "./byte-reader.js";
import { type ByteSource, toSeekable } from "./byte-source.js";
import { decodeForeign } from "./foreign.js";
import { skipId3 } from "./id3.js";
import { isRawAudio, openSource, sourceName } from "./open-source.js";
import { decodeRaw } from "./raw.js";
import { MAGIC_SIZE, SNIFF_SIZE, sniff, sniffMagic } from "./sniff.js";
import type { AudioChunk, AudioSource, DecodeContext, DecodeOptions } from "./types.js";
import { decodeWav } from "./wav.js";
import { readWavHeader, tagText } from "./wav-header.js";

/**
 * Mono chunks (the mean of all channels) of any size but 0, at the rate of the recording; the rate changes only where
 * the file itself does. Nothing is opened before the first chunk is asked for.
 *
 * Errors: ERR_FILE_NOT_FOUND, ERR_FILE_ACCESS, ERR_NETWORK, ERR_INVALID_ARGUMENT (a folder), ERR_INVALID_AUDIO (not
 * audio, damaged beyond use, no samples, NaN or infinite samples, impossible rate), ERR_UNSUPPORTED_AUDIO (needs a
 * decoder that is not there), ERR_ABORTED. A file that ends early or is damaged in places gives what can be decoded
 * and says so through `onNote`.
 */
export async function* decodeAudio(
  source: AudioSource,
  options: DecodeOptions = {},
): AsyncGenerator<AudioChunk, void, undefined> {
  const { signal } = options;
  throwIfAborted(signal);
  const name = sourceName(source);
  const context: DecodeContext = {
    name,
    signal,
    split: options.split ?? false,
    note: (code, message) => options.onNote?.({ code, message: `${name}: ${message}` }),
  };
  let position = 0;
  const separate = options.split ? channelSplitter(name) : (chunk: AudioChunk) => chunk;
  for await (const chunk of isRawAudio(source) ? decodeRaw(source, context) : decodeSource(source, context)) {
    throwIfAborted(signal);
    if (chunk.samples.length > 0) {
      checkRate(name, chunk.rate);
      checkFinite(name, chunk.samples, position, chunk.rate);
      position += chunk.samples.length;
      yield separate(chunk);
      throwIfAborted(signal);
    }
  }
  if (position === 0) {
    throw noSamples(name);
  }
}

/** Every chunk with as many channels as the first one that has any; silence for a damaged part is mono. */
function channelSplitter(name: string): (chunk: AudioChunk) => AudioChunk {
  let count: number | undefined;
  return (chunk) => {
    count ??= chunk.channels?.length ?? 1;
    if (chunk.channels === undefined) {
      return { ...chunk, channels: Array.from({ length: count }, () => chunk.samples) };
    }
    if (chunk.channels.length !== count) {
      throw invalidAudio(
        `${name}: the number of channels changes from ${count} to ${chunk.channels.length} inside the recording`,
        "Transcribe it without keeping the channels apart, or split the file.",
      );
    }
    return chunk;
  };
}

async function* decodeSource(
  source: Parameters<typeof openSource>[0],
  context: DecodeContext,
): AsyncGenerator<AudioChunk> {
  const bytes = await openSource(source, context.signal);
  const reader = new ByteReader(bytes.chunks(), context.signal);
  try {
    yield* decodeBytes(bytes, reader, context);
  } finally {
    await reader.close();
    await bytes.close();
  }
}

/** Decoders other than wav's are loaded when they are needed: they bring their wasm with them. */
async function* decodeBytes(
  source: ByteSource,
  reader: ByteReader,
  context: DecodeContext,
): AsyncGenerator<AudioChunk> {
  async function* foreign(what: string): AsyncGenerator<AudioChunk> {
    reader.rewind();
    yield* decodeForeign(await toSeekable(source, reader), what, context);
  }
  reader.mark();
  await skipId3(reader);
  const sniffed = sniffMagic(await reader.peek(MAGIC_SIZE)) ?? sniff(await reader.peek(SNIFF_SIZE));
  switch (sniffed.kind) {
    case "wav": {
      const { format, ...header } = await readWavHeader(context.name, reader);
      if (format === undefined) {
        yield* foreign(`wav with codec ${tagText(header.codecTag)}`);
      } else {
        reader.release();
        yield* decodeWav(reader, { ...header, format }, context);
      }
      return;
    }
    case "mp3":
      reader.release();
      yield* (await import("./mp3.js")).decodeMp3(reader, context);
      return;
    case "flac":
      reader.release();
      yield* (await import("./flac.js")).decodeFlac(reader, context);
      return;
    case "ogg": {
      const { decodeOgg, foreignOggCodec } = await import("./ogg.js");
      const codec = await foreignOggCodec(reader);
      if (codec === undefined) {
        reader.rewind();
        yield* decodeOgg(reader, context);
      } else {
        yield* foreign(`${codec} in ogg`);
      }
      return;
    }
    case "matroska": {
      const { decodeMatroska, readMatroskaTrack } = await import("./matroska.js");
      const { codec, ...track } = await readMatroskaTrack(reader, context.name);
      if (codec === undefined) {
        yield* foreign(`${track.codecId} in matroska`);
      } else {
        reader.release();
        yield* decodeMatroska(reader, { ...track, codec }, context);
      }
      return;
    }
    case "mp4":
      reader.rewind();
      yield* (await import("./mp4.js")).decodeMp4(await toSeekable(source, reader), context);
      return;
    case "foreign":
      yield* foreign(sniffed.name);
      return;
    case "unknown":
      throw invalidAudio(
        `${context.name}: not an audio file (its content is ${sniffed.name ?? "of no known kind"})`,
        `Use one of the supported kinds: ${SUPPORTED_FORMATS}.`,
      );
  }
}
