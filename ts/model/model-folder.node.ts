import { access, constants, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { SttError } from "../contract/errors.js";
import { findHubModel } from "../hub/hub-model.node.js";
import { EMBEDDED_MODEL, type ModelFolderHost, type NamedLocation } from "./model-location.js";

export const nodeModelFolderHost: Omit<ModelFolderHost, "copyFiles" | "removeOldWeights"> = {
  resolvePath,
  toPath,
  embeddedFolder,
  findHubModel,
  readText,
  write,
};

/** What a model in one file, or the weights of a checkpoint, may be called. */
const WEIGHT_FILE = /\.(gguf|safetensors|safetensors\.index\.json)$/i;

/** Both ts/model and dist/model lie two levels below the package. */
function embeddedFolder(): string {
  return fileURLToPath(new URL(`../../models/${EMBEDDED_MODEL}`, import.meta.url));
}

function toPath(location: NamedLocation): string {
  const isUrl = location instanceof URL || location.startsWith("file://");
  return isUrl ? fileURLToPath(location) : resolve(location);
}

async function resolvePath(location: NamedLocation): Promise<string> {
  const path = toPath(location);
  try {
    if ((await stat(path)).isDirectory()) {
      // Listing proves more than stat does: a folder without read permission still has a stat.
      await readdir(path);
    } else if (WEIGHT_FILE.test(path)) {
      await access(path, constants.R_OK);
    } else {
      throw new SttError("ERR_INVALID_ARGUMENT", `${path} is neither a model folder nor a file of weights`, {
        remedy: "Pass the folder that holds config.json and the weights, or a .gguf file.",
      });
    }
  } catch (cause) {
    throw fileError(cause, path, "model folder or file");
  }
  return path;
}

/** Files stand beside a file of weights. */
async function readText(model: string, name: string): Promise<string | undefined> {
  const isFile = WEIGHT_FILE.test(model) && (await stat(model)).isFile();
  const path = join(isFile ? dirname(model) : model, name);
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") {
      return undefined;
    }
    throw fileError(cause, path, "file");
  }
}

async function write(folder: string, name: string, content: string | Uint8Array): Promise<void> {
  const part = join(folder, `${name}.${process.pid}.part`);
  try {
    await mkdir(folder, { recursive: true });
    // There under its name only when it is whole.
    await writeFile(part, content);
    await rename(part, join(folder, name));
  } catch (cause) {
    await rm(part, { force: true }).catch(() => {});
    throw writeError(cause, join(folder, name));
  }
}

function errorCode(cause: unknown): string | undefined {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined;
}

/** What kept a file from being written, in our words. */
export function writeError(cause: unknown, path: string): SttError {
  const code = errorCode(cause);
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new SttError("ERR_DISK_FULL", `${path}: no space left for this file`, {
      remedy: "Free some space, or write to another disk.",
      cause,
    });
  }
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return new SttError("ERR_FILE_ACCESS", `${path}: no permission to write this file`, {
      remedy: "Allow the current user to write there, or choose another folder.",
      cause,
    });
  }
  return fileError(cause, path, "file");
}

/** A file system error in our words; `what` names the kind of thing at `path`. */
export function fileError(cause: unknown, path: string, what: string): SttError {
  if (cause instanceof SttError) {
    return cause;
  }
  switch (errorCode(cause)) {
    case "ENOENT":
    case "ENOTDIR":
      return new SttError("ERR_FILE_NOT_FOUND", `${path}: no such ${what}`, { remedy: "Check the path.", cause });
    case "EACCES":
    case "EPERM":
      return new SttError("ERR_FILE_ACCESS", `${path}: no permission to read this ${what}`, {
        remedy: "Allow the current user to read it.",
        cause,
      });
    default: {
      const reason = cause instanceof Error ? cause.message : String(cause);
      return new SttError("ERR_FILE_ACCESS", `${path}: this ${what} cannot be read (${reason})`, {
        remedy: "Check the disk and the path.",
        cause,
      });
    }
  }
}
