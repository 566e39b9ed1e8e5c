/**
 * Where a page finds the files of this package: the worker, the core, the embedded model.
 *
 * Bundlers that know `new URL("file", import.meta.url)`, as Vite and webpack do, take care of it. Others leave these
 * addresses as they are; then the page says where a copy of the package is.
 */
import { SttError } from "./contract/errors.js";

let base: URL | undefined;

/**
 * The address of a copy of this package, with its folders `dist` and `models`: what a bundler did not take along is
 * loaded from there. To be called before anything is loaded. Without an argument: where the bundler has put the files.
 *
 * @throws SttError ERR_INVALID_ARGUMENT
 */
export function setAssetBase(url?: string | URL): void {
  if (url === undefined) {
    base = undefined;
    return;
  }
  try {
    const absolute = new URL(url, globalThis.location?.href).href;
    base = new URL(absolute.endsWith("/") ? absolute : `${absolute}/`);
  } catch (cause) {
    throw new SttError("ERR_INVALID_ARGUMENT", `"${url}" is not an address`, {
      remedy: "Pass the URL of the folder of kyutai-stt, for example new URL('kyutai-stt/', document.baseURI).",
      cause,
    });
  }
}

/** `path`: in the package; undefined: it is where the bundler has put it. */
export function assetUrl(path: string): URL | undefined {
  return base === undefined ? undefined : new URL(path, base);
}
