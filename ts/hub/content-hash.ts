/** Which hash an ETag of the Hub is. The hashing itself belongs to the host. */
import { SttError } from "../contract/errors.js";

export interface ContentHash {
  update(bytes: Uint8Array): void;
  /** Lower-case hexadecimal; ends the hash. */
  digest(): string;
}

export interface HashRecipe {
  readonly algorithm: "sha256" | "sha1";
  /** Hashed before the content. */
  readonly prefix: string;
}

/** Large files are named by the sha256 of their content, small ones by git. undefined: by something else. */
export function recipeOf(etag: string, size: number): HashRecipe | undefined {
  if (/^[0-9a-f]{64}$/.test(etag)) {
    return { algorithm: "sha256", prefix: "" };
  }
  return /^[0-9a-f]{40}$/.test(etag) ? { algorithm: "sha1", prefix: `blob ${size}\0` } : undefined;
}

/** What came is not what the Hub promised. */
export class WrongContent extends SttError {
  constructor(name: string, expected: string, found: string) {
    super("ERR_DOWNLOAD", `${name}: the content has the hash ${found} instead of ${expected}`, {
      remedy: "Try again; if it happens again, the server or a proxy in between sends a damaged file.",
    });
  }
}
