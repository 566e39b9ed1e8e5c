/** Content that only another program can decode. */
import { SttError } from "../contract/errors.js";
import { SUPPORTED_FORMATS, unsupportedAudio } from "./audio-errors.js";
import { type ByteReader, collectBytes } from "./byte-reader.js";
import { type ByteSource, memorySource } from "./byte-source.js";
import { loadHost } from "./host.js";
import type { AudioChunk, DecodeContext } from "./types.js";

/** `reader` stands at the start of the file; `what` names the content for messages. */
export async function* decodeForeign(
  source: ByteSource,
  reader: ByteReader,
  what: string,
  context: DecodeContext,
): AsyncGenerator<AudioChunk> {
  const host = await loadHost();
  if (host === undefined) {
    throw unsupportedAudio(
      `${context.name}: ${what} is not supported here`,
      `Convert it to one of: ${SUPPORTED_FORMATS}.`,
    );
  }
  // ffmpeg seeks in most containers, so what is not a file must lie in memory first.
  const whole = source.random === undefined ? memorySource(source.name, await collectBytes(reader.rest())) : source;
  const decoded = await host.decodeWithFfmpeg(whole, what, context);
  if (decoded instanceof SttError) {
    throw decoded;
  }
  yield* decoded;
}
