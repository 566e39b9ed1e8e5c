/** One compute call at a time per engine. */
import { codedError } from "./status-error.js";

export class ComputeGate {
  #computing = false;

  /** Rejects with ERR_BUSY while another call runs, without making this one. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    // Decided here and not by the core's own check: there, a call that starts late would pass instead of reject.
    if (this.#computing) {
      throw codedError("ERR_BUSY", "another call is computing on this engine");
    }
    this.#computing = true;
    try {
      return await call();
    } finally {
      this.#computing = false;
    }
  }
}
