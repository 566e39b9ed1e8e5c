/** The WebAssembly builds as candidates: with threads, and without. */
import type { Backend, BackendCandidate } from "../../contract/backend.js";
import { SttError } from "../../contract/errors.js";
import { compileCore } from "./compile-core.js";
import { WasmBackend } from "./wasm-backend.js";
import type { WasmHost } from "./wasm-host.js";

/** In the order of trying. What has opened is kept: the compiled module serves all engines of the process. */
export function wasmCandidates(loadHost: () => Promise<WasmHost>): readonly BackendCandidate[] {
  return [
    { kind: "wasm", variant: "threads", open: keep(() => open(loadHost, true)) },
    { kind: "wasm", variant: "single", open: keep(() => open(loadHost, false)) },
  ];
}

function keep(make: () => Promise<Backend>): () => Promise<Backend> {
  let opened: Promise<Backend> | undefined;
  return () => {
    opened ??= make().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
}

async function open(loadHost: () => Promise<WasmHost>, threads: boolean): Promise<Backend> {
  const host = await loadHost();
  const { features } = host;
  if (!features.simd || !features.exceptions) {
    const lacks = features.simd ? "exceptions" : "SIMD";
    throw new SttError("ERR_BACKEND_UNAVAILABLE", `WebAssembly has no ${lacks} on this platform`, {
      remedy: "Use a current browser: Chrome or Edge 95, Firefox 100, Safari 16.4, or newer.",
    });
  }
  if (threads && !features.threads) {
    throw new SttError("ERR_BACKEND_UNAVAILABLE", features.noThreadsReason ?? "there are no threads", {
      remedy: "For threads in a browser, serve the page with COOP: same-origin and COEP: require-corp.",
    });
  }
  const backend = await compile(host, threads);
  if (threads) {
    await backend.prove();
  }
  return backend;
}

async function compile(host: WasmHost, threads: boolean): Promise<WasmBackend> {
  if (host.features.relaxedSimd) {
    try {
      const variant = { threads, relaxed: true };
      return new WasmBackend(host, variant, await compileCore(host, variant));
    } catch {
      // The relaxed build is an extra that a deployment may leave out, or forget to renew; what runs says so in `kernels`.
    }
  }
  const variant = { threads, relaxed: false };
  return new WasmBackend(host, variant, await compileCore(host, variant));
}
