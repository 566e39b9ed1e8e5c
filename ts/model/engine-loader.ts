/** Loading a checkpoint on a backend: checked options, progress, cancellation. */
import type { EngineHandle, EngineInfo } from "../contract/backend.js";
import { abortError, throwIfAborted, untilAborted } from "./abort.js";
import { checkSourceRequest, toSourceOptions } from "./foreign-layout.js";
import { checkFunction, checkInteger, checkSignal } from "./option-checks.js";
import {
  type BackendPreference,
  checkBackendPreference,
  type OpenedBackend,
  openBackend,
  type TriedBackend,
} from "./runtime.js";

const MAX_THREADS = 256;
const MAX_SLOTS = 4096;
/** Weights brought into memory between two progress reports. */
const PREFAULT_BYTES = 64 * 1024 * 1024;

export interface EngineRequest {
  readonly folder: string;
  readonly backend: BackendPreference | undefined;
  /** undefined: chosen by the core. */
  readonly threads: number | undefined;
  readonly slots: number;
  /** How the checkpoint is to be taken. */
  readonly codebooks?: number | undefined;
  readonly transformersCompat?: boolean | undefined;
  readonly signal: AbortSignal | undefined;
  /** May refuse the model before its weights are read. */
  readonly checkInfo?: ((info: EngineInfo) => void) | undefined;
  /** Bytes of weights in memory so far and in total. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface LoadedEngine {
  readonly engine: EngineHandle;
  readonly report: BackendReport;
}

/** Where and how an engine runs. */
export interface BackendReport {
  /** The backend in use. */
  readonly kind: "cuda" | "cpu" | "wasm";
  /** What it computes on, for people. */
  readonly device: string;
  /** Instruction set in use, e.g. "avx512". */
  readonly kernels: string;
  /** Threads that compute. */
  readonly threads: number;
  /** What was considered, in order, with the reasons against it; the last one is in use. */
  readonly tried: readonly TriedBackend[];
}

export function checkEngineOptions(options: {
  backend?: unknown;
  threads?: unknown;
  slots?: unknown;
  codebooks?: unknown;
  transformersCompat?: unknown;
  signal?: unknown;
  onProgress?: unknown;
}): void {
  checkBackendPreference(options.backend);
  checkInteger("threads", options.threads, 1, MAX_THREADS);
  checkInteger("slots", options.slots, 1, MAX_SLOTS);
  checkSourceRequest(options);
  checkSignal(options.signal);
  checkFunction("onProgress", options.onProgress);
}

export async function loadEngine(request: EngineRequest): Promise<LoadedEngine> {
  const { signal } = request;
  throwIfAborted(signal);
  const opened = await untilAborted(openBackend(request.backend), signal);
  const engine = await createEngine(opened, request);
  try {
    request.checkInfo?.(engine.info);
    await prefault(engine, request);
  } catch (error) {
    await engine.dispose();
    throw error;
  }
  const { info } = engine;
  return {
    engine,
    report: {
      kind: opened.backend.kind,
      device: info.device,
      kernels: info.kernels,
      threads: info.threads,
      tried: opened.tried,
    },
  };
}

async function createEngine({ backend }: OpenedBackend, request: EngineRequest): Promise<EngineHandle> {
  const creation = backend.createEngine(request.folder, {
    threads: request.threads ?? 0,
    slots: request.slots,
    ...toSourceOptions(request),
  });
  try {
    return await untilAborted(creation, request.signal);
  } catch (error) {
    if (request.signal?.aborted) {
      // Creation cannot be interrupted; the caller need not wait for it.
      creation.then((engine) => engine.dispose()).catch(() => {});
    }
    throw error;
  }
}

async function prefault(engine: EngineHandle, { signal, onProgress }: EngineRequest): Promise<void> {
  for (;;) {
    const { done, total, finished } = await engine.prefault(PREFAULT_BYTES);
    if (signal?.aborted) {
      throw abortError(signal);
    }
    onProgress?.(done, total);
    if (finished) {
      return;
    }
  }
}
