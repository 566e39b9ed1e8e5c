/** Any audio source to mono samples, chunk by chunk. */
import { checkFinite, checkRate, invalidAudio, noSamples, SUPPORTED_FORMATS, throwIfAborted } from "./audio-errors.js";
import { ByteReader } from "./byte-reader.js";
import type { ByteSource } from "./byte-source.js";
import { decodeForeign } from "./foreign.js";
import { skipId3 } from "./id3.js";
import { isRawAudio, openSource, sourceName } from "./open-source.js";
import { decodeRaw } from "./raw.js";
import { SNIFF_SIZE, sniff } from "./sniff.js";
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
    note: (code, message) => options.onNote?.({ code, message: `${name}: ${message}` }),
  };
  let position = 0;
  for await (const chunk of isRawAudio(source) ? decodeRaw(source, context) : decodeSource(source, context)) {
    throwIfAborted(signal);
    if (chunk.samples.length > 0) {
      checkRate(name, chunk.rate);
      checkFinite(name, chunk.samples, position, chunk.rate);
      position += chunk.samples.length;
      yield chunk;
      throwIfAborted(signal);
    }
  }
  if (position === 0) {
    throw noSamples(name);
  }
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

async function* decodeBytes(
  source: ByteSource,
  reader: ByteReader,
  context: DecodeContext,
): AsyncGenerator<AudioChunk> {
  reader.mark();
  await skipId3(reader);
  const sniffed = sniff(await reader.peek(SNIFF_SIZE));
  switch (sniffed.kind) {
    case "wav": {
      const header = await readWavHeader(context.name, reader);
      if (header.format !== undefined) {
        reader.release();
        yield* decodeWav(reader, { ...header, format: header.format }, context);
        return;
      }
      reader.rewind();
      yield* decodeForeign(source, reader, `wav with codec ${tagText(header.codecTag)}`, context);
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
      const foreign = await foreignOggCodec(reader);
      reader.rewind();
      if (foreign === undefined) {
        yield* decodeOgg(reader, context);
      } else {
        yield* decodeForeign(source, reader, `ogg with codec ${foreign}`, context);
      }
      return;
    }
    case "foreign":
      reader.rewind();
      yield* decodeForeign(source, reader, sniffed.name, context);
      return;
    default:
      throw invalidAudio(
        `${context.name}: not an audio file (${"name" in sniffed && sniffed.name ? `looks like ${sniffed.name}` : "unknown content"})`,
        `Use one of the supported kinds: ${SUPPORTED_FORMATS}.`,
      );
  }
}
