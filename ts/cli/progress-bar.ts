import { SingleBar } from "cli-progress";
import type { CliIo } from "./io.js";

/** A bar on stderr; nothing at all unless that is a terminal. */
export class ProgressBar {
  readonly #bar: SingleBar | undefined;
  readonly #format: (value: number) => string;

  constructor(io: CliIo, label: string, format: (value: number) => string) {
    this.#format = format;
    if (io.stderr.isTTY === true) {
      this.#bar = new SingleBar({
        stream: io.stderr as NodeJS.WritableStream,
        format: `${label} {bar} {done} of {all} {note}`,
        clearOnComplete: true,
        hideCursor: true,
        gracefulExit: false,
      });
      this.#bar.start(1, 0, { done: format(0), all: "?", note: "" });
    }
  }

  /** `note` stands behind the bar. */
  update(done: number, total: number | undefined, note = ""): void {
    const payload = { done: this.#format(done), all: total === undefined ? "?" : this.#format(total), note };
    this.#bar?.setTotal(total ?? Math.max(done, 1));
    this.#bar?.update(total === undefined ? 0 : done, payload);
  }

  stop(): void {
    this.#bar?.stop();
  }
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

export function minutes(seconds: number): string {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
