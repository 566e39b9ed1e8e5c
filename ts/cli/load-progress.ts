import type { CliIo } from "./io.js";
import { megabytes, ProgressBar } from "./progress-bar.js";

type Stage = "download" | "load" | "convert";

/** The bars of getting at a model: one while it is downloaded, one while its weights are loaded or converted. */
export class LoadProgress {
  readonly #io: CliIo;
  #stage: Stage | undefined;
  #bar: ProgressBar | undefined;

  constructor(io: CliIo) {
    this.#io = io;
  }

  /** Bytes, bytes per second, seconds. */
  downloaded(done: number, total: number, rate: number, eta: number | undefined): void {
    if (!hidesDownloads()) {
      this.#enter("download", "downloading")?.update(done, total, speed(rate, eta));
    }
  }

  loaded(done: number, total: number): void {
    this.#enter("load", "loading")?.update(done, total);
  }

  converted(done: number, total: number): void {
    this.#enter("convert", "converting")?.update(done, total);
  }

  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #enter(stage: Stage, label: string): ProgressBar | undefined {
    if (stage !== this.#stage) {
      this.stop();
      this.#stage = stage;
      this.#bar = new ProgressBar(this.#io, label, megabytes);
    }
    return this.#bar;
  }
}

function hidesDownloads(): boolean {
  return ["1", "ON", "YES", "TRUE"].includes((process.env["HF_HUB_DISABLE_PROGRESS_BARS"] ?? "").toUpperCase());
}

function speed(rate: number, eta: number | undefined): string {
  const left = eta === undefined ? "" : `, ${clock(eta)} left`;
  return rate > 0 ? `${(rate / 1e6).toFixed(1)} MB/s${left}` : "";
}

function clock(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  const two = (value: number): string => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
