/** The only scheduler: steps the engine while any stream has audio waiting, and hands out the events. */
import type { EngineHandle, SessionEvent, SessionHandle } from "../contract/backend.js";
import { SttError } from "../contract/errors.js";
import { Pacer } from "../model/pacer.js";

export interface PumpStream {
  readonly session: SessionHandle;
  /** After every step, also without events. Must not throw. */
  receive(events: readonly SessionEvent[]): void;
  /** The engine failed; nothing will follow. */
  fail(error: unknown): void;
}

/** Steps without work, although audio was waiting, before the engine counts as broken. */
const MAX_IDLE_STEPS = 3;

export class Pump {
  readonly #engine: EngineHandle;
  readonly #streams = new Set<PumpStream>();
  readonly #pacer = new Pacer();
  #isRunning = false;
  #lastRun: Promise<void> = Promise.resolve();

  constructor(engine: EngineHandle) {
    this.#engine = engine;
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

  /** Never rejects: errors go to the streams. */
  async #run(): Promise<void> {
    let idleSteps = 0;
    try {
      // The check and the end of the loop are one synchronous stretch, so that no wake() is lost between them.
      while (this.#deliver()) {
        const frames = await this.#pacer.run((steps) => this.#engine.step(steps));
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
    }
  }

  /** True while any stream has a frame to compute. */
  #deliver(): boolean {
    let isReady = false;
    for (const stream of [...this.#streams]) {
      stream.receive(stream.session.poll());
      // A stream may leave on its last event.
      isReady ||= this.#streams.has(stream) && stream.session.ready > 0;
    }
    return isReady;
  }
}
