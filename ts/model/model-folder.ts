/** A checkpoint folder: where it is, and the small JSON files in it. The weights are read by the core. */
import { SttError } from "../contract/errors.js";
import { EMBEDDED_MODEL, type ModelFolderHost, type ModelLocation } from "./model-location.js";
import { invalidArgument, show } from "./option-checks.js";

export type { ModelLocation } from "./model-location.js";

const USE_A_FOLDER = `Pass the path of a checkpoint folder, or "${EMBEDDED_MODEL}" for the embedded model.`;

async function loadHost(): Promise<ModelFolderHost> {
  if (globalThis.process?.versions?.node === undefined) {
    throw new SttError("ERR_INVALID_ARGUMENT", "this environment has no files to load a model from", {
      remedy: "Use this package in Node.",
    });
  }
  const { nodeModelFolderHost } = await import("./model-folder.node.js");
  return nodeModelFolderHost;
}

/** The folder of a model; without a location, that of the embedded one. */
export function findModel(location: ModelLocation | undefined): Promise<string> {
  return find(location, (host, found) => host.resolveFolder(found));
}

/** As findModel, or the path of a model in one file. */
export function findModelPath(location: ModelLocation | undefined): Promise<string> {
  return find(location, (host, found) => host.resolvePath(found));
}

/** An absolute path to write to. */
export async function toPath(location: ModelLocation): Promise<string> {
  const isPath = typeof location === "string" ? location !== "" : location instanceof URL;
  if (!isPath || (location instanceof URL && location.protocol !== "file:")) {
    throw invalidArgument(`a file to write is a path or a file: URL, not ${show(location)}`, "Pass a path.");
  }
  return (await loadHost()).toPath(location);
}

async function find(
  location: ModelLocation | undefined,
  resolve: (host: ModelFolderHost, location: ModelLocation) => Promise<string>,
): Promise<string> {
  if (location !== undefined && typeof location !== "string" && !(location instanceof URL)) {
    throw invalidArgument(`a model is a folder path or a file: URL, not ${show(location)}`, USE_A_FOLDER);
  }
  const host = await loadHost();
  if (location === undefined || location === EMBEDDED_MODEL) {
    return host.resolveFolder(host.embeddedFolder());
  }
  if (location === "" || (location instanceof URL && location.protocol !== "file:")) {
    throw invalidArgument(`"${location}" is not a model folder`, USE_A_FOLDER);
  }
  try {
    return await resolve(host, location);
  } catch (error) {
    throw isHubId(location) && error instanceof SttError && error.code === "ERR_FILE_NOT_FOUND"
      ? hubError(location, error)
      : error;
  }
}

/** "organisation/name", as the Hub names models. */
function isHubId(location: ModelLocation): location is string {
  return typeof location === "string" && /^[\w][\w.-]*\/[\w][\w.-]*$/.test(location);
}

function hubError(id: string, cause: SttError): SttError {
  return new SttError(
    "ERR_FILE_NOT_FOUND",
    `"${id}" is not a folder here, and downloading from the Hub is not part of this build`,
    { remedy: "Pass a folder that holds the downloaded checkpoint (transformers layout).", cause },
  );
}

export async function readModelText(folder: string, name: string): Promise<string | undefined> {
  return (await loadHost()).readText(folder, name);
}

/** A JSON object of the folder; undefined when there is no such file. */
export async function readModelJson(folder: string, name: string): Promise<Record<string, unknown> | undefined> {
  const text = await readModelText(folder, name);
  return text === undefined ? undefined : parseJsonObject(text, `${folder}: ${name}`);
}

export async function requireModelJson(folder: string, name: string): Promise<Record<string, unknown>> {
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

export async function writeModelJson(folder: string, name: string, json: string): Promise<void> {
  return (await loadHost()).writeText(folder, name, json);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** As transformers writes its configuration files: sorted keys, two spaces, a final newline. */
export function toSortedJson(value: Record<string, unknown>): string {
  const sort = (_key: string, inner: unknown): unknown =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner;
  return `${JSON.stringify(value, sort, 2)}\n`;
}
