import { SttError } from "../contract/errors.js";

export function errorCode(cause: unknown): string | undefined {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined;
}

/** A failure of the file system while the cache is written, in our words. Anything else comes back as it is. */
function diskError(cause: unknown, path: string): unknown {
  const code = errorCode(cause);
  if (cause instanceof SttError || code === undefined || !(cause instanceof Error && "syscall" in cause)) {
    return cause;
  }
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return new SttError("ERR_DISK_FULL", `${path}: no space left on the disk`, {
        remedy: "Free some space and try again: what was downloaded is kept. Or set HF_HUB_CACHE to another disk.",
        cause,
      });
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new SttError("ERR_FILE_ACCESS", `${path}: the cache cannot be written (${code})`, {
        remedy: "Allow the current user to write there, or set HF_HUB_CACHE (option cache_dir) to another folder.",
        cause,
      });
    default:
      return new SttError("ERR_FILE_ACCESS", `${path}: the cache cannot be written (${cause.message})`, {
        remedy: "Check the disk, or set HF_HUB_CACHE (option cache_dir) to another folder.",
        cause,
      });
  }
}

/** Runs `work`; failures of the file system become errors of this package that name `path`. */
export async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw diskError(cause, path);
  }
}
