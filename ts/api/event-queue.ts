/** Events from one producer to one reader at a time. */
import { SttError } from "../contract/errors.js";

type Result<T> = IteratorResult<T, undefined>;

interface Reader<T> {
  resolve(result: Result<T>): void;
  reject(error: unknown): void;
}

const DONE = { done: true, value: undefined } as const;

export class EventQueue<T> {
  readonly #supersedes: (next: T, previous: T) => boolean;
  readonly #events: T[] = [];
  readonly #readers: Reader<T>[] = [];
  readonly #onRead: () => void;
  #isRead = false;
  #given = 0;
  #end: { error?: unknown } | undefined;

  /** `supersedes`: the last event need not be kept when it is unread. `onRead`: called when an event has been taken. */
  constructor(supersedes: (next: T, previous: T) => boolean, onRead: () => void) {
    this.#supersedes = supersedes;
    this.#onRead = onRead;
  }

  get unread(): number {
    return this.#events.length;
  }

  /** Events given or to be given to readers so far: a reader that has seen fewer has some under way. */
  get count(): number {
    return this.#given + this.#events.length;
  }

  get closed(): boolean {
    return this.#end !== undefined;
  }

  push(event: T): void {
    if (this.closed) {
      return;
    }
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      this.#given++;
      reader.resolve({ done: false, value: event });
      return;
    }
    const last = this.#events.at(-1);
    if (last !== undefined && this.#supersedes(event, last)) {
      this.#events.pop();
    }
    this.#events.push(event);
  }

  /** Nothing follows; after the events that are left the iteration ends, or throws `error` once. */
  close(end: { error?: unknown } = {}): void {
    if (this.closed) {
      return;
    }
    this.#end = end;
    for (const reader of this.#readers.splice(0)) {
      this.#finish(reader);
    }
  }

  /** Drops what is unread. */
  clear(): void {
    this.#events.length = 0;
  }

  /** Throws ERR_INVALID_STATE while another iterator is in use. */
  iterate(): AsyncIterableIterator<T, undefined> {
    if (this.#isRead) {
      throw new SttError("ERR_INVALID_STATE", "the session's events are being read by another iterator", {
        remedy: "Read them in one place and pass them on from there, or leave the first loop before a second begins.",
      });
    }
    this.#isRead = true;
    let isOpen = true;
    const leave = (): void => {
      if (isOpen) {
        isOpen = false;
        this.#isRead = false;
        for (const reader of this.#readers.splice(0)) {
          reader.resolve(DONE);
        }
      }
    };
    const iterator: AsyncIterableIterator<T, undefined> = {
      next: async () => {
        if (!isOpen) {
          return DONE;
        }
        try {
          const result = await this.#next();
          if (result.done) {
            leave();
          }
          return result;
        } catch (error) {
          leave();
          throw error;
        }
      },
      return: async () => {
        leave();
        return DONE;
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  #next(): Promise<Result<T>> {
    return new Promise((resolve, reject) => {
      const event = this.#events.shift();
      if (event !== undefined) {
        this.#given++;
        resolve({ done: false, value: event });
        this.#onRead();
      } else if (this.closed) {
        this.#finish({ resolve, reject });
      } else {
        this.#readers.push({ resolve, reject });
      }
    });
  }

  #finish(reader: Reader<T>): void {
    if (this.#end !== undefined && "error" in this.#end) {
      const { error } = this.#end;
      this.#end = {};
      reader.reject(error);
    } else {
      reader.resolve(DONE);
    }
  }
}
