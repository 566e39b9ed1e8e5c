/** The only scheduler: steps the engine while any stream has audio waiting, and hands out the events. */
import type { EngineHandle, SessionEvent, SessionHandle } from "../contract/backend.js";
import { SttError } from "../contract/errors.js";
import type { SessionPriority } from "../contract/session.js";
import { StepMeter } from "./step-meter.js";

export interface PumpStream {
  readonly session: SessionHandle;
  readonly priority: SessionPriority;
  /** After every step, also without events. Must not throw. */
  receive(events: readonly SessionEvent[]): void;
  /** The engine failed; nothing will follow. */
  fail(error: unknown): void;
}

/** Steps without work, although audio was waiting, before the engine counts as broken. */
const MAX_IDLE_STEPS = 3;

// Calls cannot be interrupted: an abort waits for them, and events are told when they return. While live streams are
// there a call takes a quarter of a frame, else it is long enough to cost nothing itself.
const LIVE_CALL_MS = 20;
const FILE_CALL_MS = 120;
const FIRST_STEPS = 4;
const MAX_STEPS = 512;

export class Pump {
  readonly meter: StepMeter;
  readonly #engine: EngineHandle;
  readonly #streams = new Set<PumpStream>();
  readonly #tasks: (() => Promise<void>)[] = [];
  #isRunning = false;
  #lastRun: Promise<void> = Promise.resolve();

  constructor(engine: EngineHandle) {
    this.#engine = engine;
    this.meter = new StepMeter(engine);
  }

  add(stream: PumpStream): void {
    this.#streams.add(stream);
  }

  remove(stream: PumpStream): void {
    this.#streams.delete(stream);
  }

  /** To be called whenever a stream may have become ready. */
  wake(): void {
    if (!this.#isRunning) {
      this.#isRunning = true;
      this.#lastRun = this.#run();
    }
  }

  /** Resolves when no step is under way. */
  async idle(): Promise<void> {
    await this.#lastRun;
  }

  /** Runs `task` while no step is under way and all events so far have been handed out. */
  between<T>(task: () => Promise<T>): Promise<T> {
    const result = new Promise<T>((resolve, reject) => {
      this.#tasks.push(() => task().then(resolve, reject));
    });
    this.wake();
    return result;
  }

  /** Never rejects: errors go to the streams. */
  async #run(): Promise<void> {
    let idleSteps = 0;
    try {
      // The check and the end of the loop are one synchronous stretch, so that no wake() is lost between them.
      while (this.#deliver() || this.#tasks.length > 0) {
        const task = this.#tasks.shift();
        if (task !== undefined) {
          await task();
          continue;
        }
        const frames = await this.#step();
        idleSteps = frames > 0 ? 0 : idleSteps + 1;
        if (idleSteps > MAX_IDLE_STEPS) {
          throw new SttError("ERR_INTERNAL", "the engine computes nothing although audio is waiting", {
            remedy: "This is a defect of kyutai-stt: please report it.",
          });
        }
      }
    } catch (error) {
      for (const stream of [...this.#streams]) {
        stream.fail(error);
      }
    } finally {
      this.#isRunning = false;
      if (this.#tasks.length > 0) {
        this.wake();
      }
    }
  }

  #step(): Promise<number> {
    const isLive = [...this.#streams].some(({ priority }) => priority === "live");
    const { roundMs } = this.meter;
    const wanted = roundMs === undefined ? FIRST_STEPS : (isLive ? LIVE_CALL_MS : FILE_CALL_MS) / roundMs;
    const steps = Math.min(Math.max(Math.floor(wanted), 1), MAX_STEPS);
    return this.meter.measure(() => this.#engine.step(steps));
  }

  /** True while any stream has a frame to compute. */
  #deliver(): boolean {
    let isReady = false;
    for (const stream of [...this.#streams]) {
      // An earlier stream's events may have ended this one.
      if (this.#streams.has(stream)) {
        stream.receive(stream.session.poll());
      }
      // A stream may leave on its last event.
      isReady ||= this.#streams.has(stream) && stream.session.ready > 0;
    }
    return isReady;
  }
}
