/** How long the engine's rounds take, by the number of sessions in them. */
import type { EngineHandle } from "../contract/backend.js";

/** Rounds remembered per number of sessions: a minute of a live stream, so that the figures follow the machine. */
const MAX_ROUNDS = 750;

/** Milliseconds that recent steps took. */
export interface StepTimes {
  /** Milliseconds. */
  readonly p50: number;
  /** Of 95 % of them, at most. */
  readonly p95: number;
  /** Rounds that were measured. */
  readonly rounds: number;
}

export class StepMeter {
  readonly #engine: EngineHandle;
  /** Milliseconds of rounds, newest last, by sessions in the round. */
  readonly #times = new Map<number, number[]>();

  #roundMs: number | undefined;

  constructor(engine: EngineHandle) {
    this.#engine = engine;
  }

  /** Of late, with what lies around the engine's own time; undefined before the first round. */
  get roundMs(): number | undefined {
    return this.#roundMs;
  }

  /** Runs one engine.step(). Its rounds count as equally long. */
  async measure(step: () => Promise<number>): Promise<number> {
    const before = this.#engine.stats();
    const started = performance.now();
    const frames = await step();
    const elapsed = performance.now() - started;
    const after = this.#engine.stats();
    const rounds = after.steps - before.steps;
    if (rounds > 0 && frames > 0) {
      // Growing at once and falling slowly: calls should not become too long.
      const roundMs = elapsed / rounds;
      this.#roundMs = Math.max(roundMs, 0.7 * (this.#roundMs ?? 0) + 0.3 * roundMs, 1e-3);
      const sessions = Math.max(1, Math.round(frames / rounds));
      const ms = (after.stepNs - before.stepNs) / rounds / 1e6;
      const times = this.#times.get(sessions) ?? [];
      this.#times.set(sessions, times);
      for (let round = 0; round < Math.min(rounds, MAX_ROUNDS); round++) {
        times.push(ms);
      }
      times.splice(0, times.length - MAX_ROUNDS);
    }
    return frames;
  }

  /** Of all rounds remembered, and of those with so many sessions; in order of the number of sessions. */
  times(): { readonly all: StepTimes | undefined; readonly bySessions: ReadonlyMap<number, StepTimes> } {
    const sizes = [...this.#times.keys()].sort((a, b) => a - b);
    return {
      all: summarize([...this.#times.values()].flat()),
      bySessions: new Map(
        sizes.flatMap((size) => {
          const times = summarize(this.#times.get(size) ?? []);
          return times === undefined ? [] : [[size, times] as const];
        }),
      ),
    };
  }
}

function summarize(times: readonly number[]): StepTimes | undefined {
  if (times.length === 0) {
    return undefined;
  }
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { p50: at(0.5), p95: at(0.95), rounds: sorted.length };
}
