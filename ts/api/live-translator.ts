/** From the core's events to those of a live session. */
import type { SessionEvent } from "../contract/backend.js";
import type { LiveEvent } from "./live-events.js";

const PROGRESS_SECONDS = 1;

export class LiveTranslator {
  #words = 0;
  #openStart: number | undefined;
  #reportedSeconds = 0;

  /** Start of the word that is not final yet. */
  get openStart(): number | undefined {
    return this.#openStart;
  }

  reset(): void {
    this.#words = 0;
    this.#openStart = undefined;
    this.#reportedSeconds = 0;
  }

  translate(event: SessionEvent): LiveEvent {
    switch (event.type) {
      case "partial":
        this.#openStart = event.start;
        return { ...event, type: "word", final: false, index: this.#words };
      case "word":
        this.#openStart = undefined;
        return { ...event, final: true, index: this.#words++ };
      default:
        return event;
    }
  }

  /** undefined: not yet time for another one. */
  progress(writtenSeconds: number, heardSeconds: number): LiveEvent | undefined {
    if (heardSeconds < this.#reportedSeconds + PROGRESS_SECONDS) {
      return undefined;
    }
    this.#reportedSeconds = heardSeconds;
    return { type: "progress", written: writtenSeconds, heard: heardSeconds };
  }
}
