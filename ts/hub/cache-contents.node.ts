/** What the cache holds, and how to get rid of it. */
import { randomUUID } from "node:crypto";
import { lstat, readdir, readlink, rename, rm } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { SttError } from "../contract/errors.js";
import { ModelCache } from "./cache.node.js";
import { isLocked } from "./cache-lock.node.js";
import { errorCode, onDisk } from "./disk-error.node.js";
import { avoidsLinks, cacheFolder } from "./environment.node.js";
import { parseModelReference } from "./model-reference.js";
import type { HubOptions } from "./types.js";

/** One revision of a model in the cache. */
export interface CachedRevision {
  /** Hash of the commit. */
  readonly commit: string;
  /** Branches and tags that had this commit when they were last asked for. */
  readonly revisions: readonly string[];
  /** Folder that can be loaded. */
  readonly path: string;
  /** Paths in the repository. */
  readonly files: readonly string[];
  /** Bytes of its files; revisions may share some. */
  readonly size: number;
}

/** A model in the cache. */
export interface CachedModel {
  /** "owner/name". */
  readonly repository: string;
  /** Folder of all its revisions. */
  readonly path: string;
  /** Bytes on the disk. */
  readonly size: number;
  /** Bytes of downloads that were cut. */
  readonly incomplete: number;
  /** Those that are there as a whole. */
  readonly revisions: readonly CachedRevision[];
}

type CacheOptions = Pick<HubOptions, "cache_dir">;

/** Every model in the cache, also those that other programs have put there. Errors: ERR_FILE_ACCESS. */
export async function listCachedModels(options: CacheOptions = {}): Promise<CachedModel[]> {
  const cache = new ModelCache(cacheFolder(options), avoidsLinks());
  return onDisk(cache.folder, async () => {
    const names = (await namesIn(cache.folder)).filter((name) => /^models--.+--.+$/.test(name)).sort();
    const models = await Promise.all(names.map((name) => describe(cache, name.slice(8).replace("--", "/"))));
    return models.filter((model) => model.revisions.length > 0 || model.size > 0);
  });
}

/**
 * Removes a model ("org/name"), or one revision of it ("org/name@revision") with the files that no other revision has.
 * Resolves to the bytes freed.
 *
 * Errors: ERR_INVALID_ARGUMENT, ERR_HUB_NOT_FOUND (not in the cache), ERR_BUSY (being downloaded), ERR_FILE_ACCESS.
 */
export async function removeCachedModel(id: string, options: CacheOptions = {}): Promise<number> {
  const { repository, revision } = parseModelReference(id);
  const cache = new ModelCache(cacheFolder(options), avoidsLinks());
  return onDisk(cache.folder, async () => {
    const model = await describe(cache, repository);
    if (model.revisions.length === 0 && model.size === 0) {
      throw notCached(id, cache);
    }
    await refuseIfLocked(cache, repository);
    if (revision !== undefined) {
      return removeRevision(cache, model, id, revision);
    }
    // Renamed first: a model that is half removed would look like one that is there.
    const aside = join(cache.folder, `.removed-${randomUUID()}`);
    await rename(model.path, aside);
    await rm(aside, { recursive: true, force: true });
    await rm(cache.lockFolder(repository), { recursive: true, force: true });
    return model.size;
  });
}

async function removeRevision(cache: ModelCache, model: CachedModel, id: string, revision: string): Promise<number> {
  const { repository } = model;
  const going = model.revisions.find(({ commit, revisions }) => commit === revision || revisions.includes(revision));
  if (going === undefined) {
    throw notCached(id, cache);
  }
  const staying = model.revisions.filter((other) => other !== going);
  if (staying.length === 0) {
    return removeCachedModel(repository, { cache_dir: cache.folder });
  }
  const kept = new Set((await Promise.all(staying.map(({ path }) => blobsOf(path)))).flat());
  const blobs = (await blobsOf(going.path)).filter((blob) => !kept.has(blob));
  for (const name of going.revisions) {
    await rm(join(model.path, "refs", ...name.split("/")), { force: true });
  }
  await rm(going.path, { recursive: true, force: true });
  await rm(cache.assembledFolder(repository, going.commit), { recursive: true, force: true });
  await Promise.all(blobs.map((blob) => rm(blob, { force: true })));
  return model.size - (await describe(cache, repository)).size;
}

function notCached(id: string, cache: ModelCache): SttError {
  return new SttError("ERR_HUB_NOT_FOUND", `${id} is not in ${cache.folder}`, {
    remedy: "`kyutai-stt cache ls` lists what is there.",
  });
}

async function refuseIfLocked(cache: ModelCache, repository: string): Promise<void> {
  const folder = cache.lockFolder(repository);
  for (const name of await namesIn(folder)) {
    if (name.endsWith(".kstt.lock") && (await isLocked(join(folder, name)))) {
      throw new SttError("ERR_BUSY", `${repository} is being downloaded`, { remedy: "Wait until that has ended." });
    }
  }
}

async function describe(cache: ModelCache, repository: string): Promise<CachedModel> {
  const path = cache.repositoryFolder(repository);
  const refs = await readRefs(cache, repository);
  const commits = (await namesIn(join(path, "snapshots"))).sort();
  const revisions = await Promise.all(
    commits.map(async (commit): Promise<CachedRevision> => {
      const files = [...(await cache.snapshotFiles(repository, commit))].sort();
      const sizes = await Promise.all(files.map((file) => cache.fileSize(repository, commit, file)));
      return {
        commit,
        revisions: refs.filter((ref) => ref.commit === commit).map((ref) => ref.name),
        path: cache.snapshotFolder(repository, commit),
        files,
        size: sizes.reduce((sum, size) => sum + size, 0),
      };
    }),
  );
  const onDiskSizes = await Promise.all(
    (await filesIn(path)).map(async (file) => ({ file, size: await ownSize(file) })),
  );
  const sum = (wanted: (file: string) => boolean): number =>
    onDiskSizes.reduce((total, { file, size }) => total + (wanted(file) ? size : 0), 0);
  return {
    repository,
    path,
    size: sum(() => true),
    incomplete: sum((file) => file.endsWith(".incomplete")),
    revisions,
  };
}

async function readRefs(
  cache: ModelCache,
  repository: string,
): Promise<{ name: string; commit: string | undefined }[]> {
  const folder = join(cache.repositoryFolder(repository), "refs");
  const names = (await filesIn(folder)).map((file) => relative(folder, file).split(sep).join("/")).sort();
  return Promise.all(names.map(async (name) => ({ name, commit: await cache.commitOf(repository, name) })));
}

/** The blobs that the links of a snapshot point to. */
async function blobsOf(snapshot: string): Promise<string[]> {
  const blobs: string[] = [];
  for (const file of await filesIn(snapshot)) {
    if ((await lstat(file)).isSymbolicLink()) {
      const target = resolve(dirname(file), await readlink(file));
      // A link that leads elsewhere is none of ours to follow.
      if (basename(dirname(target)) === "blobs" && dirname(dirname(target)) === resolve(snapshot, "../..")) {
        blobs.push(target);
      }
    }
  }
  return blobs;
}

/** Bytes of a file itself; a link has none worth counting. */
async function ownSize(file: string): Promise<number> {
  const stats = await lstat(file);
  return stats.isFile() ? stats.size : 0;
}

async function filesIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true, recursive: true });
    return entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    return emptyIfMissing(error);
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    return emptyIfMissing(error);
  }
}

function emptyIfMissing(error: unknown): [] {
  const code = errorCode(error);
  if (code !== "ENOENT" && code !== "ENOTDIR") {
    throw error;
  }
  return [];
}
