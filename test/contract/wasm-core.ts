/** The WebAssembly core that these tests run, where there is one. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "vitest";
import { nodeWasmHost } from "../../ts/backend/wasm/host.node.js";
import { wasmCandidates } from "../../ts/backend/wasm/wasm-candidate.js";
import type { Backend } from "../../ts/contract/backend.js";

export type WasmBuild = "single" | "threads";

/** Why the tests of a build cannot run; undefined: they can. */
function missing(build: WasmBuild): string | undefined {
  const core = fileURLToPath(new URL(`../../build/wasm/kstt-${build}.wasm`, import.meta.url));
  return existsSync(core)
    ? undefined
    : `there is no build/wasm/kstt-${build}.wasm; it takes Emscripten and "node tools/build-wasm.mjs"`;
}

/** Runs `define` for each build that is there; a test that is skipped says why for each that is not. */
export function withWasmBuilds(define: (build: WasmBuild) => void): void {
  for (const build of ["single", "threads"] as const) {
    const reason = missing(build);
    if (reason === undefined) {
      define(build);
    } else {
      test(`wasm, ${build}`, (context) => context.skip(reason));
    }
  }
}

const candidates = wasmCandidates(async () => nodeWasmHost);

export async function openWasm(build: WasmBuild): Promise<Backend> {
  const candidate = candidates.find(({ variant }) => variant === build);
  if (candidate === undefined) {
    throw new Error(`no candidate ${build}`);
  }
  return candidate.open();
}
