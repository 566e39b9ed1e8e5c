/** What the WebAssembly backend needs of the platform. */
import type { ModelFile } from "../../contract/model-files.js";
import type { CoreFactory } from "./core/core-module.js";
import type { WasmFeatures } from "./features.js";

/** A build of the core. */
export interface WasmVariant {
  readonly threads: boolean;
  readonly relaxed: boolean;
}

export interface WasmHost {
  readonly features: WasmFeatures;
  /** Logical processors; 1 when that is not known. */
  readonly processors: number;
  /** URL of Emscripten's loader, the same for a variant with and without relaxed SIMD. */
  glueUrl(threads: boolean): string;
  /** URL of the script that the threads of the loader start with; undefined: the loader finds it. */
  readonly threadUrl?: () => string;
  /** Compiles anew at each call. Rejects with ERR_BACKEND_UNAVAILABLE when this build of the package lacks the file. */
  compile(variant: WasmVariant): Promise<WebAssembly.Module>;
  importGlue(url: string): Promise<CoreFactory>;
  startWorker(): WorkerThread;
  /** The files at a path: of a folder all of them; of a file it and those beside it. */
  findFiles(path: string): Promise<ModelPath>;
  /** Puts what `write` gives under that name, whole or not at all; undefined where there is no disk. */
  readonly writeFile: ((path: string, chunks: AsyncIterable<Uint8Array>) => Promise<void>) | undefined;
  /** Rejects unless a file could be written there. */
  checkWritable(path: string): Promise<void>;
}

export interface ModelPath {
  /** The folder, as the user knows it. */
  readonly folder: string;
  /** The file in it that was named; undefined: the folder was. */
  readonly entry: string | undefined;
  readonly files: readonly ModelFile[];
  /** All files are needed; else the core has to say which. */
  readonly isExact: boolean;
}

/** A worker or a thread. */
export interface WorkerThread {
  post(message: unknown, transfer: readonly ArrayBuffer[]): void;
  onMessage(listener: (data: unknown) => void): void;
  /** Called once, when it has ended without having been told to; `outOfMemory`: because of its memory. */
  onEnd(listener: (reason: string, outOfMemory: boolean) => void): void;
  /** Whether the process may end while it runs. */
  setBusy(busy: boolean): void;
  terminate(): void;
}
