/** How many live streams a machine can follow, from the times of rounds that were really computed. */
import type { SessionHandle } from "../contract/backend.js";
import { DEFAULT_SESSION } from "../contract/session.js";
import type { SessionManager } from "./session-manager.js";
import type { StepTimes } from "./step-meter.js";

/** Room on an engine, as it is now. */
export interface Capacity {
  /** Sessions that run at once. */
  readonly slots: number;
  /** Slots that no session or recording has. */
  readonly freeSlots: number;
  /** Requests waiting for a slot. */
  readonly waiting: { readonly live: number; readonly file: number };
  /** Milliseconds a round may take if live streams are to be followed: one frame. */
  readonly frameMs: number;
  /** Of the last rounds of whatever size; undefined before any. */
  readonly stepMs: StepTimes | undefined;
  /** Live streams whose rounds end within a frame, at most `slots`; undefined before any round. */
  readonly liveStreams: number | undefined;
  /** How `liveStreams` was found, in English. */
  readonly basis: string;
}

/** Part of a frame that rounds may use: the rest is for resampling, JavaScript, and what else the machine does. */
const USABLE_SHARE = 0.8;
const MEASURED_FRAMES = 24;
/** The first rounds build graphs and warm caches. */
const WARM_UP_FRAMES = 4;

export function capacityOf({ host, slots }: SessionManager): Capacity {
  const { engine, pump } = host;
  const frameMs = 1000 / engine.info.frameRate;
  const { all, bySessions } = pump.meter.times();
  return {
    slots: slots.total,
    freeSlots: slots.free,
    waiting: { live: slots.waiting("live"), file: slots.waiting("file") },
    frameMs,
    stepMs: all,
    ...estimate(bySessions, slots.total, frameMs),
  };
}

/** The largest number of sessions whose p95 stays within the usable part of a frame. */
export function estimate(
  bySessions: ReadonlyMap<number, StepTimes>,
  slots: number,
  frameMs: number,
): Pick<Capacity, "liveStreams" | "basis"> {
  const sizes = [...bySessions].map(([sessions, { p95 }]) => ({ sessions, p95 }));
  const budget = USABLE_SHARE * frameMs;
  const last = sizes.at(-1);
  if (last === undefined) {
    return { liveStreams: undefined, basis: "nothing was computed yet; measureCapacity() does" };
  }
  const rule = `p95 of a round within ${Math.round(100 * USABLE_SHARE)} % of a frame of ${frameMs} ms`;
  const tooMany = sizes.find(({ p95 }) => p95 > budget);
  const below = sizes.filter(({ sessions }) => tooMany === undefined || sessions < tooMany.sessions).at(-1);
  if (tooMany !== undefined && below !== undefined) {
    // Between two measured sizes the time grows about evenly.
    const perSession = (tooMany.p95 - below.p95) / (tooMany.sessions - below.sessions);
    const more = Math.floor((budget - below.p95) / perSession);
    return {
      liveStreams: Math.min(slots, below.sessions + more),
      basis: `${rule}; between measured rounds of ${below.sessions} and ${tooMany.sessions} sessions`,
    };
  }
  if (tooMany !== undefined) {
    const liveStreams = Math.min(slots, Math.floor((tooMany.sessions * budget) / tooMany.p95));
    return {
      liveStreams,
      basis: `${rule}; rounds of ${tooMany.sessions} sessions take too long, fewer ones counted in proportion`,
    };
  }
  if (last.sessions >= slots) {
    return { liveStreams: slots, basis: `${rule}; measured with all slots` };
  }
  return {
    liveStreams: Math.min(slots, Math.floor((last.sessions * budget) / last.p95)),
    basis: `${rule}; rounds of ${last.sessions} sessions were measured, more counted in proportion`,
  };
}

/** Rounds of 1, 2, 4, ... up to all free slots, of noise; beside whatever runs. */
export async function measureCapacity(manager: SessionManager, signal: AbortSignal): Promise<Capacity> {
  const { host, slots } = manager;
  const count = Math.max(1, slots.free);
  const held = await slots.acquire({ priority: "live", count, signal });
  try {
    for (let sessions = 1; ; sessions = Math.min(2 * sessions, count)) {
      await measureRounds(manager, sessions);
      if (sessions === count || signal.aborted) {
        break;
      }
    }
  } finally {
    for (const slot of held) {
      slot.release();
    }
  }
  await host.pump.idle();
  return capacityOf(manager);
}

async function measureRounds({ host }: SessionManager, count: number): Promise<void> {
  const { engine, pump } = host;
  const { frameSize, sampleRate } = engine.info;
  const sessions: SessionHandle[] = [];
  try {
    for (let index = 0; index < count; index++) {
      sessions.push(await engine.createSession({ ...DEFAULT_SESSION, prefixSeconds: 0 }));
    }
    for (let frame = 0; frame < WARM_UP_FRAMES + MEASURED_FRAMES; frame++) {
      await pump.between(async () => {
        await Promise.all(sessions.map((session, index) => session.pushPcm(noise(frameSize, index), sampleRate)));
        const step = (): Promise<number> => engine.step(1);
        await (frame < WARM_UP_FRAMES ? step() : pump.meter.measure(step));
      });
    }
  } finally {
    await Promise.all(sessions.map((session) => session.dispose()));
  }
}

/** The speed does not depend on what is said; silence could be a special case. */
function noise(length: number, seed: number): Float32Array {
  let state = seed + 1;
  return Float32Array.from({ length }, () => {
    // Numerical Recipes' linear congruential generator.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state / 2 ** 31 - 1) * 0.3;
  });
}
