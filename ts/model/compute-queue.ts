/** An engine computes one call at a time: callers line up here, first come first served. */
export class ComputeQueue {
  #tail: Promise<unknown> = Promise.resolve();

  run<T>(call: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(call);
    this.#tail = result.catch(() => {});
    return result;
  }
}
