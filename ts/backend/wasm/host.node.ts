/** The WebAssembly backend on Node: threads of node:worker_threads, files of the disk. */
import { randomUUID } from "node:crypto";
import { existsSync, type PathLike } from "node:fs";
import { access, constants, type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { SttError, type SttErrorCode } from "../../contract/errors.js";
import { findModelFiles, type ModelFile } from "../../contract/model-files.js";
import { codedError } from "../status-error.js";
import type { CoreFactory } from "./core/core-module.js";
import { detectFeatures } from "./features.js";
import type { ModelPath, WasmHost, WasmVariant, WorkerThread } from "./wasm-host.js";

const READ_SIZE = 4 << 20;

// The same depth in ts/ and in dist/.
const here = dirname(fileURLToPath(import.meta.url));
const packageRoot = resolve(here, "../../..");
/** In an installed package everything is beside the compiled code; in a checkout the core is where it was built. */
const CORE_FOLDERS = [join(here, "core"), join(packageRoot, "build/wasm")];
const WORKER_FOLDERS = [join(here, "core"), join(packageRoot, "dist/backend/wasm/core")];

function find(folders: readonly string[], name: string): string {
  const path = folders.map((folder) => join(folder, name)).find((candidate) => existsSync(candidate));
  if (path === undefined) {
    throw new SttError("ERR_BACKEND_UNAVAILABLE", `this build contains no WebAssembly core (${name} is missing)`, {
      remedy:
        'Run "npm run build" and "node tools/build-wasm.mjs" in the folder of kyutai-stt, or install the package.',
    });
  }
  return path;
}

export const nodeWasmHost: WasmHost = {
  features: detectFeatures(true),
  processors: availableParallelism(),
  glueUrl: (threads) => pathToFileURL(find(CORE_FOLDERS, threads ? "kstt-threads-node.mjs" : "kstt-single.mjs")).href,
  compile,
  importGlue: async (url) => ((await import(url)) as { default: CoreFactory }).default,
  startWorker,
  findFiles,
  writeFile,
  checkWritable: (path) => onDisk(path, () => access(dirname(path), constants.W_OK)),
};

async function compile({ threads, relaxed }: WasmVariant): Promise<WebAssembly.Module> {
  const name = `kstt-${threads ? "threads" : "single"}${relaxed ? "-relaxed" : ""}.wasm`;
  return WebAssembly.compile(await readFile(find(CORE_FOLDERS, name)));
}

function startWorker(): WorkerThread {
  // Options of the process, such as --input-type, may fit its own script only.
  const worker = new Worker(find(WORKER_FOLDERS, "worker.node.js"), { name: "kyutai-stt", execArgv: [] });
  let isOver = false;
  return {
    post: (message, transfer) => worker.postMessage(message, [...transfer]),
    onMessage: (listener) => worker.on("message", listener),
    onEnd: (listener) => {
      worker.on("error", (error: Error & { code?: string }) => {
        if (!isOver) {
          isOver = true;
          listener(error.message, error.code === "ERR_WORKER_OUT_OF_MEMORY");
        }
      });
      worker.on("messageerror", (error) => listener(error.message, false));
      worker.on("exit", (code) => {
        if (!isOver) {
          isOver = true;
          listener(`its thread ended with exit code ${code}`, false);
        }
      });
    },
    setBusy: (busy) => (busy ? worker.ref() : worker.unref()),
    terminate: () => {
      isOver = true;
      void worker.terminate();
    },
  };
}

async function findFiles(path: string): Promise<ModelPath> {
  const found = findModelFiles(path);
  if (found !== undefined) {
    const { folder, entry, model } = found;
    return { folder, entry, ...model };
  }
  return onDisk(path, async () => {
    const absolute = resolve(path);
    const isFolder = (await stat(absolute)).isDirectory();
    const folder = isFolder ? absolute : dirname(absolute);
    const entry = isFolder ? undefined : basename(absolute);
    // Names of folders and of what cannot be read are left out: the core says what it lacks.
    const names = await readdir(folder).catch((error: unknown) => {
      if (entry === undefined) throw error;
      return [entry];
    });
    const files = await Promise.all(names.map((name) => diskFile(folder, name, name === entry)));
    return { folder, entry, files: files.filter((file) => file !== undefined), isExact: false };
  });
}

async function diskFile(folder: string, name: string, isNamed: boolean): Promise<ModelFile | undefined> {
  const path = join(folder, name);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || !found.isFile()) {
    return undefined;
  }
  if (isNamed) {
    await access(path, constants.R_OK);
  }
  return {
    name,
    size: found.size,
    read: (start, end) => onDisk(path, () => withFile(path, (file) => readRange(file, start, end))),
    stream: () => streamFile(path, found.size),
  };
}

async function* streamFile(path: string, size: number): AsyncGenerator<Uint8Array> {
  const file = await onDisk(path, () => open(path));
  try {
    for (let at = 0; at < size; at += READ_SIZE) {
      yield await onDisk(path, () => readRange(file, at, Math.min(at + READ_SIZE, size)));
    }
  } finally {
    await file.close();
  }
}

async function withFile<T>(path: PathLike, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/** Shorter than asked for only at the end of the file. */
async function readRange(file: FileHandle, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start);
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, start + done);
    if (bytesRead === 0) {
      return bytes.slice(0, done);
    }
    done += bytesRead;
  }
  return bytes;
}

async function writeFile(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const partial = `${path}.${randomUUID()}.part`;
  try {
    await onDisk(path, async () => {
      await mkdir(dirname(path), { recursive: true });
      const file = await open(partial, "wx");
      try {
        for await (const chunk of chunks) {
          await file.writeFile(chunk);
        }
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(partial, path);
    });
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

const CODES: Readonly<Record<string, SttErrorCode>> = {
  ENOENT: "ERR_FILE_NOT_FOUND",
  ENOTDIR: "ERR_FILE_NOT_FOUND",
  ENOSPC: "ERR_DISK_FULL",
  EDQUOT: "ERR_DISK_FULL",
  EFBIG: "ERR_DISK_FULL",
};

/** Failures of the file system in the package's terms. */
async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : undefined;
    if (code === undefined || cause instanceof SttError) {
      throw cause;
    }
    throw codedError(CODES[code] ?? "ERR_FILE_ACCESS", `${path}: ${cause instanceof Error ? cause.message : code}`);
  }
}
