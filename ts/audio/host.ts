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

let load: (() => Promise<AudioHost>) | undefined;

/** For the entry of a platform that has one: a bundle for browsers must not even mention the others. */
export function setAudioHost(loader: () => Promise<AudioHost>): void {
  load = loader;
}

export async function loadHost(): Promise<AudioHost | undefined> {
  return load?.();
}
