/**
 * The two caches that MimiModel hands from call to call. Both are faces of one state in the core; as in transformers a
 * call changes the caches it is given and returns the same objects.
 */
import type { CodecHalf, CodecStreamHandle } from "../contract/backend.js";
import { SttError } from "../contract/errors.js";
import { invalidArgument, show } from "./option-checks.js";

/** State of a batch in one half of the codec. */
export class CodecStream {
  readonly half: CodecHalf;
  readonly rows: number;
  readonly handle: CodecStreamHandle;
  /** The caches that are up to date; those a restart left behind are not. */
  attention: MimiKeyValueCache;
  convolutions: MimiConv1dPaddingCache;

  constructor(half: CodecHalf, rows: number, handle: CodecStreamHandle) {
    this.half = half;
    this.rows = rows;
    this.handle = handle;
    this.attention = new MimiKeyValueCache(this);
    this.convolutions = new MimiConv1dPaddingCache(this);
  }

  /** The transformer begins anew with a cache of its own; the convolutions go on. */
  restartAttention(): void {
    this.handle.restart("attention");
    this.attention = new MimiKeyValueCache(this);
  }

  /** The convolutions begin anew with a cache of their own; the transformer goes on. */
  restartConvolutions(): void {
    this.handle.restart("convolutions");
    this.convolutions = new MimiConv1dPaddingCache(this);
  }
}

/** Keys and values of one of the codec's transformers (transformers' `DynamicCache`); made by encode() or decode(). */
export class MimiKeyValueCache {
  readonly #stream: CodecStream;

  /** @internal */
  constructor(stream: CodecStream) {
    this.#stream = stream;
  }

  /** @internal */
  static streamOf(cache: MimiKeyValueCache): CodecStream {
    return cache.#stream;
  }

  /** Rows it is for. */
  get batch_size(): number {
    return this.#stream.rows;
  }

  /** Columns of 40 ms seen so far (two per frame), those that left the attention window included. */
  get_seq_length(): number {
    return this.#stream.attention === this ? this.#stream.handle.columns() : 0;
  }

  /** Frees the state of this cache and of its padding cache; both are of no use afterwards. */
  async dispose(): Promise<void> {
    await this.#stream.handle.dispose();
  }

  /** dispose(). */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }
}

/** Contexts of the causal convolutions (transformers' class of this name); made by encode() or decode(). */
export class MimiConv1dPaddingCache {
  readonly #stream: CodecStream;

  /** @internal */
  constructor(stream: CodecStream) {
    this.#stream = stream;
  }

  /** @internal */
  static streamOf(cache: MimiConv1dPaddingCache): CodecStream {
    return cache.#stream;
  }

  /** Rows it is for. */
  get batch_size(): number {
    return this.#stream.rows;
  }

  /** Frees the state of this cache and of its key-value cache; both are of no use afterwards. */
  async dispose(): Promise<void> {
    await this.#stream.handle.dispose();
  }

  /** dispose(). */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }
}

/** The caches a call was given. */
export interface GivenCaches {
  readonly attention: MimiKeyValueCache | null | undefined;
  readonly convolutions: MimiConv1dPaddingCache | null | undefined;
}

/** The stream that both belong to, undefined without caches. `name`: of the key-value cache, for messages. */
export function streamOfCaches(given: GivenCaches, half: CodecHalf, name: string): CodecStream | undefined {
  const { attention, convolutions } = given;
  const streams: CodecStream[] = [];
  if (attention !== null && attention !== undefined) {
    streams.push(checked(name, attention, MimiKeyValueCache, half));
  }
  if (convolutions !== null && convolutions !== undefined) {
    streams.push(checked("padding_cache", convolutions, MimiConv1dPaddingCache, half));
  }
  const [first, second] = streams;
  if (second !== undefined && first !== second) {
    throw invalidArgument(
      `${name} and padding_cache come from different streams`,
      "Pass the two caches that one call returned.",
    );
  }
  return first;
}

function checked<C extends MimiKeyValueCache | MimiConv1dPaddingCache>(
  name: string,
  cache: C,
  kind: { new (stream: CodecStream): C; streamOf(cache: C): CodecStream },
  half: CodecHalf,
): CodecStream {
  if (!(cache instanceof kind)) {
    throw invalidArgument(`'${name}' must be a ${kind.name}, not ${show(cache)}`, `Pass what ${half}s return.`);
  }
  const stream = kind.streamOf(cache);
  if (stream.half !== half) {
    throw invalidArgument(
      `'${name}' is a cache of the codec's ${stream.half}, not of its ${half}`,
      "Pass what an earlier call of the same method returned.",
    );
  }
  if (cache !== stream.attention && cache !== stream.convolutions) {
    throw new SttError("ERR_INVALID_STATE", `'${name}' was replaced when its stream began anew without it`, {
      remedy: "Pass the caches that the last call of the stream returned.",
    });
  }
  return stream;
}
