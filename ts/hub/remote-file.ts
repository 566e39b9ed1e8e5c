/** A file behind a URL, part by part: from what is kept here where it is, else from the network, keeping what comes. */
import { createBrowserHash } from "./browser-hash.js";
import { type ContentHash, WrongContent } from "./content-hash.js";
import { fetchFrom } from "./file-stream.js";
import type { HttpSettings } from "./http.js";
import type { PartStore } from "./part-store.js";
import { fetchRange, type RangeSource, RangesIgnored } from "./range-request.js";
import type { TransferMeter } from "./transfer-meter.js";

/** Bytes. Small enough to lose little in a cut, large enough that a model has some hundreds. */
const PART = 4 << 20;

export interface RemoteFileOptions {
  readonly settings: HttpSettings;
  readonly store: PartStore;
  readonly meter: TransferMeter;
  readonly signal: AbortSignal | undefined;
  /** The model's name, for progress. */
  readonly model: string;
  /** Failures in the words of the package. */
  readonly explain: (error: unknown) => unknown;
  /** Told once when nothing more can be kept. */
  readonly onFull: () => void;
}

/** What a file is known by. */
export interface RemoteIdentity {
  /** Names the content; another content has another key. */
  readonly key: string;
  /** The Hub's ETag, which is a hash of most files; undefined: nobody states one. */
  readonly etag: string | undefined;
}

export class RemoteFile {
  readonly name: string;
  readonly size: number;
  readonly #key: string;
  readonly #etag: string | undefined;
  readonly #source: RangeSource;
  readonly #options: RemoteFileOptions;

  constructor(name: string, { key, etag }: RemoteIdentity, source: RangeSource, options: RemoteFileOptions) {
    this.name = name;
    this.size = source.size;
    this.#key = key;
    this.#etag = etag;
    this.#source = source;
    this.#options = options;
  }

  async read(start: number, end: number): Promise<Uint8Array> {
    const { settings, store, signal, explain } = this.#options;
    const index = Math.floor(start / PART);
    const part = end <= Math.min((index + 1) * PART, this.size) ? await store.getPart(this.#key, index) : undefined;
    if (part !== undefined) {
      return part.slice(start - index * PART, end - index * PART);
    }
    const bytes = new Uint8Array(end - start);
    let done = 0;
    try {
      for await (const chunk of fetchRange(
        settings,
        this.#source,
        start,
        end,
        signal ?? new AbortController().signal,
      )) {
        bytes.set(chunk, done);
        done += chunk.length;
      }
      return bytes;
    } catch (error) {
      if (!(error instanceof RangesIgnored)) {
        throw explain(error);
      }
    }
    // A server without ranges: everything before has to come, too.
    let position = 0;
    for await (const chunk of this.stream()) {
      if (position + chunk.length > start && position < end) {
        const from = Math.max(start - position, 0);
        bytes.set(chunk.subarray(from, end - position), position + from - start);
      }
      position += chunk.length;
      if (position >= end) {
        break;
      }
    }
    return bytes;
  }

  /**
   * All bytes in order. Where the Hub states a hash, the last part comes only if the whole file has it; what does not is
   * not kept.
   *
   * Errors: those of a download as `explain` words them, ERR_DOWNLOAD (wrong content).
   */
  async *stream(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const hash = await this.#createHash();
    let position = 0;
    for await (const part of this.#parts()) {
      hash?.update(part);
      position += part.length;
      if (position === this.size && hash !== undefined) {
        await this.#check(hash);
      }
      yield part;
    }
  }

  /** None for what is kept as a whole and had the right hash when it came. */
  async #createHash(): Promise<ContentHash | undefined> {
    const { store } = this.#options;
    const hash = this.#etag === undefined ? undefined : createBrowserHash(this.#etag, this.size);
    if (hash === undefined || (await store.recall(this.#checkedName)) === undefined) {
      return hash;
    }
    for (let index = 0; index < this.#count; index++) {
      if (!(await store.hasPart(this.#key, index))) {
        return hash;
      }
    }
    return undefined;
  }

  async #check(hash: ContentHash): Promise<void> {
    const { store, model } = this.#options;
    const found = hash.digest();
    if (found !== this.#etag) {
      await store.removeParts(this.#key, this.#count);
      throw new WrongContent(`${model}: ${this.name}`, this.#etag ?? "", found);
    }
    await store.remember(this.#checkedName, { checked: true });
  }

  get #checkedName(): string {
    return `checked ${this.#key}`;
  }

  get #count(): number {
    return Math.ceil(this.size / PART);
  }

  /** From what is kept, and from the network what is not. */
  async *#parts(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const { store, meter, model } = this.#options;
    const metered = { model, file: this.name, total: this.size };
    meter.initiate(metered, 0);
    let loaded = 0;
    for (let index = 0; index < this.#count; index++) {
      const part = await store.getPart(this.#key, index);
      if (part === undefined) {
        meter.begin(metered, loaded);
        yield* this.#fetchParts(index);
        break;
      }
      loaded += part.length;
      meter.keep(part.length);
      yield part.slice();
    }
    meter.done(metered);
  }

  /** All parts from `first` on. What is kept behind a gap comes again: cuts leave no gaps, only evictions do. */
  async *#fetchParts(first: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const { settings, store, meter, signal, model, explain, onFull } = this.#options;
    const metered = { model, file: this.name, total: this.size };
    let position = first * PART;
    let index = first;
    let part = new Uint8Array(Math.min(PART, this.size - position));
    let filled = 0;
    let isKeeping = true;
    const stream = fetchFrom(settings, this.#source, position, signal);
    for (;;) {
      const next = await stream.next().catch((error: unknown) => {
        throw explain(error);
      });
      if (next.done) {
        return;
      }
      for (let rest = next.value; rest.length > 0; ) {
        const taken = rest.subarray(0, part.length - filled);
        part.set(taken, filled);
        filled += taken.length;
        position += taken.length;
        rest = rest.subarray(taken.length);
        meter.advance(metered, taken.length, position);
        if (filled === part.length) {
          if (isKeeping && !(await store.putPart(this.#key, index, part))) {
            isKeeping = false;
            onFull();
          }
          yield part;
          index++;
          part = new Uint8Array(Math.min(PART, this.size - position));
          filled = 0;
        }
      }
    }
  }
}
