/** The public surface of the package on Node: everything else is internal. */
import "./platform.node.js";
import { announceFallback } from "./backend/announce-fallback.js";
import { selectBackend } from "./backend/select.js";
import { wasmCandidates } from "./backend/wasm/wasm-candidate.js";
import type { BackendCandidate } from "./contract/backend.js";
import { warn } from "./model/logger.js";
import { setBackendOpener } from "./model/runtime.js";

// Loaded on demand: a program that only reads configurations needs no addon.
const candidates: readonly BackendCandidate[] = [
  { kind: "cuda", open: async () => (await import("./backend/native/native-candidate.js")).cudaCandidate.open() },
  { kind: "cpu", open: async () => (await import("./backend/native/native-candidate.js")).cpuCandidate.open() },
  ...wasmCandidates(async () => (await import("./backend/wasm/host.node.js")).nodeWasmHost),
];

const announce = announceFallback(warn);

setBackendOpener(async (preference) => {
  const selection = await selectBackend(preference, candidates);
  announce(preference, selection);
  return selection;
});

export {
  type ConvertOptions,
  type ConvertProgress,
  type ConvertResult,
  convertModel,
} from "./api/convert.js";
export {
  type CachedModel,
  type CachedRevision,
  type CacheOptions,
  type DownloadOptions,
  downloadModel,
  listCachedModels,
  removeCachedModel,
} from "./api/hub-models.node.js";
export { toNodeStream } from "./api/session-duplex.node.js";
export * from "./index.common.js";
