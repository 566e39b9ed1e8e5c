/** The WebAssembly builds as a page gets them from the server of the tests. */
import { expect } from "vitest";
import { compileCore } from "../../ts/backend/wasm/compile-core.js";
import { browserWasmHost } from "../../ts/backend/wasm/host.browser.js";
import { WasmBackend } from "../../ts/backend/wasm/wasm-backend.js";
import type { Backend } from "../../ts/contract/backend.js";
import { addModelFiles } from "../../ts/contract/model-files.js";
import { browserStore } from "../../ts/hub/part-store.js";
import { findUrlModel } from "../../ts/hub/url-model.js";
import type { Vocabulary } from "../contract/tokenizer-suite.js";
import { withThreads } from "../contract/with-threads.js";

/** Where the server of the tests has the package as it was built (vitest.config.ts). */
export const PACKAGE = "/package/";

export type Kernels = "relaxed" | "simd128";

/** Matches what an engine says of its kernels. */
export function named(kernels: Kernels): unknown {
  return expect.stringMatching(new RegExp(`^${kernels}\\b`));
}

const host = browserWasmHost((path) => new URL(`${PACKAGE}${path}`, location.href));

/** What this page can run: threads where it is isolated. */
export const THREADS = globalThis.crossOriginIsolated ? 2 : 1;

/** What the package takes by itself. */
export const BEST_KERNELS: Kernels = host.features.relaxedSimd ? "relaxed" : "simd128";

/** One build and no other: the engine reports its kernels. */
export async function openBackend(kernels: Kernels): Promise<Backend> {
  const variant = { threads: THREADS > 1, relaxed: kernels === "relaxed" };
  const backend = new WasmBackend(host, variant, await compileCore(host, variant));
  return variant.threads ? withThreads(backend) : backend;
}

/** The path of a model in a folder of the repository. */
export async function addModel(folder: string): Promise<string> {
  const { files } = await findUrlModel(new URL(`/${folder}/`, location.href), {}, browserStore);
  return addModelFiles(folder, { files, isExact: true });
}

/** A vocabulary of the repository, in memory under a path. */
export async function addVocabulary(file: string): Promise<Vocabulary> {
  const response = await fetch(new URL(`/${file}`, location.href));
  expect(response.ok, file).toBe(true);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const [name, size] = [file.slice(file.lastIndexOf("/") + 1), bytes.length];
  const read = async (start: number, end: number): Promise<Uint8Array> => bytes.slice(start, end);
  const stream = async function* () {
    yield bytes.slice();
  };
  const folder = addModelFiles("vocabulary", { files: [{ name, size, read, stream }], isExact: true });
  return { path: `${folder}/${name}`, bytes, missing: `${folder}/nothing.model` };
}
