/** A model's files into the memory of a worker's core: only those that are needed, each chunk copied once. */
import { SttError } from "../../contract/errors.js";
import { headBytes } from "../../contract/file-head.js";
import type { ModelFile } from "../../contract/model-files.js";
import type { CoreChannel } from "./core-channel.js";
import type { ModelPath } from "./wasm-host.js";

/** The folder of the one model of a worker, in the core's memory. */
export const MODEL_FOLDER = "memory:/model";

/** Bytes of one message to the worker; two are under way at most, which is all that a model needs beyond itself. */
const CHUNK = 4 << 20;

/** Configuration and vocabulary; larger ones are something else. */
const SMALL_FILE = /\.(json|model)$/i;
const MAX_SMALL = 64 << 20;
const WEIGHT_FILE = /\.(safetensors|gguf)$/i;

/** What 32-bit WebAssembly can address. */
const MEMORY_LIMIT = 2 ** 32;
/** Code, stacks and working memory beside the weights; state of the streams comes on top. */
const BASE_BYTES = 64e6;

export function isWeights({ name }: ModelFile): boolean {
  return WEIGHT_FILE.test(name);
}

function isSmall({ name, size }: ModelFile): boolean {
  return SMALL_FILE.test(name) && size <= MAX_SMALL;
}

/** The path by which the core opens a model. */
export function corePath({ entry }: ModelPath): string {
  return entry === undefined ? MODEL_FOLDER : `${MODEL_FOLDER}/${entry}`;
}

/** Text of the core about its files, in the user's terms. */
export function renamer(folder: string): (text: string) => string {
  return (text) => text.replaceAll(MODEL_FOLDER, folder);
}

/** Configuration and vocabulary whole, of the weights what comes before the numbers: enough to describe the model. */
export async function loadHeads(channel: CoreChannel, model: ModelPath): Promise<void> {
  for (const file of model.files) {
    if (isSmall(file)) {
      await loadFile(channel, file);
    } else if (isWeights(file)) {
      await createFile(channel, file, model.folder);
      await writeRange(channel, file, await headBytes(file));
    }
  }
}

/**
 * `needed`: the weights to load; configuration and vocabulary are loaded in any case. `handOver`: the next engine takes
 * the memory of the weights; otherwise they stay files.
 */
export async function loadModel(
  channel: CoreChannel,
  model: ModelPath,
  needed: readonly ModelFile[],
  handOver = true,
): Promise<void> {
  checkFits(model.folder, needed);
  for (const file of model.files) {
    if (isSmall(file)) {
      await loadFile(channel, file);
    }
  }
  for (const file of needed) {
    await createFile(channel, file, model.folder);
    await fill(channel, file);
    if (handOver) {
      await channel.call("handOverFile", [memoryName(file)]);
    }
  }
}

/** Bytes of memory that these weights take in the core, streams not counted. */
function memoryFor(weights: readonly ModelFile[]): number {
  return BASE_BYTES + weights.reduce((sum, { size }) => sum + size, 0);
}

function checkFits(folder: string, weights: readonly ModelFile[]): void {
  const need = memoryFor(weights);
  if (need > MEMORY_LIMIT) {
    throw tooLarge(folder, need);
  }
}

function tooLarge(folder: string, need: number): SttError {
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
  return new SttError(
    "ERR_OUT_OF_MEMORY",
    `${folder}: the model needs ${gigabytes(need)} of memory; WebAssembly has ${gigabytes(MEMORY_LIMIT)} at most`,
    {
      remedy:
        'Use a smaller or quantized model ("kyutai-stt convert MODEL out.gguf --dtype q4_0"), or a native backend.',
    },
  );
}

async function loadFile(channel: CoreChannel, file: ModelFile): Promise<void> {
  await channel.call("createFile", [memoryName(file), file.size]);
  await fill(channel, file);
}

/** Says how much was asked for when it is too much for this machine. */
async function createFile(channel: CoreChannel, file: ModelFile, folder: string): Promise<void> {
  try {
    await channel.call("createFile", [memoryName(file), file.size]);
  } catch (cause) {
    if (cause instanceof SttError && cause.code === "ERR_OUT_OF_MEMORY") {
      const megabytes = Math.ceil(file.size / 1e6);
      throw new SttError("ERR_OUT_OF_MEMORY", `${folder}/${file.name}: no memory here for its ${megabytes} MB`, {
        remedy: "Close other tabs or programs, or use a smaller or quantized model.",
        cause,
      });
    }
    throw cause;
  }
}

async function fill(channel: CoreChannel, file: ModelFile): Promise<void> {
  const path = memoryName(file);
  let at = 0;
  let before: Promise<void> | undefined;
  for await (const bytes of file.stream()) {
    // A buffer that is given away has no length any more.
    const { length } = bytes;
    for (let start = 0; start < length; start += CHUNK) {
      const end = Math.min(start + CHUNK, length);
      const part = owned(bytes, start, end);
      const writing = channel.call("writeFile", [path, at, part], [part.buffer]);
      writing.catch(() => {});
      at += end - start;
      await before;
      before = writing;
    }
  }
  await before;
  if (at !== file.size) {
    throw new SttError("ERR_MODEL_FORMAT", `${file.name} ended after ${at} of ${file.size} bytes`, {
      remedy: "Fetch the model's files again.",
    });
  }
}

async function writeRange(channel: CoreChannel, file: ModelFile, end: number): Promise<void> {
  for (let at = 0; at < end; at += CHUNK) {
    const bytes = await file.read(at, Math.min(at + CHUNK, end));
    const part = owned(bytes, 0, bytes.length);
    await channel.call("writeFile", [memoryName(file), at, part], [part.buffer]);
  }
}

/** Bytes with a buffer of their own, which can be given away. */
function owned(bytes: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  return start === 0 && end === bytes.length && buffer instanceof ArrayBuffer && buffer.byteLength === end
    ? new Uint8Array(buffer)
    : Uint8Array.from(bytes.subarray(start, end));
}

function memoryName({ name }: ModelFile): string {
  return `${MODEL_FOLDER}/${name}`;
}
