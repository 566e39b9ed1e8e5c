/**
 * The cache of models on this machine, laid out as Python's huggingface_hub does, which may share it:
 *
 *     models--org--name/blobs/<etag>                   contents
 *     models--org--name/snapshots/<commit>/<path>      relative links to them
 *     models--org--name/refs/<branch or tag>           commits
 *     .locks/models--org--name/                        locks
 *
 * and, where huggingface_hub does not look:
 *
 *     models--org--name/assembled/<commit>/<path>      links to files of several repositories
 */
import { randomUUID } from "node:crypto";
import {
  copyFile,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { errorCode } from "./disk-error.node.js";
import { isCommit } from "./model-reference.js";

export class ModelCache {
  readonly folder: string;
  readonly #avoidsLinks: boolean;

  constructor(folder: string, avoidsLinks: boolean) {
    this.folder = folder;
    this.#avoidsLinks = avoidsLinks;
  }

  repositoryFolder(repository: string): string {
    return join(this.folder, folderName(repository));
  }

  snapshotFolder(repository: string, commit: string): string {
    return join(this.repositoryFolder(repository), "snapshots", commit);
  }

  assembledFolder(repository: string, commit: string): string {
    return join(this.repositoryFolder(repository), "assembled", commit);
  }

  filePath(repository: string, commit: string, path: string): string {
    return join(this.snapshotFolder(repository, commit), ...path.split("/"));
  }

  blobPath(repository: string, etag: string): string {
    return join(this.repositoryFolder(repository), "blobs", etag);
  }

  /** Where a blob grows. Not `<etag>.incomplete`: old versions of huggingface_hub append to that one. */
  incompletePath(repository: string, etag: string): string {
    return `${this.blobPath(repository, etag)}.kstt.incomplete`;
  }

  lockFolder(repository: string): string {
    return join(this.folder, ".locks", folderName(repository));
  }

  /** Not `<etag>.lock`: huggingface_hub empties that file. */
  lockPath(repository: string, etag: string): string {
    return join(this.lockFolder(repository), `${etag}.kstt.lock`);
  }

  /** The commit that a revision had when it was last asked for; a commit is its own. */
  async commitOf(repository: string, revision: string): Promise<string | undefined> {
    if (isCommit(revision)) {
      return revision;
    }
    const text = await readIfThere(this.#refPath(repository, revision));
    const commit = text?.trim();
    return commit !== undefined && isCommit(commit) ? commit : undefined;
  }

  async setCommit(repository: string, revision: string, commit: string): Promise<void> {
    if (revision === commit || (await this.commitOf(repository, revision)) === commit) {
      return;
    }
    const path = this.#refPath(repository, revision);
    await mkdir(dirname(path), { recursive: true });
    await replaceFile(path, commit);
  }

  /** Paths of all files of a snapshot; links whose target is gone do not count. */
  async snapshotFiles(repository: string, commit: string): Promise<Set<string>> {
    const folder = this.snapshotFolder(repository, commit);
    const files = new Set<string>();
    for (const entry of await listIfThere(folder)) {
      if (!entry.isDirectory()) {
        const path = join(entry.parentPath, entry.name);
        if ((await sizeIfThere(path)) !== undefined) {
          files.add(relative(folder, path).split(sep).join("/"));
        }
      }
    }
    return files;
  }

  async fileSize(repository: string, commit: string, path: string): Promise<number> {
    return (await sizeIfThere(this.filePath(repository, commit, path))) ?? 0;
  }

  /** Puts a blob into a snapshot: as a link, else by moving a blob that nothing else uses, else as a copy. */
  async place(repository: string, etag: string, commit: string, path: string, isNewBlob: boolean): Promise<void> {
    const blob = this.blobPath(repository, etag);
    const target = this.filePath(repository, commit, path);
    await mkdir(dirname(target), { recursive: true });
    if (!this.#avoidsLinks && (await tryLink(blob, target))) {
      return;
    }
    await (isNewBlob ? rename(blob, target) : copyInPlace(blob, target));
  }

  /** Makes a file of a snapshot appear at `target` in an assembled folder. */
  async assemble(file: string, target: string): Promise<void> {
    await mkdir(dirname(target), { recursive: true });
    if ((await readLinkIfThere(target)) === relative(dirname(target), file)) {
      return;
    }
    if (this.#avoidsLinks || !(await tryLink(file, target))) {
      await copyInPlace(file, target);
    }
  }

  #refPath(repository: string, revision: string): string {
    return join(this.repositoryFolder(repository), "refs", ...revision.split("/"));
  }
}

function folderName(repository: string): string {
  return `models--${repository.replace("/", "--")}`;
}

/** A symbolic link with a relative path. False where this system or disk has none. */
async function tryLink(file: string, target: string): Promise<boolean> {
  const aside = `${target}.${randomUUID()}.incomplete`;
  try {
    await symlink(relative(dirname(target), file), aside);
  } catch (error) {
    if (["EPERM", "EACCES", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EINVAL"].includes(errorCode(error) ?? "")) {
      return false;
    }
    throw error;
  }
  try {
    await rename(aside, target);
    return true;
  } finally {
    await rm(aside, { force: true });
  }
}

async function copyInPlace(file: string, target: string): Promise<void> {
  const aside = `${target}.${randomUUID()}.incomplete`;
  try {
    await copyFile(file, aside);
    await rename(aside, target);
  } finally {
    await rm(aside, { force: true });
  }
}

async function readLinkIfThere(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    // EINVAL: no link but a copy.
    return errorCode(error) === "EINVAL" ? undefined : ignoreMissing(error);
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  const aside = `${path}.${randomUUID()}.tmp`;
  try {
    await writeFile(aside, text);
    await rename(aside, path);
  } finally {
    await rm(aside, { force: true });
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    return ignoreMissing(error);
  }
}

async function listIfThere(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true, recursive: true });
  } catch (error) {
    return ignoreMissing(error) ?? [];
  }
}

/** Bytes, of the target if it is a link; undefined: there is no such file. */
export async function sizeIfThere(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    return ignoreMissing(error);
  }
}

export async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    return ignoreMissing(error) ?? false;
  }
}

function ignoreMissing(error: unknown): undefined {
  const code = errorCode(error);
  if (code !== "ENOENT" && code !== "ENOTDIR" && code !== "EISDIR" && code !== "ELOOP") {
    throw error;
  }
  return undefined;
}
