/** What has to be fetched for a model: asked of the Hub, compared with the cache. */
import { readFile } from "node:fs/promises";
import { SttError } from "../contract/errors.js";
import { type ModelCache, sizeIfThere } from "./cache.node.js";
import type { HttpSettings } from "./http.js";
import { checkRepositoryPath, type ModelReference } from "./model-reference.js";
import { fetchListing, fetchRemoteFile, type RemoteFile, type RepositoryListing } from "./repository.js";
import { type FileSelection, type JsonReader, selectFiles } from "./select-files.js";

export interface PlannedFile {
  readonly repository: string;
  readonly commit: string;
  readonly path: string;
  readonly size: number;
  /** undefined: the file is in the cache. */
  readonly remote: RemoteFile | undefined;
}

export interface ModelPlan {
  readonly repository: string;
  readonly revision: string;
  readonly commit: string;
  readonly entry: string | undefined;
  readonly files: readonly PlannedFile[];
  /** Plans of files in other repositories. */
  readonly others: readonly ModelPlan[];
}

export interface PlanContext {
  readonly settings: HttpSettings;
  readonly cache: ModelCache;
  readonly signal: AbortSignal | undefined;
  readonly withWeights: boolean;
  /** Downloads a small file that has to be read before the others are known. */
  readonly fetch: (file: PlannedFile) => Promise<void>;
}

/** Errors: HttpFailure, those of selectFiles, ERR_HUB_NOT_FOUND (a needed file is missing). */
export async function planModel(
  context: PlanContext,
  reference: ModelReference,
  revision: string,
  listing: RepositoryListing,
): Promise<ModelPlan> {
  const { repository, file } = reference;
  const { commit } = listing;
  const readJson: JsonReader = async (path) => {
    const planned = await planFile(context, repository, commit, path);
    await context.fetch(planned);
    return readJsonFile(context.cache.filePath(repository, commit, path), `${repository}: ${path}`);
  };
  const selection = await selectFiles(repository, listing.files, readJson, file);
  const wanted = wantedFiles(selection, context.withWeights);
  const missing = wanted.find((path) => !listing.files.has(path));
  if (missing !== undefined) {
    throw new SttError("ERR_HUB_NOT_FOUND", `${repository} has no file ${missing}, which the model needs`, {
      remedy: "Pass another revision of the model, or another repository.",
    });
  }
  const files = await Promise.all(wanted.map((path) => planFile(context, repository, commit, path)));
  const others = await planReferences(context, selection.references);
  return { repository, revision, commit, entry: selection.entry, files, others };
}

function wantedFiles({ files, weights }: FileSelection, withWeights: boolean): readonly string[] {
  return withWeights ? [...files, ...weights] : files;
}

async function planReferences(context: PlanContext, references: readonly ModelReference[]): Promise<ModelPlan[]> {
  const plans: ModelPlan[] = [];
  for (const { repository, revision = "main", file } of references) {
    if (file === undefined) {
      throw new SttError("ERR_MODEL_FORMAT", `config.json refers to ${repository} without a file`, {
        remedy: "Use another revision of the model.",
      });
    }
    checkRepositoryPath(file, repository);
    const { commit } = await fetchListing(context.settings, repository, revision, context.signal);
    const files = [await planFile(context, repository, commit, file)];
    plans.push({ repository, revision, commit, entry: undefined, files, others: [] });
  }
  return plans;
}

async function planFile(
  { settings, cache, signal }: PlanContext,
  repository: string,
  commit: string,
  path: string,
): Promise<PlannedFile> {
  checkRepositoryPath(path, repository);
  const cached = await sizeIfThere(cache.filePath(repository, commit, path));
  if (cached !== undefined) {
    return { repository, commit, path, size: cached, remote: undefined };
  }
  const remote = await fetchRemoteFile(settings, repository, commit, path, signal);
  return { repository, commit, path, size: remote.size, remote };
}

/** The plan of a model of which all is in the cache already; undefined: something is missing. */
export async function planFromCache(
  cache: ModelCache,
  reference: ModelReference,
  revision: string,
  withWeights: boolean,
): Promise<ModelPlan | undefined> {
  const { repository, file } = reference;
  const commit = await cache.commitOf(repository, revision);
  if (commit === undefined) {
    return undefined;
  }
  const names = await cache.snapshotFiles(repository, commit);
  const readJson: JsonReader = (path) =>
    readJsonFile(cache.filePath(repository, commit, path), `${repository}: ${path}`);
  // A snapshot without config.json is one of a .gguf, or one that was cut at the very beginning.
  if (![...names].some((name) => name === "config.json" || name.endsWith(".gguf"))) {
    return undefined;
  }
  const selection = await selectFiles(repository, names, readJson, file);
  const wanted = wantedFiles(selection, withWeights);
  if (!wanted.every((path) => names.has(path))) {
    return undefined;
  }
  const others: ModelPlan[] = [];
  for (const other of selection.references) {
    const plan = await planOneFromCache(cache, other);
    if (plan === undefined) {
      return undefined;
    }
    others.push(plan);
  }
  const files = await Promise.all(wanted.map((path) => cachedFile(cache, repository, commit, path)));
  return { repository, revision, commit, entry: selection.entry, files, others };
}

async function planOneFromCache(cache: ModelCache, reference: ModelReference): Promise<ModelPlan | undefined> {
  const { repository, revision = "main", file } = reference;
  const commit = await cache.commitOf(repository, revision);
  if (commit === undefined || file === undefined || !(await cache.snapshotFiles(repository, commit)).has(file)) {
    return undefined;
  }
  const files = [await cachedFile(cache, repository, commit, file)];
  return { repository, revision, commit, entry: undefined, files, others: [] };
}

async function cachedFile(cache: ModelCache, repository: string, commit: string, path: string): Promise<PlannedFile> {
  const size = (await sizeIfThere(cache.filePath(repository, commit, path))) ?? 0;
  return { repository, commit, path, size, remote: undefined };
}

async function readJsonFile(path: string, what: string): Promise<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SttError("ERR_MODEL_FORMAT", `${what}: not valid JSON (${reason})`, { remedy: JSON_REMEDY, cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new SttError("ERR_MODEL_FORMAT", `${what}: not a JSON object`, { remedy: JSON_REMEDY });
  }
  return { ...value };
}

const JSON_REMEDY = "Use another revision, or remove the model from the cache (kyutai-stt cache rm) and try again.";
