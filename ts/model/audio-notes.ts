import type { AudioNote } from "../audio/types.js";
import { SttError } from "../contract/errors.js";

/** What to do with the remarks of decoding: a file that ends early is an error unless accepted, the rest is told. */
export function strictNotes(acceptTruncated: boolean, tell: (message: string) => void): (note: AudioNote) => void {
  return ({ code, message }) => {
    if (code === "truncated" && !acceptTruncated) {
      throw new SttError("ERR_INVALID_AUDIO", message, {
        remedy: "Get the whole file, or accept what it holds (acceptTruncated: true, --accept-truncated).",
      });
    }
    tell(message);
  };
}
