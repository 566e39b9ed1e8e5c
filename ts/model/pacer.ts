/**
 * How much work one native call gets. Calls cannot be interrupted, so they should be short enough that an abort or a
 * newcomer waits little, and long enough that the call itself costs nothing.
 */
const SHORT_MS = 60;
const LONG_MS = 240;
const MAX_FRAMES = 512;

export class Pacer {
  #frames = 4;

  get frames(): number {
    return this.#frames;
  }

  /** Runs one call and adapts the next one's size to its duration. */
  async run<T>(call: (frames: number) => Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await call(this.#frames);
    const elapsed = performance.now() - start;
    if (elapsed < SHORT_MS) {
      this.#frames = Math.min(this.#frames * 2, MAX_FRAMES);
    } else if (elapsed > LONG_MS) {
      this.#frames = Math.max(this.#frames >> 1, 1);
    }
    return result;
  }
}
