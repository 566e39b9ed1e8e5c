/** Compiles a build of the core, if it is one that this code can talk to. */
import { SttError } from "../../contract/errors.js";
import { LAYOUT } from "./layout.js";
import type { WasmHost, WasmVariant } from "./wasm-host.js";

/** @throws SttError ERR_BACKEND_UNAVAILABLE: there is no such build, or it was made from other headers. */
export async function compileCore(host: WasmHost, variant: WasmVariant): Promise<WebAssembly.Module> {
  const compiled = await host.compile(variant);
  if (!WebAssembly.Module.exports(compiled).some(({ name }) => name === LAYOUT)) {
    throw new SttError("ERR_BACKEND_UNAVAILABLE", "the WebAssembly core is of another version than this package", {
      remedy:
        "Serve the .wasm files of this version, past caches of an older one; in a checkout run: node tools/build-wasm.mjs",
    });
  }
  return compiled;
}
