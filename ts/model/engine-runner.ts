/** Runs generations and encodings on one engine: in small slices, so that calls share it and can be cancelled. */
import type { EngineHandle, WorkProgress } from "../contract/backend.js";
import { SttError } from "../contract/errors.js";
import { abortError, throwIfAborted } from "./abort.js";
import { ComputeQueue } from "./compute-queue.js";
import { Pacer } from "./pacer.js";

interface EngineWork {
  advance(maxFrames: number): Promise<WorkProgress>;
  /** What follows an advance and needs no turn on the engine. */
  settle?(): Promise<void>;
  dispose(): Promise<void>;
}

export interface RunOptions {
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: { readonly done: number; readonly total: number }) => void) | undefined;
}

export class EngineRunner {
  readonly engine: EngineHandle;
  readonly #queue = new ComputeQueue();
  readonly #running = new Set<Promise<unknown>>();
  #disposal: Promise<void> | undefined;

  constructor(engine: EngineHandle) {
    this.engine = engine;
  }

  get disposed(): boolean {
    return this.#disposal !== undefined;
  }

  checkUsable(signal: AbortSignal | undefined): void {
    if (this.disposed) {
      throw disposedError();
    }
    throwIfAborted(signal);
  }

  async run<W extends EngineWork, R>(
    create: (engine: EngineHandle) => Promise<W>,
    read: (work: W) => R | Promise<R>,
    options: RunOptions,
  ): Promise<R> {
    const run = this.#run(create, read, options);
    this.#running.add(run);
    try {
      return await run;
    } finally {
      this.#running.delete(run);
    }
  }

  dispose(): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  async #run<W extends EngineWork, R>(
    create: (engine: EngineHandle) => Promise<W>,
    read: (work: W) => R | Promise<R>,
    { signal, onProgress }: RunOptions,
  ): Promise<R> {
    const pacer = new Pacer();
    const work = await create(this.engine);
    try {
      for (;;) {
        this.checkUsable(signal);
        const progress = await this.#queue.run(() => this.#advance(work, pacer, signal));
        await work.settle?.();
        onProgress?.({ done: progress.done, total: progress.total });
        if (progress.finished) {
          return await read(work);
        }
      }
    } finally {
      await work.dispose();
    }
  }

  /** The turn can come long after the request: look again before computing. */
  async #advance(work: EngineWork, pacer: Pacer, signal: AbortSignal | undefined): Promise<WorkProgress> {
    this.checkUsable(signal);
    const progress = await pacer.run((frames) => work.advance(frames));
    if (signal?.aborted) {
      throw abortError(signal);
    }
    return progress;
  }

  async #dispose(): Promise<void> {
    await Promise.allSettled(this.#running);
    await this.engine.dispose();
  }
}

export function disposedError(): SttError {
  return new SttError("ERR_DISPOSED", "the model was disposed", { remedy: "Load it again." });
}
