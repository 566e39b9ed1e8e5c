/** Runs calls one after another, in the order of run(). A call that fails does not hold up the next one. */
export class SerialQueue {
  #last: Promise<void> | undefined;

  /** No call is running or waiting: run() would make its call at once. */
  get idle(): boolean {
    return this.#last === undefined;
  }

  /** The call's own result; not a promise when the queue was idle and the call gave none. */
  run<T>(call: () => T | Promise<T>): T | Promise<T> {
    const result = this.#last === undefined ? call() : this.#last.then(call);
    if (!(result instanceof Promise)) {
      return result;
    }
    const settle = () => {
      if (this.#last === settled) {
        this.#last = undefined;
      }
    };
    const settled = result.then(settle, settle);
    this.#last = settled;
    return result;
  }
}
