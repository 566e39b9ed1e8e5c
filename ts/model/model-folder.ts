/** A checkpoint: where it is, and the small JSON files that describe it. The weights are read by the core. */
import { SttError } from "../contract/errors.js";
import { isModelReference } from "../hub/model-reference.js";
import type { HubOptions } from "../hub/types.js";
import { describeForeign, documentOf, type ModelDescription } from "./foreign-layout.js";
import { warn } from "./logger.js";
import { EMBEDDED_MODEL, type ModelFolderHost, type ModelLocation, type ModelSource } from "./model-location.js";
import { invalidArgument, show } from "./option-checks.js";

export type { ModelLocation, ModelSource } from "./model-location.js";

const USE_A_FOLDER = `Pass the path of a checkpoint folder, a model of the Hub ("org/name"), or "${EMBEDDED_MODEL}" for the embedded one.`;

let load: (() => Promise<ModelFolderHost>) | undefined;

/** For the entry of a platform: a bundle for browsers must not even mention Node's. */
export function setModelFolderHost(loader: () => Promise<ModelFolderHost>): void {
  load = loader;
}

async function loadHost(): Promise<ModelFolderHost> {
  if (load === undefined) {
    throw new SttError("ERR_INTERNAL", "no entry of the package has been loaded", {
      remedy: "Import from 'kyutai-stt' itself, not from a file inside the package.",
    });
  }
  return load();
}

/** The path of a model, a folder or a file of weights; see findModelPath. */
export async function findModel(location: ModelLocation | undefined, options: HubOptions = {}): Promise<string> {
  return (await findModelPath(location, options)).path;
}

/**
 * Finds a model: without a location, or by its name, the embedded one; a folder or a file of weights; else a model of
 * the Hub, downloaded if need be. A folder that is there comes before a model of the same name.
 */
export async function findModelPath(
  location: ModelLocation | undefined,
  options: HubOptions = {},
): Promise<ModelSource> {
  const host = await loadHost();
  const own = await host.open?.(location, options);
  if (own !== undefined) {
    return own;
  }
  if (location !== undefined && typeof location !== "string" && !(location instanceof URL)) {
    throw invalidArgument(`a model is a path, a file: URL or a name on the Hub, not ${show(location)}`, USE_A_FOLDER);
  }
  if (location === undefined || location === EMBEDDED_MODEL) {
    return { kind: "embedded", path: await host.resolvePath(host.embeddedFolder()) };
  }
  if (typeof location === "string" && location.startsWith("hf://")) {
    return onHub(host, location, options);
  }
  if (location === "" || (location instanceof URL && location.protocol !== "file:")) {
    throw invalidArgument(`"${location}" is not a model`, USE_A_FOLDER);
  }
  try {
    return { kind: "folder", path: await host.resolvePath(location) };
  } catch (error) {
    if (typeof location !== "string" || !isModelReference(location) || !isMissing(error)) {
      throw error;
    }
    try {
      return await onHub(host, location, options);
    } catch (cause) {
      throw neitherHereNorThere(location, cause);
    }
  }
}

/** An absolute path to write to. */
export async function toPath(location: ModelLocation): Promise<string> {
  if ((typeof location === "string" && location !== "") || isFileUrl(location)) {
    return (await loadHost()).toPath(location);
  }
  throw invalidArgument(`a file to write is a path or a file: URL, not ${show(location)}`, "Pass a path.");
}

function isFileUrl(location: unknown): location is URL {
  return location instanceof URL && location.protocol === "file:";
}

/** What failed on the Hub may have been meant as a folder. */
function neitherHereNorThere(location: string, cause: unknown): unknown {
  return cause instanceof SttError && cause.code.startsWith("ERR_HUB_")
    ? new SttError(cause.code, `there is no folder "${location}"; as a model of the Hub: ${cause.message}`, {
        ...(cause.remedy === undefined ? {} : { remedy: cause.remedy }),
        cause: cause.cause,
      })
    : cause;
}

async function onHub(host: ModelFolderHost, id: string, options: HubOptions): Promise<ModelSource> {
  const { path, source } = await host.findHubModel(id, { onWarning: warn, ...options });
  return { kind: "hub", path: await host.resolvePath(path), ...source };
}

function isMissing(error: unknown): boolean {
  return error instanceof SttError && error.code === "ERR_FILE_NOT_FOUND";
}

export async function readModelText(folder: string, name: string): Promise<string | undefined> {
  return (await loadHost()).readText(folder, name);
}

/** What the core says of a checkpoint in another layout than transformers'; undefined for that one. */
async function readForeign(path: string): Promise<ModelDescription | undefined> {
  return describeForeign(path, await readModelText(path, "config.json"));
}

/**
 * A JSON object of the checkpoint in transformers' spelling, whatever its own; undefined when there is no such file.
 */
export async function readModelJson(
  folder: string,
  name: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const foreign = await readForeign(folder);
  if (foreign !== undefined) {
    return documentOf(foreign, name) ?? undefined;
  }
  const text = await readModelText(folder, name);
  return text === undefined ? undefined : parseJsonObject(text, `${folder}: ${name}`);
}

export async function requireModelJson(folder: string, name: string): Promise<Readonly<Record<string, unknown>>> {
  const object = await readModelJson(folder, name);
  if (object === undefined) {
    throw missingFile(folder, name);
  }
  return object;
}

export function missingFile(folder: string, name: string): SttError {
  return new SttError("ERR_FILE_NOT_FOUND", `${folder}: ${name} is missing`, {
    remedy: "Point to a complete checkpoint folder in the transformers layout.",
  });
}

export function parseJsonObject(text: string, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SttError("ERR_MODEL_FORMAT", `${what}: not valid JSON (${reason})`, {
      remedy: "Download the file again; it is damaged.",
      cause,
    });
  }
  if (!isObject(value)) {
    throw new SttError("ERR_MODEL_FORMAT", `${what}: holds ${show(value)} instead of a JSON object`, {
      remedy: "Download the file again; it is damaged.",
    });
  }
  return value;
}

/** Errors: ERR_INVALID_ARGUMENT, ERR_FILE_ACCESS, ERR_FILE_NOT_FOUND (the path leads through a file), ERR_DISK_FULL. */
export async function writeModelFile(folder: string, name: string, content: string | Uint8Array): Promise<void> {
  if (typeof folder !== "string" || folder === "") {
    throw invalidArgument(`save_pretrained: the folder must be a path, not ${show(folder)}`, "Pass a path.");
  }
  return (await loadHost()).write(folder, name, content);
}

/** Copies files into a folder under their own names, each there only when it is whole. */
export async function copyModelFiles(files: readonly string[], folder: string): Promise<void> {
  return (await loadHost()).copyFiles(files, folder);
}

/**
 * Removes the files of an earlier checkpoint in the transformers layout whose names are not among `kept`: left there, they
 * would be taken for a part of the new one.
 */
export async function removeOldWeights(folder: string, kept: readonly string[]): Promise<void> {
  return (await loadHost()).removeOldWeights(folder, kept);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * As transformers writes its configuration files: sorted keys, two spaces, a final newline. Whole numbers under a name of
 * `floats` get a point: Python reads 1 as an int and 1.0 as a float, and transformers 5 tells them apart.
 */
export function toSortedJson(value: Record<string, unknown>, floats: ReadonlySet<string> = new Set()): string {
  const write = (key: string, inner: unknown): unknown => {
    if (isObject(inner)) {
      return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
    }
    return floats.has(key) && Number.isSafeInteger(inner) ? `${FLOAT_MARK}${String(inner)}.0` : inner;
  };
  return `${JSON.stringify(value, write, 2)}\n`.replaceAll(new RegExp(`"${FLOAT_MARK}([^"]*)"`, "g"), "$1");
}

/** No text of a configuration begins with it. */
const FLOAT_MARK = "kyutai-stt:float:";
