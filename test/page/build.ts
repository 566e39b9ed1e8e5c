/** The WebAssembly builds as a page gets them from the server of the tests. */
import { browserWasmHost } from "../../ts/backend/wasm/host.browser.js";
import { wasmCandidates } from "../../ts/backend/wasm/wasm-candidate.js";
import type { Backend } from "../../ts/contract/backend.js";
import { addModelFiles } from "../../ts/contract/model-files.js";
import { browserStore } from "../../ts/hub/part-store.js";
import { findUrlModel } from "../../ts/hub/url-model.js";
import { withThreads } from "../contract/with-threads.js";

/** What this page can run: with threads where it is isolated. */
export const BUILD = globalThis.crossOriginIsolated ? "threads" : "single";

const host = browserWasmHost((path) => new URL(`/${path}`, location.href));
const candidates = wasmCandidates(async () => host);

export async function openBackend(): Promise<Backend> {
  const backend = await candidates.find(({ variant }) => variant === BUILD)?.open();
  if (backend === undefined) {
    throw new Error(`no candidate ${BUILD}`);
  }
  return BUILD === "threads" ? withThreads(backend) : backend;
}

/** The path of a model in a folder of the repository. */
export async function addModel(folder: string): Promise<string> {
  const { files } = await findUrlModel(new URL(`/${folder}/`, location.href), {}, browserStore);
  return addModelFiles(folder, { files, isExact: true });
}
