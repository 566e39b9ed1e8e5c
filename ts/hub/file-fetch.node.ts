/** Brings the files of a plan into the cache. */
import { mkdir, statfs } from "node:fs/promises";
import { SttError } from "../contract/errors.js";
import { type BlobFile, downloadBlob } from "./blob-download.node.js";
import { isThere, type ModelCache, sizeIfThere } from "./cache.node.js";
import { withLock } from "./cache-lock.node.js";
import { recipeOf } from "./content-hash.js";
import { onDisk } from "./disk-error.node.js";
import type { HttpSettings } from "./http.js";
import { toSttError } from "./http-failure.js";
import type { PlannedFile } from "./model-plan.node.js";
import type { RangeSource } from "./range-request.js";
import { fetchRemoteFile, type RemoteFile } from "./repository.js";
import type { TransferMeter } from "./transfer-meter.js";

export interface FetchContext {
  readonly settings: HttpSettings;
  readonly cache: ModelCache;
  readonly meter: TransferMeter;
  readonly signal: AbortSignal | undefined;
  readonly warn: (message: string) => void;
  /** For tests. */
  readonly openFile?: ((path: string) => Promise<BlobFile>) | undefined;
}

/** Errors: ERR_HUB_NOT_FOUND, ERR_HUB_ACCESS, ERR_NETWORK, ERR_DOWNLOAD, ERR_DISK_FULL, ERR_FILE_ACCESS, ERR_ABORTED. */
export async function fetchFile(context: FetchContext, file: PlannedFile): Promise<void> {
  const { cache, meter, signal, settings } = context;
  const { repository, commit, path, size, remote } = file;
  const metered = { model: repository, file: path, total: size };
  if (remote === undefined) {
    meter.initiate(metered, size);
    meter.done(metered);
    return;
  }
  meter.initiate(metered, 0);
  const name = `${repository}: ${path}`;
  try {
    await onDisk(cache.repositoryFolder(repository), () =>
      withLock(cache.lockPath(repository, remote.etag), signal, async () => {
        const target = cache.filePath(repository, commit, path);
        // Another process may have brought it while this one waited for the lock.
        if ((await sizeIfThere(target)) !== undefined) {
          return;
        }
        const isNewBlob = !(await isThere(cache.blobPath(repository, remote.etag)));
        if (isNewBlob) {
          await fetchBlob(context, file, remote, name);
        }
        await cache.place(repository, remote.etag, commit, path, isNewBlob);
      }),
    );
  } catch (error) {
    throw toSttError(error, name, settings.token !== undefined);
  }
  meter.done(metered);
}

async function fetchBlob(context: FetchContext, file: PlannedFile, remote: RemoteFile, name: string): Promise<void> {
  const { settings, cache, meter, signal, openFile } = context;
  const { repository, path, size } = file;
  const metered = { model: repository, file: path, total: size };
  if (recipeOf(remote.etag, size) === undefined) {
    context.warn(`${name}: the server states no hash of this file; only its size is checked`);
  }
  await downloadBlob({
    settings,
    source: rangeSource(settings, file, remote, signal),
    etag: remote.etag,
    name,
    incomplete: cache.incompletePath(repository, remote.etag),
    blob: cache.blobPath(repository, remote.etag),
    signal,
    onBegin: (kept) => {
      meter.keep(kept);
      meter.begin(metered, kept);
    },
    onBytes: (received, loaded) => meter.advance(metered, received, loaded),
    onDiscard: (bytes) => {
      context.warn(`${name}: what an earlier download left was damaged; it is fetched again`);
      meter.keep(-bytes);
    },
    ...(openFile === undefined ? {} : { openFile }),
  });
}

function rangeSource(
  settings: HttpSettings,
  { repository, commit, path, size }: PlannedFile,
  remote: RemoteFile,
  signal: AbortSignal | undefined,
): RangeSource {
  let { location } = remote;
  return {
    size,
    locate: async (renew) => {
      if (renew) {
        const fresh = await fetchRemoteFile(settings, repository, commit, path, signal);
        location = fresh.location;
      }
      return location;
    },
  };
}

/**
 * Refuses a download that cannot fit. What earlier attempts left takes its place already.
 *
 * Errors: ERR_DISK_FULL, ERR_FILE_ACCESS.
 */
export async function checkSpace(cache: ModelCache, files: readonly PlannedFile[]): Promise<void> {
  let needed = 0;
  for (const { repository, size, remote } of files) {
    if (remote !== undefined && !(await isThere(cache.blobPath(repository, remote.etag)))) {
      needed += Math.max(0, size - ((await sizeIfThere(cache.incompletePath(repository, remote.etag))) ?? 0));
    }
  }
  if (needed === 0) {
    return;
  }
  const available = await onDisk(cache.folder, async () => {
    await mkdir(cache.folder, { recursive: true });
    const { bavail, bsize } = await statfs(cache.folder);
    return bavail * bsize;
  });
  if (needed > available) {
    const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
    throw new SttError(
      "ERR_DISK_FULL",
      `${cache.folder}: the download needs ${megabytes(needed)}, the disk has ${megabytes(available)} free`,
      { remedy: "Free some space, or set HF_HUB_CACHE (option cache_dir) to a folder on another disk." },
    );
  }
}
