/**
 * One measurement of bench/formats.mjs in a process of its own, so that its peak memory is its own. Prints JSON.
 * Usage: formats-child.mjs convert SOURCE TARGET DTYPE | load MODEL SECONDS THREADS
 */
import { measureStreaming } from "./measure.mjs";

/** maxRSS counts kilobytes; mapped files are in it as far as they were touched. */
function peakBytes() {
  return process.resourceUsage().maxRSS * 1024;
}

async function convert(source, target, dtype) {
  const { convertModel } = await import("../dist/index.node.js");
  const { bytes, seconds, tensors } = await convertModel(source, target, { dtype });
  const { user, system } = process.cpuUsage();
  return {
    bytes,
    tensors: tensors.length,
    seconds: round(seconds),
    cpu_seconds: round((user + system) / 1e6),
    peak_rss_bytes: peakBytes(),
  };
}

async function load(model, seconds, threads) {
  const { cpuCandidate } = await import("../dist/backend/native/native-candidate.js");
  const backend = await cpuCandidate.open();
  const before = peakBytes();
  const started = performance.now();
  const engine = await backend.createEngine(model, { threads: Number(threads), slots: 1 });
  const created = performance.now();
  while (!(await engine.prefault(64 << 20)).finished);
  const ready = performance.now();
  const { weightBytes, copiedBytes, stateBytes, weightType, kernels } = engine.info;
  const result = {
    create_ms: round(created - started),
    prefault_ms: round(ready - created),
    weight_type: weightType,
    weight_bytes: weightBytes,
    copied_bytes: copiedBytes,
    state_bytes: stateBytes,
    threads: engine.info.threads,
    kernels,
    rss_before_bytes: before,
  };
  if (Number(seconds) > 0) {
    const { DEFAULT_SESSION } = await import("../dist/contract/session.js");
    const stages = Object.fromEntries(await measureStreaming(engine, Number(seconds), DEFAULT_SESSION));
    const total = stages["streaming-total"];
    result.frames_per_s = total.frames_per_s;
    result.ms_p50 = total.ms_p50;
    result.ms_p95 = total.ms_p95;
    result.decoder_frames_per_s = stages["streaming-decoder"].frames_per_s;
    result.weight_gb_per_s = total.weight_gb_per_s;
  }
  await engine.dispose();
  return { ...result, peak_rss_bytes: peakBytes() };
}

function round(value) {
  return Number(value.toFixed(2));
}

const [what, ...parameters] = process.argv.slice(2);
process.stdout.write(`${JSON.stringify(await (what === "convert" ? convert : load)(...parameters))}\n`);
