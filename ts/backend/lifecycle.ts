/**
 * What dispose() means, once for every object of every backend: it may be called again, new calls are refused from
 * then on, calls in flight end first, children go before their parent, memory goes last.
 */
import { disposedError } from "./status-error.js";

interface Disposable {
  dispose(): Promise<void>;
}

export class Lifecycle implements Disposable {
  readonly #what: string;
  readonly #release: () => Promise<void>;
  readonly #parent: Lifecycle | undefined;
  // Weak: a child that nobody holds any more must stay collectable while its parent lives.
  readonly #children = new Set<WeakRef<Lifecycle>>();
  readonly #self = new WeakRef<Lifecycle>(this);
  #inFlight = 0;
  #onIdle: (() => void) | undefined;
  #disposing: Promise<void> | undefined;

  /** `what`: the kind of object, for messages. `release` frees its memory; called once. */
  constructor(what: string, release: () => Promise<void>, parent?: Lifecycle) {
    this.#what = what;
    this.#release = release;
    this.#parent = parent;
    if (parent !== undefined) {
      parent.#adopt(this.#self);
    }
  }

  get disposed(): boolean {
    return this.#disposing !== undefined;
  }

  /** Throws ERR_DISPOSED. */
  assertOpen(): void {
    if (this.disposed) {
      throw disposedError(this.#what);
    }
  }

  /** Makes `call` at once, in the caller's tick, and keeps the memory until it has ended. Rejects with ERR_DISPOSED. */
  async run<T>(call: () => T | Promise<T>): Promise<T> {
    this.assertOpen();
    this.#inFlight++;
    try {
      return await call();
    } finally {
      this.#inFlight--;
      if (this.#inFlight === 0) {
        this.#onIdle?.();
      }
    }
  }

  /** Creates a child; when dispose() comes in between, what `create` made is freed and the promise rejects. */
  make<Made extends Disposable, Wrapped>(create: () => Promise<Made>, wrap: (made: Made) => Wrapped): Promise<Wrapped> {
    return this.run(async () => {
      const made = await create();
      if (this.disposed) {
        await made.dispose();
        throw disposedError(this.#what);
      }
      return wrap(made);
    });
  }

  dispose(): Promise<void> {
    this.#disposing ??= this.#close();
    return this.#disposing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#children].map((child) => child.deref()?.dispose()));
    if (this.#inFlight > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await this.#release();
    if (this.#parent !== undefined) {
      this.#parent.#children.delete(this.#self);
    }
  }

  #adopt(child: WeakRef<Lifecycle>): void {
    for (const other of this.#children) {
      if (other.deref() === undefined) {
        this.#children.delete(other);
      }
    }
    this.#children.add(child);
  }
}
