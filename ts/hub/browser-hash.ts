/** Hashes of the Hub where there is no node:crypto: WebCrypto takes whole texts only, and models do not fit. */
import { sha1 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { type ContentHash, recipeOf } from "./content-hash.js";

/** undefined: the ETag names the content by something else than a hash. */
export function createBrowserHash(etag: string, size: number): ContentHash | undefined {
  const recipe = recipeOf(etag, size);
  if (recipe === undefined) {
    return undefined;
  }
  const hash = (recipe.algorithm === "sha256" ? sha256 : sha1).create().update(utf8ToBytes(recipe.prefix));
  return { update: (bytes) => void hash.update(bytes), digest: () => bytesToHex(hash.digest()) };
}
