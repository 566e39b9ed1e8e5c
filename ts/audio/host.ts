/** The parts of decoding that need the operating system; a browser has none of them. */
import type { SttError } from "../contract/errors.js";
import type { ByteSource, SeekableSource } from "./byte-source.js";
import type { AudioChunk, DecodeContext } from "./types.js";

export interface AudioHost {
  openFile(path: string): Promise<ByteSource>;
  /** A file: URL as a path. */
  pathOfUrl(url: URL): string;
  /**
   * Decodes with the system's ffmpeg; an error says why that cannot be. `what` names the content, e.g. "AAC in mp4".
   */
  decodeWithFfmpeg(
    source: SeekableSource,
    what: string,
    context: DecodeContext,
  ): Promise<AsyncIterable<AudioChunk> | SttError>;
  /** Adds the decoders of the optional package @mediabunny/server to mediabunny; false when it is not installed. */
  registerMediaServer(): Promise<boolean>;
}

/** undefined outside Node, where the imported file is never reached. */
export async function loadHost(): Promise<AudioHost | undefined> {
  if (typeof process === "undefined" || process.versions?.node === undefined) {
    return undefined;
  }
  const { nodeAudioHost } = await import("./host.node.js");
  return nodeAudioHost;
}
