/** Models in a browser: from the Hub, a URL, files of the user, or the package itself. */
import { SttError } from "../contract/errors.js";
import { addModelFiles, findModelFiles, type ModelFile } from "../contract/model-files.js";
import { findBrowserModel } from "../hub/browser-hub.js";
import { isModelReference } from "../hub/model-reference.js";
import { browserStore } from "../hub/part-store.js";
import type { HubModel, HubOptions } from "../hub/types.js";
import { findUrlModel } from "../hub/url-model.js";
import { warn } from "./logger.js";
import {
  EMBEDDED_MODEL,
  type ModelFolderHost,
  type ModelSource,
  type UserFile,
  type UserFileHandle,
  type UserFolderHandle,
} from "./model-location.js";
import { invalidArgument, show } from "./option-checks.js";

/** A file of the embedded model by its name; undefined: it has no such file. */
export type EmbeddedFiles = ReadonlyMap<string, () => URL>;

const WEIGHT_FILE = /\.(gguf|safetensors|safetensors\.index\.json)$/i;
const USAGE =
  'Pass a URL, a model of the Hub ("org/name"), files of the user (File, FileList, a folder handle), or nothing for the embedded model.';

let filesAdded = 0;

export function browserModelFolderHost(embedded: EmbeddedFiles): ModelFolderHost {
  return {
    open: (location, options) => open(location, options, embedded),
    resolvePath: async (location) => requirePath(String(location)),
    toPath: (location) => {
      throw invalidArgument(`there are no folders here, such as "${location}"`, USAGE);
    },
    embeddedFolder: () => {
      throw new SttError("ERR_INTERNAL", "the embedded model has no folder here");
    },
    findHubModel: findOnHub,
    readText,
    write: async (folder, name) => {
      throw noDisk(`${folder}/${name}`);
    },
    copyFiles: async (_, folder) => {
      throw noDisk(folder);
    },
    removeOldWeights: async (folder) => {
      throw noDisk(folder);
    },
  };
}

function noDisk(path: string): SttError {
  return new SttError("ERR_FILE_ACCESS", `${path}: there is no disk here to write to`, {
    remedy: "Use to_json_string() and store the text yourself.",
  });
}

async function findOnHub(id: string, options: HubOptions): Promise<HubModel> {
  const { files, entry, source } = await findBrowserModel(id, options, browserStore);
  const folder = addModelFiles(`${source.repository}@${source.commit}`, { files, isExact: true });
  return { path: pathOf(folder, entry), source };
}

async function open(location: unknown, options: HubOptions, embedded: EmbeddedFiles): Promise<ModelSource | undefined> {
  if (location === undefined || location === EMBEDDED_MODEL) {
    return { kind: "embedded", path: await embeddedModel(embedded, options) };
  }
  const files = await filesOf(location);
  if (files !== undefined) {
    return { kind: "files", path: userFiles(files) };
  }
  const url = urlOf(location);
  if (url !== undefined) {
    const { files: found, entry } = await findUrlModel(url, { onWarning: warn, ...options }, browserStore);
    const folder = addModelFiles(url.href, { files: found, isExact: true });
    return { kind: "url", path: pathOf(folder, entry) };
  }
  if (typeof location === "string" && findModelFiles(location) !== undefined) {
    return { kind: "files", path: location };
  }
  if (typeof location === "string" && isModelReference(location)) {
    const { path, source } = await findOnHub(location, { onWarning: warn, ...options });
    return { kind: "hub", path, ...source };
  }
  throw invalidArgument(`${show(location)} is not a model`, USAGE);
}

/** Everything absolute with a scheme of the web; other texts are names. */
function urlOf(location: unknown): URL | undefined {
  if (location instanceof URL) {
    return location;
  }
  const isUrl = typeof location === "string" && /^(https?|blob|data):|^\.{0,2}\//i.test(location);
  return isUrl && URL.canParse(location, globalThis.location?.href)
    ? new URL(location, globalThis.location.href)
    : undefined;
}

async function embeddedModel(embedded: EmbeddedFiles, options: HubOptions): Promise<string> {
  const settings = { ...options, onWarning: warn };
  const files = await Promise.all(
    [...embedded].map(async ([name, address]) => {
      const found = await findUrlFile(name, address(), settings);
      return found;
    }),
  );
  return addModelFiles(EMBEDDED_MODEL, { files, isExact: true });
}

/** Comes with the page and is cached like the rest of it. */
async function findUrlFile(name: string, url: URL, { signal }: HubOptions): Promise<ModelFile> {
  const response = await fetch(url, { signal: signal ?? null }).catch((cause: unknown) => {
    throw new SttError("ERR_NETWORK", `${url}: the embedded model cannot be fetched`, {
      remedy: "Check the connection, and that the page may fetch from there.",
      cause,
    });
  });
  if (!response.ok || (response.headers.get("content-type") ?? "").startsWith("text/html")) {
    throw new SttError("ERR_FILE_NOT_FOUND", `${url}: the server has no embedded model there (${response.status})`, {
      remedy: "Serve the folder models/digits-en of the package, or say with setAssetBase() where it is.",
    });
  }
  return blobFile(name, await response.blob());
}

/** The user's files as a list; undefined: it is something else. */
async function filesOf(location: unknown): Promise<readonly ModelFile[] | undefined> {
  const items = isList(location) ? [...location] : [location];
  const files: ModelFile[] = [];
  for (const item of items) {
    if (isFile(item)) {
      files.push(blobFile(item.name, item));
    } else if (isHandle(item)) {
      files.push(...(await filesOfHandle(item)));
    } else {
      return undefined;
    }
  }
  return files.length === 0 ? undefined : files;
}

function isList(value: unknown): value is Iterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.iterator in value;
}

type Handle = UserFileHandle | UserFolderHandle;

function isFile(value: unknown): value is UserFile {
  return value instanceof Blob && "name" in value && typeof value.name === "string";
}

/** Of the file system that the user has opened, or of the page's own (OPFS). */
function isHandle(value: unknown): value is Handle {
  return typeof value === "object" && value !== null && "kind" in value && ("getFile" in value || "values" in value);
}

async function filesOfHandle(handle: Handle): Promise<ModelFile[]> {
  if (handle.kind === "file") {
    const file = await handle.getFile();
    return [blobFile(file.name, file)];
  }
  const files: ModelFile[] = [];
  for await (const child of handle.values()) {
    if (child.kind === "file") {
      files.push(...(await filesOfHandle(child)));
    }
  }
  return files;
}

function userFiles(files: readonly ModelFile[]): string {
  const folder = addModelFiles(`files-${++filesAdded}`, { files, isExact: false });
  const weights = files.filter(({ name }) => WEIGHT_FILE.test(name));
  if (weights.length === 0) {
    throw new SttError(
      "ERR_FILE_NOT_FOUND",
      `no weights among the files (${files.map(({ name }) => name).join(", ")})`,
      {
        remedy: "Pass a .gguf file, or config.json, the vocabulary and the .safetensors files together.",
      },
    );
  }
  const [only] = weights;
  return files.length === 1 && only !== undefined ? `${folder}/${only.name}` : folder;
}

function blobFile(name: string, blob: Blob): ModelFile {
  const CHUNK = 4 << 20;
  const read = async (start: number, end: number): Promise<Uint8Array<ArrayBuffer>> => {
    try {
      return new Uint8Array(await blob.slice(start, end).arrayBuffer());
    } catch (cause) {
      throw new SttError("ERR_FILE_ACCESS", `${name}: the file cannot be read any more`, {
        remedy: "Choose the file again: it was changed or removed.",
        cause,
      });
    }
  };
  return {
    name,
    size: blob.size,
    read,
    async *stream() {
      for (let at = 0; at < blob.size; at += CHUNK) {
        yield await read(at, Math.min(at + CHUNK, blob.size));
      }
    },
  };
}

function pathOf(folder: string, entry: string | undefined): string {
  return entry === undefined ? folder : `${folder}/${entry}`;
}

function requirePath(path: string): string {
  if (findModelFiles(path) === undefined) {
    throw new SttError("ERR_FILE_NOT_FOUND", `${path}: there is no such model here`, { remedy: USAGE });
  }
  return path;
}

/** Files stand beside a file of weights. */
async function readText(path: string, name: string): Promise<string | undefined> {
  const file = findModelFiles(path)?.model.files.find((candidate) => candidate.name === name);
  if (file === undefined) {
    return undefined;
  }
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of file.stream()) {
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
