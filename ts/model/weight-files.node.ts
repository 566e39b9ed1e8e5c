import { constants, copyFile, mkdir, readdir, realpath, rename, rm } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { fileError, writeError } from "./model-folder.node.js";

/**
 * Copies files into a folder under their own names, each there only when it is whole; shares their blocks where the file
 * system can. Errors: ERR_FILE_ACCESS, ERR_DISK_FULL.
 */
export async function copyFiles(files: readonly string[], folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw writeError(cause, folder);
  }
  for (const file of files) {
    await copyWhole(file, join(resolve(folder), basename(file)));
  }
}

const WEIGHTS = /^model(-\d+-of-\d+)?\.safetensors(\.index\.json)?$/;

/** Of an earlier checkpoint. Errors: ERR_FILE_ACCESS. */
export async function removeOldWeights(folder: string, kept: readonly string[]): Promise<void> {
  try {
    const names = (await readdir(folder)).filter((name) => WEIGHTS.test(name) && !kept.includes(name));
    await Promise.all(names.map((name) => rm(join(folder, name))));
  } catch (cause) {
    throw fileError(cause, folder, "folder");
  }
}

async function copyWhole(from: string, to: string): Promise<void> {
  if (await isSameFile(from, to)) {
    return;
  }
  const part = `${to}.${process.pid}.part`;
  try {
    await copyFile(from, part, constants.COPYFILE_FICLONE);
    await rename(part, to);
  } catch (cause) {
    await rm(part, { force: true });
    throw writeError(cause, to);
  }
}

async function isSameFile(a: string, b: string): Promise<boolean> {
  const [first, second] = await Promise.all([a, b].map((path) => realpath(path).catch(() => undefined)));
  return first !== undefined && first === second;
}
