/** Hands out a fixed number of slots: live sessions before files, among equals first come first served. */
import type { SessionPriority } from "../contract/session.js";
import { abortError } from "../model/abort.js";

/** A slot that somebody holds. */
export interface Slot {
  /** May be called again. */
  release(): void;
}

export interface SlotRequest {
  readonly priority: SessionPriority;
  /** Slots given together or not at all, so that two requests cannot block each other half served. */
  readonly count: number;
  readonly signal: AbortSignal;
  /** Called when the place in the queue is known or changes; 1: next. Never called if slots are free. */
  readonly onPosition?: ((position: number) => void) | undefined;
}

interface Waiter {
  readonly request: SlotRequest;
  position: number;
  grant(): void;
}

export class SlotQueue {
  readonly total: number;
  #free: number;
  readonly #waiters: Waiter[] = [];

  constructor(slots: number) {
    this.total = slots;
    this.#free = slots;
  }

  get free(): number {
    return this.#free;
  }

  /** Requests that wait. */
  waiting(priority: SessionPriority): number {
    return this.#waiters.filter(({ request }) => request.priority === priority).length;
  }

  /** Resolves when the slots are the caller's, who must release each. */
  acquire(request: SlotRequest): Promise<Slot[]> {
    const { signal, count } = request;
    if (signal.aborted) {
      return Promise.reject(abortError(signal));
    }
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        reject(abortError(signal));
        this.#serve();
      };
      const waiter: Waiter = {
        request,
        position: 0,
        grant: () => {
          signal.removeEventListener("abort", onAbort);
          resolve(Array.from({ length: count }, () => this.#take()));
        },
      };
      signal.addEventListener("abort", onAbort, { once: true });
      const firstFile = this.#waiters.findIndex(({ request: { priority } }) => priority === "file");
      const place = request.priority === "live" && firstFile >= 0 ? firstFile : this.#waiters.length;
      this.#waiters.splice(place, 0, waiter);
      this.#serve();
    });
  }

  #take(): Slot {
    let isHeld = true;
    this.#free--;
    return {
      release: () => {
        if (isHeld) {
          isHeld = false;
          this.#free++;
          this.#serve();
        }
      },
    };
  }

  /** Nobody is overtaken: while the first one waits for several slots, those behind wait, too. */
  #serve(): void {
    for (
      let [first] = this.#waiters;
      first !== undefined && first.request.count <= this.#free;
      [first] = this.#waiters
    ) {
      this.#waiters.shift();
      first.grant();
    }
    for (const [index, waiter] of [...this.#waiters].entries()) {
      if (waiter.position !== index + 1) {
        waiter.position = index + 1;
        waiter.request.onPosition?.(waiter.position);
      }
    }
  }
}
