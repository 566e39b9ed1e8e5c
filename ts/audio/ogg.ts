import type { ByteReader } from "./byte-reader.js";
import { readOggPages } from "./ogg-pages.js";
import { type OggStream, oggCodecName, openOggStream } from "./ogg-streams.js";
import type { AudioChunk, DecodeContext } from "./types.js";

/** The codec of the first stream when none of the streams that start the file can be decoded here. */
export async function foreignOggCodec(reader: ByteReader): Promise<string | undefined> {
  let first: string | undefined;
  for await (const page of readOggPages(reader, () => undefined)) {
    if (!page.isFirst) {
      break;
    }
    const codec = oggCodecName(page.body);
    if (codec === "vorbis" || codec === "opus" || codec === "flac") {
      return undefined;
    }
    first ??= codec ?? "unknown";
  }
  return first;
}

export async function* decodeOgg(reader: ByteReader, context: DecodeContext): AsyncGenerator<AudioChunk> {
  let stream: OggStream | undefined;
  let damaged = 0;
  let truncated = false;
  const pages = readOggPages(reader, (kind) => {
    if (kind === "truncated") {
      truncated = true;
    } else {
      damaged++;
    }
  });
  let onlyFirstPages = true;
  try {
    for await (const page of pages) {
      if (page.isFirst && !onlyFirstPages && stream !== undefined) {
        // All streams of a file start together: this is another file, and the end of the one before is missing.
        truncated = true;
        yield* finish(stream);
        stream = undefined;
      }
      onlyFirstPages = page.isFirst;
      if (stream === undefined && page.isFirst) {
        stream = await openOggStream(page, context);
      } else if (stream !== undefined && page.serial === stream.serial) {
        yield* stream.decode(page);
      }
      if (stream !== undefined && page.serial === stream.serial && page.isLast) {
        yield* finish(stream);
        stream = undefined;
      }
    }
    if (stream !== undefined) {
      truncated = true;
      yield* finish(stream);
      stream = undefined;
    }
  } finally {
    stream?.close();
  }
  if (damaged > 0) {
    context.note(
      "damaged",
      `pages of the ogg file are damaged in ${damaged} place(s) and left out; what follows comes that much earlier`,
    );
  }
  if (truncated) {
    context.note("truncated", "the ogg file ends early; used what is there");
  }
}

async function* finish(stream: OggStream): AsyncGenerator<AudioChunk> {
  try {
    yield* stream.end();
  } finally {
    stream.close();
  }
}
