/** Content that only another program can decode. */
import { SttError } from "../contract/errors.js";
import { SUPPORTED_FORMATS, unsupportedAudio } from "./audio-errors.js";
import type { SeekableSource } from "./byte-source.js";
import { loadHost } from "./host.js";
import type { AudioChunk, DecodeContext } from "./types.js";

/** `what` names the content for messages. */
export async function* decodeForeign(
  source: SeekableSource,
  what: string,
  context: DecodeContext,
): AsyncGenerator<AudioChunk> {
  const host = await loadHost();
  const decoded = await host?.decodeWithFfmpeg(source, what, context);
  if (decoded === undefined) {
    throw unsupportedAudio(
      `${context.name}: ${what} is not supported here`,
      `Convert it to one of: ${SUPPORTED_FORMATS}.`,
    );
  }
  if (decoded instanceof SttError) {
    throw decoded;
  }
  yield* decoded;
}
