/** The bytes of a remote file from some offset on, in order, fetched over several connections. */
import type { HttpSettings } from "./http.js";
import { fetchRange, fetchWhole, type RangeSource, RangesIgnored } from "./range-request.js";
import { throwIfAborted, waitAfter, withRetries } from "./retry.js";

/** Bytes of one request: small at first, so that a cut on a slow line loses little; then by the measured speed. */
const FIRST_PART = 1 << 20;
const MAX_PART = 8 << 20;
/** Seconds that one part should take. */
const PART_SECONDS = 2;

/**
 * Yields everything from `start` to the end. Parts after the first run ahead and wait in memory, at most
 * `connections` times 8 MiB. So what the receiver has is a beginning of the file at any time, and its length is all
 * that is needed to go on after a cut.
 *
 * Errors: HttpFailure when retries did not help, ERR_ABORTED.
 */
export async function* fetchFrom(
  settings: HttpSettings,
  source: RangeSource,
  start: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  let done = start;
  if (start > 0 || source.size > FIRST_PART) {
    try {
      for await (const chunk of inParts(settings, source, start, signal)) {
        done += chunk.length;
        yield chunk;
      }
      return;
    } catch (error) {
      if (!(error instanceof RangesIgnored)) {
        throw error;
      }
    }
  }
  yield* asWhole(settings, source, done, signal);
}

async function* inParts(
  settings: HttpSettings,
  source: RangeSource,
  start: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const stop = new AbortController();
  const forward = (): void => stop.abort(signal?.reason);
  signal?.addEventListener("abort", forward, { once: true });
  const parts: Part[] = [];
  let next = start;
  let length = FIRST_PART;
  try {
    throwIfAborted(signal);
    for (;;) {
      while (parts.length < settings.connections && next < source.size) {
        const end = Math.min(next + length, source.size);
        parts.push(new Part(settings, source, next, end, stop.signal));
        next = end;
      }
      const [head] = parts;
      if (head === undefined) {
        return;
      }
      yield* head.chunks();
      length = Math.min(MAX_PART, Math.max(FIRST_PART, Math.round(head.bytesPerSecond * PART_SECONDS)));
      parts.shift();
    }
  } finally {
    signal?.removeEventListener("abort", forward);
    stop.abort();
  }
}

/** One range that begins to load at once and is read later. */
class Part {
  /** Known once the range is complete. */
  bytesPerSecond = 0;
  readonly #start: number;
  readonly #end: number;
  #received: number;
  readonly #queue: Uint8Array[] = [];
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => {};

  constructor(settings: HttpSettings, source: RangeSource, start: number, end: number, signal: AbortSignal) {
    this.#start = start;
    this.#end = end;
    this.#received = start;
    this.#load(settings, source, signal).catch((error: unknown) => {
      this.#failure = { error };
      this.#wake();
    });
  }

  /** What has come, then what comes, until the range is complete. */
  async *chunks(): AsyncGenerator<Uint8Array> {
    let given = this.#start;
    while (given < this.#end) {
      const chunk = this.#queue.shift();
      if (chunk !== undefined) {
        given += chunk.length;
        yield chunk;
      } else if (this.#failure !== undefined) {
        throw this.#failure.error;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  async #load(settings: HttpSettings, source: RangeSource, signal: AbortSignal): Promise<void> {
    const began = performance.now();
    let before = this.#received;
    await withRetries(
      async () => {
        before = this.#received;
        for await (const chunk of fetchRange(settings, source, this.#received, this.#end, signal)) {
          this.#received += chunk.length;
          const seconds = Math.max(1, performance.now() - began) / 1000;
          this.bytesPerSecond = (this.#received - this.#start) / seconds;
          this.#queue.push(chunk);
          this.#wake();
        }
      },
      settings.retries,
      signal,
      () => this.#received > before,
    );
  }
}

/** One stream of the whole file, of which the part before `start` is thrown away; begins anew after a cut. */
async function* asWhole(
  settings: HttpSettings,
  source: RangeSource,
  start: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  let done = start;
  for (let attempt = 1; ; attempt++) {
    const before = done;
    try {
      let position = 0;
      for await (const chunk of fetchWhole(settings, source, signal)) {
        const fresh = chunk.subarray(Math.max(0, done - position));
        position += chunk.length;
        if (fresh.length > 0) {
          done += fresh.length;
          yield fresh;
        }
      }
      return;
    } catch (error) {
      if (done > before) {
        attempt = 1;
      }
      await waitAfter(error, attempt, settings.retries, signal);
    }
  }
}
