/** Bytes, rate and remaining time of a download of several files. */
import type { DownloadProgress, OverallProgress } from "./types.js";

export interface MeteredFile {
  readonly model: string;
  readonly file: string;
  readonly total: number;
}

/** Milliseconds over which the rate is averaged, and between two reports. */
const WINDOW = 5000;
const REPORT_INTERVAL = 100;

export class TransferMeter {
  readonly #report: (progress: DownloadProgress) => void;
  readonly #now: () => number;
  #total = 0;
  #loaded = 0;
  /** Bytes that came over the line, by time; the first entry is the oldest in the window. */
  #history: { readonly at: number; readonly bytes: number }[] = [];
  #received = 0;
  #lastReport = Number.NEGATIVE_INFINITY;

  constructor(report: ((progress: DownloadProgress) => void) | undefined, now: () => number = () => performance.now()) {
    this.#report = report ?? (() => {});
    this.#now = now;
  }

  /** Bytes of the model that are to be here in the end. */
  expect(total: number): void {
    this.#total += total;
  }

  /** Bytes that are here without having come now; negative: bytes that turned out to be of no use. */
  keep(bytes: number): void {
    this.#loaded += bytes;
  }

  initiate(file: MeteredFile, loaded: number): void {
    this.#emit("initiate", file, loaded);
  }

  /** The transfer begins with `loaded` bytes left by an earlier one. */
  begin(file: MeteredFile, loaded: number): void {
    this.#history = [{ at: this.#now(), bytes: this.#received }];
    this.#emit("download", file, loaded);
  }

  /** `received` more bytes came; `loaded` are here. */
  advance(file: MeteredFile, received: number, loaded: number): void {
    const now = this.#now();
    this.#received += received;
    this.#loaded += received;
    this.#history.push({ at: now, bytes: this.#received });
    while (this.#history.length > 2 && now - (this.#history[1]?.at ?? now) > WINDOW) {
      this.#history.shift();
    }
    if (now - this.#lastReport >= REPORT_INTERVAL) {
      this.#lastReport = now;
      this.#emit("progress", file, loaded);
    }
  }

  done(file: MeteredFile): void {
    this.#emit("done", file, file.total);
  }

  #emit(status: DownloadProgress["status"], { model, file, total }: MeteredFile, loaded: number): void {
    const overall = this.#overall();
    this.#report({ status, model, file, loaded, total, eta: timeFor(total - loaded, overall.rate), overall });
  }

  #overall(): OverallProgress {
    const [first, last] = [this.#history[0], this.#history.at(-1)];
    const elapsed = first === undefined || last === undefined ? 0 : last.at - first.at;
    const rate = elapsed > 0 ? (1000 * ((last?.bytes ?? 0) - (first?.bytes ?? 0))) / elapsed : 0;
    return { loaded: this.#loaded, total: this.#total, rate, eta: timeFor(this.#total - this.#loaded, rate) };
  }
}

function timeFor(bytes: number, rate: number): number | undefined {
  return bytes <= 0 ? 0 : rate > 0 ? bytes / rate : undefined;
}
