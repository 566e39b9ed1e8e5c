/** What all commands share: their options, reading FILE arguments, reporting failures. */
import type { AudioSource, BackendPreference, ModelSource } from "../index.node.js";
import { errorText } from "./error-text.js";
import { BrokenPipe, type CliIo, write } from "./io.js";

export interface ModelOptions {
  /** Folder, or id on the Hub. */
  readonly model?: string;
  readonly cache?: string;
  readonly backend: BackendPreference;
  readonly threads?: number;
  /** Audio streams to read. */
  readonly codebooks?: number;
  /** Not of `encode`: the codec has no part in it. */
  readonly transformersCompat?: boolean;
  readonly acceptTruncated: boolean;
}

export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

/** FILE on the command line that means standard input. */
const STDIN = "-";

export function sourceOf(file: string, io: CliIo): AudioSource {
  return file === STDIN ? io.stdin : file;
}

/** Runs `work` for every file; a failure is reported and the others go on. */
export async function forEachFile(
  files: readonly string[],
  io: CliIo,
  work: (file: string) => Promise<void>,
): Promise<number> {
  let exitCode = EXIT_OK;
  for (const file of files) {
    try {
      await work(file);
    } catch (error) {
      if (io.signal.aborted || error instanceof BrokenPipe) {
        throw error;
      }
      exitCode = EXIT_FAILED;
      await write(io.stderr, errorText(error, file));
    }
  }
  return exitCode;
}

export async function writeJsonLine(io: CliIo, value: unknown): Promise<void> {
  await write(io.stdout, `${JSON.stringify(value)}\n`);
}

/** Says which repository stands for an id, where that is not the id itself. */
export async function reportChoice(source: ModelSource, io: CliIo): Promise<void> {
  if (source.kind === "hub" && source.repository !== source.id && source.reason !== undefined) {
    await write(io.stderr, `${source.id}: ${source.repository} is used (${source.reason})\n`);
  }
}
