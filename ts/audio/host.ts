/** The parts of decoding that need the operating system; a browser has none of them. */
import type { SttError } from "../contract/errors.js";
import type { ByteSource } from "./byte-source.js";
import type { AudioChunk, DecodeContext } from "./types.js";

export interface AudioHost {
  openFile(path: string): Promise<ByteSource>;
  /** A file: URL as a path. */
  pathOfUrl(url: URL): string;
  /**
   * Decodes with the system's ffmpeg; the error of the rejected promise says why that cannot be. `what` names the
   * content, e.g. "AAC in MP4".
   */
  decodeWithFfmpeg(
    source: ByteSource,
    what: string,
    context: DecodeContext,
  ): Promise<AsyncIterable<AudioChunk> | SttError>;
}

/** undefined outside Node. The package's "browser" field replaces the imported file by nothing. */
export async function loadHost(): Promise<AudioHost | undefined> {
  if (typeof process === "undefined" || process.versions?.node === undefined) {
    return undefined;
  }
  const { nodeAudioHost } = await import("./host.node.js");
  return nodeAudioHost;
}
