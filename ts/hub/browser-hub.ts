/** From the name of a model on the Hub to its files, for platforms without a disk. */
import { SttError } from "../contract/errors.js";
import { browserSettings } from "./browser-settings.js";
import { type Choice, chooseRepositories, sourceOf } from "./choose-repository.js";
import type { HttpSettings } from "./http.js";
import { HttpFailure, toSttError } from "./http-failure.js";
import { checkRepositoryPath, isCommit } from "./model-reference.js";
import type { PartStore } from "./part-store.js";
import type { RangeSource } from "./range-request.js";
import { RemoteFile, type RemoteFileOptions } from "./remote-file.js";
import { type FileContent, fetchListing, fetchRemoteFile, fileUrl, type RepositoryListing } from "./repository.js";
import { selectFiles } from "./select-files.js";
import { TransferMeter } from "./transfer-meter.js";
import type { HubOptions, HubSource } from "./types.js";

export interface BrowserModel {
  readonly files: readonly RemoteFile[];
  readonly entry: string | undefined;
  readonly source: HubSource;
}

interface Context {
  readonly settings: HttpSettings;
  readonly store: PartStore;
  readonly options: HubOptions;
  readonly file: Omit<RemoteFileOptions, "model">;
}

/** A listing as it is kept for times without a connection. */
interface KeptListing {
  readonly commit: string;
  readonly files: readonly (readonly [path: string, content: FileContent | null])[];
}

/**
 * Finds out which files a model has; nothing large is fetched before the files are read. What was read once is kept.
 * Without a connection, what is kept is used.
 *
 * Errors: as findHubModel, without those of a disk.
 */
export async function findBrowserModel(id: string, options: HubOptions, store: PartStore): Promise<BrowserModel> {
  const [choice] = chooseRepositories(id, options.revision);
  const { repository, file } = choice.reference;
  const settings = browserSettings(options.token);
  const what = `${repository}@${choice.revision}`;
  const explain = (error: unknown): unknown => toSttError(error, what, settings.token !== undefined);
  const meter = new TransferMeter(options.onProgress);
  const warn = options.onWarning ?? (() => {});
  const onFull = once(() => warn(`${what}: this browser has no room to keep the model; it will be fetched again`));
  const context: Context = {
    settings,
    store,
    options,
    file: { settings, store, meter, signal: options.signal, explain, onFull },
  };
  try {
    const listing = await findListing(context, choice, repository, choice.revision);
    const silent = { ...context, file: { ...context.file, meter: new TransferMeter(undefined) } };
    const readJson = async (path: string): Promise<Record<string, unknown>> =>
      parse(await readAll(await openFile(silent, repository, listing, path)), `${repository}: ${path}`);
    const selection = await selectFiles(repository, listing.files, readJson, file);
    const wanted = [...selection.files, ...selection.weights];
    const missing = wanted.find((path) => !listing.files.has(path));
    if (missing !== undefined) {
      throw new SttError("ERR_HUB_NOT_FOUND", `${repository} has no file ${missing}, which the model needs`, {
        remedy: "Pass another revision of the model, or another repository.",
      });
    }
    const files = await Promise.all(wanted.map((path) => openFile(context, repository, listing, path)));
    for (const { repository: owner, revision = "main", file: path } of selection.references) {
      if (path === undefined) {
        throw new SttError("ERR_MODEL_FORMAT", `config.json refers to ${owner} without a file`, {
          remedy: "Use another revision of the model.",
        });
      }
      const others = await findListing(context, choice, owner, revision);
      files.push(await openFile(context, owner, others, path, path.replace(/^.*\//, "")));
    }
    for (const { size } of files) {
      meter.expect(size);
    }
    const { commit } = listing;
    return {
      files,
      entry: selection.entry,
      source: sourceOf(id, choice, { repository, revision: choice.revision, commit }),
    };
  } catch (error) {
    throw explain(error);
  }
}

async function findListing(
  { settings, store, options }: Context,
  { reference }: Choice,
  repository: string,
  revision: string,
): Promise<RepositoryListing> {
  const name = `listing ${settings.endpoint} ${repository}@${revision}`;
  const kept = toListing((await store.recall(name)) as KeptListing | undefined);
  const isOffline = options.local_files_only === true;
  if (kept !== undefined && (isOffline || isCommit(revision))) {
    return kept;
  }
  if (isOffline) {
    throw new SttError("ERR_HUB_OFFLINE", `${reference.repository}@${revision} is not kept in this browser`, {
      remedy: "Load it once with a connection, without local_files_only.",
    });
  }
  try {
    const listing = await fetchListing(settings, repository, revision, options.signal, kept !== undefined, true);
    const files = [...listing.files].map((path) => [path, listing.contents.get(path) ?? null] as const);
    const document: KeptListing = { commit: listing.commit, files };
    await store.remember(name, document);
    return listing;
  } catch (error) {
    if (kept === undefined || !(error instanceof HttpFailure)) {
      throw error;
    }
    options.onWarning?.(`${repository}: ${error.message}; commit ${kept.commit}, which is kept here, is used`);
    return kept;
  }
}

function toListing(kept: KeptListing | undefined): RepositoryListing | undefined {
  if (kept === undefined) {
    return undefined;
  }
  const contents = new Map(
    kept.files.flatMap(([path, content]) => (content === null ? [] : [[path, content] as const])),
  );
  return { commit: kept.commit, files: new Set(kept.files.map(([path]) => path)), contents };
}

async function openFile(
  { settings, options, file }: Context,
  repository: string,
  { commit, contents }: RepositoryListing,
  path: string,
  name = path,
): Promise<RemoteFile> {
  checkRepositoryPath(path, repository);
  const content = contents.get(path) ?? (await fetchRemoteFile(settings, repository, commit, path, options.signal));
  const { etag, size } = content;
  const location = fileUrl(settings, repository, commit, path);
  const source: RangeSource = { size, locate: async () => location };
  return new RemoteFile(name, { key: `${repository} ${etag} ${size}`, etag }, source, { ...file, model: repository });
}

export async function readAll(file: RemoteFile): Promise<Uint8Array> {
  const bytes = new Uint8Array(file.size);
  let at = 0;
  for await (const chunk of file.stream()) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

export function parse(bytes: Uint8Array, what: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return { ...value };
    }
  } catch (cause) {
    throw notJson(what, cause);
  }
  throw notJson(what, undefined);
}

function notJson(what: string, cause: unknown): SttError {
  return new SttError("ERR_MODEL_FORMAT", `${what}: not a JSON object`, { remedy: "Use another model.", cause });
}

export function once(call: () => void): () => void {
  let isCalled = false;
  return () => {
    if (!isCalled) {
      isCalled = true;
      call();
    }
  };
}
