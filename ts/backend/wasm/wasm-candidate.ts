/** The WebAssembly candidate of builds without a WebAssembly core: it says so. */
import type { BackendCandidate } from "../../contract/backend.js";
import { SttError } from "../../contract/errors.js";

export const wasmCandidate: BackendCandidate = {
  kind: "wasm",
  async open() {
    throw new SttError("ERR_BACKEND_UNAVAILABLE", "this build contains no WASM core");
  },
};
