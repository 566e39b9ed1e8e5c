/** One file of the Hub onto the disk: continued, checked while it comes, and visible only when complete. */
import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { SttError } from "../contract/errors.js";
import { type ContentHash, recipeOf, WrongContent } from "./content-hash.js";
import { fetchFrom } from "./file-stream.js";
import type { HttpSettings } from "./http.js";
import type { RangeSource } from "./range-request.js";

const READ_SIZE = 1 << 20;

/** The operations of a file handle that are used here; tests put failing ones in their place. */
export type BlobFile = Pick<FileHandle, "read" | "write" | "truncate" | "stat" | "sync" | "close">;

export interface BlobDownload {
  readonly settings: HttpSettings;
  readonly source: RangeSource;
  readonly etag: string;
  /** For messages. */
  readonly name: string;
  /** Where it grows, and where it goes when it is complete. */
  readonly incomplete: string;
  readonly blob: string;
  readonly signal: AbortSignal | undefined;
  /** Bytes that an earlier attempt left and that are used. */
  readonly onBegin: (kept: number) => void;
  readonly onBytes: (received: number, loaded: number) => void;
  /** Bytes on the disk that did not have the right hash and are fetched again. */
  readonly onDiscard: (bytes: number) => void;
  readonly openFile?: (path: string) => Promise<BlobFile>;
}

/** Errors: HttpFailure, ERR_DOWNLOAD (wrong content, which is not kept), ERR_ABORTED, those of the file system. */
export async function downloadBlob(download: BlobDownload): Promise<void> {
  await mkdir(dirname(download.blob), { recursive: true });
  const kept = await attempt(download, true);
  if (kept > 0) {
    // What an earlier attempt left was not what it should be.
    download.onDiscard(download.source.size);
    await attempt(download, false);
  }
  await rename(download.incomplete, download.blob);
  await syncFolder(dirname(download.blob));
}

/** Returns 0 when the file is complete and right, else how many of the wrong bytes had been there before. */
async function attempt(download: BlobDownload, mayResume: boolean): Promise<number> {
  const { settings, source, etag, signal, openFile = openForUpdate } = download;
  const file = await openFile(download.incomplete);
  let found: string | undefined;
  let kept = 0;
  try {
    const hash = createContentHash(etag, source.size);
    kept = mayResume ? await reuse(file, source.size, hash) : await clear(file);
    download.onBegin(kept);
    let position = kept;
    for await (const chunk of fetchFrom(settings, source, kept, signal)) {
      await writeAll(file, chunk, position);
      hash?.update(chunk);
      position += chunk.length;
      download.onBytes(chunk.length, position);
    }
    await file.sync();
    found = hash?.digest();
  } finally {
    await file.close();
  }
  if (found === undefined || found === etag) {
    return 0;
  }
  await rm(download.incomplete, { force: true });
  if (kept === 0) {
    throw new WrongContent(download.name, etag, found);
  }
  return kept;
}

/** Hashes what is there; a file that is too long is not the beginning of this one. */
async function reuse(file: BlobFile, size: number, hash: ContentHash | undefined): Promise<number> {
  const { size: there } = await file.stat();
  if (there > size) {
    return clear(file);
  }
  const buffer = new Uint8Array(READ_SIZE);
  for (let position = 0; position < there; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(READ_SIZE, there - position), position);
    if (bytesRead === 0) {
      throw new SttError("ERR_FILE_ACCESS", "a file of the cache became shorter while it was read", {
        remedy: "Try again, with no other program that changes the cache.",
      });
    }
    hash?.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
  return there;
}

async function clear(file: BlobFile): Promise<number> {
  await file.truncate(0);
  return 0;
}

async function writeAll(file: BlobFile, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

async function openForUpdate(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r+");
  } catch {
    return open(path, "w+");
  }
}

function createContentHash(etag: string, size: number): ContentHash | undefined {
  const recipe = recipeOf(etag, size);
  if (recipe === undefined) {
    return undefined;
  }
  const hash = createHash(recipe.algorithm).update(recipe.prefix);
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest("hex") };
}

/** Makes the new name survive a loss of power, where the system can. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, "r");
    await handle.sync().finally(() => handle.close());
  } catch {
    // Windows cannot open folders; nothing is lost but that guarantee.
  }
}
