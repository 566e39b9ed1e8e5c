/** Sequential reading with look-ahead over a stream of byte chunks; holds no more than was looked at. */
import { throwIfAborted } from "./audio-errors.js";

export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #signal: AbortSignal | undefined;
  #buffer: Uint8Array = new Uint8Array(0);
  #position = 0;
  #marked = false;
  #ended = false;

  constructor(chunks: AsyncIterable<Uint8Array>, signal?: AbortSignal | undefined) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#signal = signal;
  }

  /** From here on bytes are kept, so that rewind() can return to this place. */
  mark(): void {
    this.#dropRead();
    this.#marked = true;
  }

  rewind(): void {
    this.#position = 0;
    this.#marked = false;
  }

  release(): void {
    this.#marked = false;
  }

  /** The next `size` bytes without taking them; fewer only at the end of the stream. */
  async peek(size: number): Promise<Uint8Array> {
    if (this.#buffer.length - this.#position < size) {
      await this.#fill(size);
    }
    return this.#buffer.subarray(this.#position, this.#position + size);
  }

  /** Takes the next `size` bytes; fewer only at the end of the stream. */
  async read(size: number): Promise<Uint8Array> {
    const bytes = await this.peek(size);
    this.#position += bytes.length;
    return bytes;
  }

  /** Skips `size` bytes; the number skipped is smaller only at the end of the stream. */
  async skip(size: number): Promise<number> {
    let left = size;
    while (left > 0) {
      const bytes = await this.read(Math.min(left, 65_536));
      if (bytes.length === 0) {
        break;
      }
      left -= bytes.length;
    }
    return size - left;
  }

  /** Takes whatever is next, never empty; undefined at the end. */
  async next(): Promise<Uint8Array | undefined> {
    await this.peek(1);
    const bytes = await this.read(this.#buffer.length - this.#position);
    return bytes.length === 0 ? undefined : bytes;
  }

  /** The stream from here on. */
  async *rest(): AsyncGenerator<Uint8Array> {
    for (let bytes = await this.next(); bytes !== undefined; bytes = await this.next()) {
      yield bytes;
    }
  }

  /** Ends the source's iteration early. */
  async close(): Promise<void> {
    if (!this.#ended) {
      this.#ended = true;
      const returned = this.#chunks.return?.();
      if (this.#signal?.aborted) {
        // A generator that still waits for its own source would hold the abort up until that answers.
        returned?.catch(() => undefined);
      } else {
        await returned;
      }
    }
  }

  /** Makes `size` unread bytes available, or all there are. */
  async #fill(size: number): Promise<void> {
    this.#dropRead();
    const parts = [this.#buffer];
    let available = this.#buffer.length - this.#position;
    while (available < size && !this.#ended) {
      throwIfAborted(this.#signal);
      const result = await untilAborted(this.#chunks.next(), this.#signal);
      if (result.done) {
        this.#ended = true;
      } else {
        parts.push(result.value);
        available += result.value.length;
      }
    }
    this.#buffer = joinBytes(parts);
  }

  #dropRead(): void {
    if (!this.#marked && this.#position > 0) {
      this.#buffer = this.#buffer.subarray(this.#position);
      this.#position = 0;
    }
  }
}

/** Rejects as soon as the signal fires, whatever becomes of the promise. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) {
    return promise;
  }
  let stop: () => void = () => undefined;
  const aborted = new Promise<void>((resolve) => {
    stop = resolve;
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    const result = await Promise.race([promise, aborted.then(() => undefined)]);
    throwIfAborted(signal);
    return result as T;
  } finally {
    signal.removeEventListener("abort", stop);
    promise.catch(() => undefined);
  }
}

export async function collectBytes(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of chunks) {
    parts.push(part);
  }
  return joinBytes(parts);
}

function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const filled = parts.filter((part) => part.length > 0);
  if (filled.length === 1 && filled[0] !== undefined) {
    return filled[0];
  }
  const bytes = new Uint8Array(filled.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of filled) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}
