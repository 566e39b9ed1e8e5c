/** How much of a file of weights comes before its numbers: names, shapes, and in GGUF files configuration and vocabulary. */
import type { ModelFile } from "./model-files.js";

/** What can be read in parts. */
type ReadableFile = Pick<ModelFile, "size" | "read">;

/** Beyond this the file is damaged; the core says so. */
const MAX_HEAD = 128 << 20;
const READ_SIZE = 1 << 20;

/** Bytes, at most the file's. What is damaged is not looked into: the core does, and says what is wrong. */
export async function headBytes(file: ReadableFile): Promise<number> {
  const limit = Math.min(file.size, MAX_HEAD);
  const reader = new HeadReader(file, limit);
  try {
    const end = (await reader.text(4)) === "GGUF" ? await ggufEnd(reader) : await safetensorsEnd(reader);
    return Math.min(end, limit);
  } catch (error) {
    if (error instanceof PastTheEnd) {
      return limit;
    }
    throw error;
  }
}

async function safetensorsEnd(reader: HeadReader): Promise<number> {
  reader.position = 0;
  return 8 + (await reader.u64());
}

/** Bytes of a value by its type number; strings and arrays have none of their own. */
const GGUF_SIZES: readonly (number | undefined)[] = [1, 1, 2, 2, 4, 4, 4, 1, undefined, undefined, 8, 8, 8];
const GGUF_STRING = 8;
const GGUF_ARRAY = 9;

async function ggufEnd(reader: HeadReader): Promise<number> {
  reader.position += 4; // version
  const tensors = await reader.u64();
  const keys = await reader.u64();
  for (let i = 0; i < keys; i++) {
    await reader.skipString();
    await skipValue(reader, await reader.u32());
  }
  for (let i = 0; i < tensors; i++) {
    await reader.skipString();
    reader.position += 8 * (await reader.u32()) + 4 + 8;
  }
  await reader.ensure(0);
  return reader.position;
}

async function skipValue(reader: HeadReader, type: number): Promise<void> {
  if (type === GGUF_STRING) {
    await reader.skipString();
    return;
  }
  if (type !== GGUF_ARRAY) {
    reader.position += sizeOf(type);
    return;
  }
  const inner = await reader.u32();
  const count = await reader.u64();
  if (inner !== GGUF_STRING) {
    reader.position += count * sizeOf(inner);
    return;
  }
  for (let i = 0; i < count; i++) {
    await reader.skipString();
  }
}

function sizeOf(type: number): number {
  const size = GGUF_SIZES[type];
  if (size === undefined) {
    throw new PastTheEnd();
  }
  return size;
}

class PastTheEnd extends Error {}

class HeadReader {
  position = 0;
  readonly #file: ReadableFile;
  readonly #limit: number;
  #bytes = new Uint8Array();
  #view = new DataView(this.#bytes.buffer);
  #start = 0;

  constructor(file: ReadableFile, limit: number) {
    this.#file = file;
    this.#limit = limit;
  }

  async u32(): Promise<number> {
    const at = await this.#take(4);
    return this.#view.getUint32(at, true);
  }

  async u64(): Promise<number> {
    const at = await this.#take(8);
    return Number(this.#view.getBigUint64(at, true));
  }

  async text(length: number): Promise<string> {
    const at = await this.#take(length);
    return String.fromCharCode(...this.#bytes.subarray(at, at + length));
  }

  async skipString(): Promise<void> {
    this.position += await this.u64();
  }

  /** The next `length` bytes are in the buffer. */
  async ensure(length: number): Promise<void> {
    const end = this.position + length;
    if (end > this.#limit) {
      throw new PastTheEnd();
    }
    if (this.position < this.#start || end > this.#start + this.#bytes.length) {
      const stop = Math.min(Math.max(end, this.position + READ_SIZE), this.#limit);
      this.#bytes = Uint8Array.from(await this.#file.read(this.position, stop));
      this.#view = new DataView(this.#bytes.buffer);
      this.#start = this.position;
      if (this.#bytes.length < length) {
        throw new PastTheEnd();
      }
    }
  }

  async #take(length: number): Promise<number> {
    await this.ensure(length);
    const at = this.position - this.#start;
    this.position += length;
    return at;
  }
}
