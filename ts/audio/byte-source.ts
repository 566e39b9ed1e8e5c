import { SttError } from "../contract/errors.js";
import { type ByteReader, collectBytes } from "./byte-reader.js";

/** Encoded audio as bytes: always readable from front to back, at any place where the origin allows it. */
export interface ByteSource {
  /** For messages: a path, a URL or what kind of bytes these are. */
  readonly name: string;
  /** Set when the bytes are a file of this machine. */
  readonly path?: string;
  /** Set when any place can be read; end is exclusive and inside the file. */
  readonly random?: { readonly size: number; read(start: number, end: number): Promise<Uint8Array> };
  /** From the start. A source without `random` gives its bytes once. */
  chunks(): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

export type SeekableSource = ByteSource & { readonly random: NonNullable<ByteSource["random"]> };

export const CHUNK_SIZE = 65_536;

export function memorySource(name: string, bytes: Uint8Array): SeekableSource {
  return {
    name,
    random: { size: bytes.length, read: async (start, end) => bytes.subarray(start, end) },
    async *chunks() {
      for (let start = 0; start < bytes.length; start += CHUNK_SIZE) {
        yield bytes.subarray(start, start + CHUNK_SIZE);
      }
    },
    async close() {},
  };
}

export function blobSource(name: string, blob: Blob): ByteSource {
  const read = async (start: number, end: number): Promise<Uint8Array> =>
    new Uint8Array(await blob.slice(start, end).arrayBuffer());
  return {
    name,
    random: { size: blob.size, read },
    async *chunks() {
      for (let start = 0; start < blob.size; start += CHUNK_SIZE) {
        yield await read(start, Math.min(start + CHUNK_SIZE, blob.size));
      }
    },
    async close() {},
  };
}

export function streamSource(name: string, stream: AsyncIterable<Uint8Array>): ByteSource {
  return { name, chunks: () => checkedChunks(name, stream), async close() {} };
}

async function* checkedChunks(name: string, stream: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    if (!(chunk instanceof Uint8Array)) {
      const kind = chunk === null ? "null" : typeof chunk;
      throw new SttError("ERR_INVALID_ARGUMENT", `${name}: a chunk of type ${kind}, expected Uint8Array`, {
        remedy: "Pass a stream of bytes, without an encoding set on it.",
      });
    }
    yield chunk;
  }
}

/** Not every runtime lets one iterate a ReadableStream. */
export async function* readableStreamChunks(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  let done = false;
  try {
    while (!done) {
      const result = await reader.read();
      done = result.done;
      if (result.value !== undefined) {
        yield result.value;
      }
    }
  } finally {
    if (!done) {
      await reader.cancel().catch(() => undefined);
    }
    reader.releaseLock();
  }
}

/** What cannot be read at any place is taken into memory. `reader` stands at the source's start. */
export async function toSeekable(source: ByteSource, reader: ByteReader): Promise<SeekableSource> {
  const { random } = source;
  return random === undefined ? memorySource(source.name, await collectBytes(reader.rest())) : { ...source, random };
}
