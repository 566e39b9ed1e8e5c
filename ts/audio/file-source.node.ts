/** Files as byte sources, with typed errors. */
import { type FileHandle, open, stat } from "node:fs/promises";
import { SttError } from "../contract/errors.js";
import { errorText } from "./audio-errors.js";
import { type ByteSource, CHUNK_SIZE } from "./byte-source.js";

export async function openFile(path: string): Promise<ByteSource> {
  try {
    const info = await stat(path);
    if (info.isDirectory()) {
      throw folderError(path);
    }
    const file = await open(path, "r");
    return info.isFile() ? fileSource(path, file, info.size) : pipeSource(path, file);
  } catch (cause) {
    throw fileError(path, cause);
  }
}

function fileSource(path: string, file: FileHandle, size: number): ByteSource {
  const read = async (start: number, end: number): Promise<Uint8Array> => {
    const bytes = new Uint8Array(end - start);
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, start + filled).catch((cause) => {
        throw fileError(path, cause);
      });
      if (bytesRead === 0) {
        break;
      }
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  };
  return {
    name: path,
    path,
    random: { size, read },
    async *chunks() {
      for (let start = 0; ; ) {
        const bytes = await read(start, start + CHUNK_SIZE);
        if (bytes.length === 0) {
          return;
        }
        start += bytes.length;
        yield bytes;
      }
    },
    close: () => file.close(),
  };
}

/** A named pipe, /dev/stdin and the like: no size, no seeking. */
function pipeSource(path: string, file: FileHandle): ByteSource {
  return {
    name: path,
    async *chunks() {
      yield* file.createReadStream({ highWaterMark: CHUNK_SIZE, autoClose: false });
    },
    close: () => file.close(),
  };
}

function folderError(path: string, cause?: unknown): SttError {
  return new SttError("ERR_INVALID_ARGUMENT", `${path}: is a folder, not an audio file`, {
    remedy: "Name the files in it.",
    cause,
  });
}

function fileError(path: string, cause: unknown): SttError {
  if (cause instanceof SttError) {
    return cause;
  }
  switch ((cause as NodeJS.ErrnoException).code) {
    case "ENOENT":
    case "ENOTDIR":
      return new SttError("ERR_FILE_NOT_FOUND", `${path}: no such file`, { remedy: "Check the path.", cause });
    case "EACCES":
    case "EPERM":
      return new SttError("ERR_FILE_ACCESS", `${path}: permission denied`, {
        remedy: "Give the current user the right to read it.",
        cause,
      });
    case "EISDIR":
      return folderError(path, cause);
    default:
      return new SttError("ERR_FILE_ACCESS", `${path}: cannot be read (${errorText(cause)})`, {
        remedy: "Check the path and the disk.",
        cause,
      });
  }
}
