/** The live sessions of one engine: who has a slot, who waits, who is refused. */
import type { EngineHandle, SessionHandle } from "../contract/backend.js";
import { SttError } from "../contract/errors.js";
import type { StreamHost } from "./audio-stream.js";
import { LiveSession } from "./live-session.js";
import { Pump } from "./pump.js";
import type { SessionOptions } from "./session-options.js";
import { SlotQueue } from "./slot-queue.js";

export class SessionManager {
  readonly host: StreamHost;
  readonly slots: SlotQueue;
  readonly #maxWaiting: number;
  readonly #open = new Set<LiveSession>();

  constructor(engine: EngineHandle, maxWaiting: number) {
    this.host = { engine, pump: new Pump(engine) };
    this.slots = new SlotQueue(engine.info.slots);
    this.#maxWaiting = maxWaiting;
  }

  /** Sessions that have a slot or wait for one. */
  get size(): number {
    return this.#open.size;
  }

  /**
   * Sessions that get their slots together: at once, or when it is their turn. Rejects as `make` does, if there was a
   * slot; ERR_NO_SLOT when too many wait already.
   */
  async open(
    count: number,
    options: SessionOptions,
    make: (engine: EngineHandle) => Promise<SessionHandle>,
  ): Promise<LiveSession[]> {
    this.#checkRoom(count);
    const cancel = new AbortController();
    let left = count;
    const sessions = Array.from({ length: count }, () => {
      const session = new LiveSession(this.host, options, () => {
        this.#open.delete(session);
        left--;
        if (left === 0) {
          cancel.abort();
        }
      });
      this.#open.add(session);
      return session;
    });
    let isQueued = false;
    const started = this.slots
      .acquire({
        priority: options.priority ?? "live",
        count,
        signal: cancel.signal,
        onPosition: (position) => {
          isQueued = true;
          for (const session of sessions) {
            session.setPosition(position);
          }
        },
      })
      .then(
        (slots) => Promise.all(slots.map((slot, index) => sessions[index]?.start(slot, make))),
        // All of them were closed while they waited, and know it.
        () => [],
      );
    if (!isQueued) {
      await started;
      const failed = sessions.find(({ failure }) => failure !== undefined);
      if (failed?.failure !== undefined) {
        await Promise.all(sessions.map((session) => session.dispose()));
        throw failed.failure;
      }
    }
    return sessions;
  }

  /** Ends all sessions with this error; resolves when their slots are free. */
  async closeAll(error: SttError): Promise<void> {
    await Promise.all(
      [...this.#open].map(async (session) => {
        session.fail(error);
        await session.dispose();
      }),
    );
    await this.host.pump.idle();
  }

  #checkRoom(count: number): void {
    if (count > this.slots.total) {
      throw new SttError(
        "ERR_NO_SLOT",
        `${count} channels need as many slots; the model was loaded with ${this.slots.total}`,
        { remedy: `Load it with { slots: ${count} } or more.` },
      );
    }
    const waiting = this.slots.waiting("live");
    if (count > this.slots.free && waiting >= this.#maxWaiting) {
      throw new SttError(
        "ERR_NO_SLOT",
        `all ${this.slots.total} slots are taken and ${waiting} live sessions wait already`,
        { remedy: "Try again later, dispose sessions that are done, or load the model with more slots or maxWaiting." },
      );
    }
  }
}
