/**
 * One measurement of bench/wasm.mjs in a process of its own. Prints JSON.
 * Usage: wasm-child.mjs native|wasm|relaxed MODEL SECONDS THREADS
 */
import { measureStreaming } from "./measure.mjs";
import { WasmCore } from "./wasm-core.mjs";

async function openNative(model, threads) {
  const { cpuCandidate } = await import("../dist/backend/native/native-candidate.js");
  const backend = await cpuCandidate.open();
  const engine = await backend.createEngine(model, { threads, slots: 1 });
  while (!(await engine.prefault(64 << 20)).finished);
  return { engine };
}

async function openWasm(model, threads, relaxed) {
  const core = await WasmCore.load({ threads, relaxed });
  const started = performance.now();
  const path = core.addModel(model);
  const read = performance.now();
  const engine = core.createEngine(path, threads);
  const times = { read_ms: Math.round(read - started), create_ms: Math.round(performance.now() - read) };
  return { engine, core, times };
}

async function main([where, model, seconds, threads]) {
  const open = where === "native" ? openNative : openWasm;
  const { engine, core, times } = await open(model, Number(threads), where === "relaxed");
  const { DEFAULT_SESSION } = await import("../dist/contract/session.js");
  const { info } = engine;
  const stages = await measureStreaming(engine, Number(seconds), DEFAULT_SESSION);
  const measured = Object.fromEntries(
    stages.map(([name, { ms_p50, ms_p95 }]) => [name.split("-")[1], { ms_p50, ms_p95 }]),
  );
  const memory = core === undefined ? {} : { wasm_memory_bytes: core.memoryBytes };
  const { kernels, weightType: weights, weightBytes: weight_bytes } = info;
  const fields = { where, threads: info.threads, kernels, weights, weight_bytes, ...times, ...memory, ...measured };
  process.stdout.write(`${JSON.stringify(fields)}\n`);
  // Workers of threads would keep the process alive.
  process.exit(0);
}

await main(process.argv.slice(2));
