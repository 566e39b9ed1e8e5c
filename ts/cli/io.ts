/** The streams of the command line, so that tests can bring their own. */
import type { Writable } from "node:stream";

export interface CliIo {
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
}

/** The reader of stdout went away, as `head` does: not an error of ours. */
export class BrokenPipe extends Error {}

/** Resolves when the text has left the process, so that exiting afterwards loses nothing. */
export function write(stream: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => reject(brokenPipeOr(error));
    stream.once("error", onError);
    stream.write(text, (error) => {
      stream.off("error", onError);
      if (error) {
        reject(brokenPipeOr(error));
      } else {
        resolve();
      }
    });
  });
}

function brokenPipeOr(error: Error): Error {
  const code = "code" in error ? error.code : undefined;
  return code === "EPIPE" || code === "ERR_STREAM_DESTROYED" ? new BrokenPipe() : error;
}
