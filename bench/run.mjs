#!/usr/bin/env node
/**
 * Measures one model on this machine and prints one JSON object per line; bench/README.md explains the fields.
 * Usage: npm run bench -- [--model DIR] [--threads N] [--seconds S]
 */
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { root, StepError } from "../tools/steps.mjs";
import { measureFile, measureGeneration, measureResampler, measureStreaming } from "./measure.mjs";

function usage(message) {
  return new StepError(`${message}\nUsage: npm run bench -- [--model DIR] [--threads N] [--seconds S]`);
}

function readOptions() {
  const options = { model: { type: "string" }, threads: { type: "string" }, seconds: { type: "string" } };
  let values;
  try {
    ({ values } = parseArgs({ options }));
  } catch (error) {
    throw usage(error.message);
  }
  const threads = Number(values.threads ?? 0);
  const seconds = Number(values.seconds ?? 30);
  if (!Number.isInteger(threads) || threads < 0 || threads > 256) throw usage("--threads is a whole number up to 256");
  if (!(seconds >= 1 && seconds <= 3600)) throw usage("--seconds is the length of the audio, 1 to 3600");
  return { model: resolve(values.model ?? join(root, "models", "digits-en")), threads, seconds };
}

function print(stage, fields) {
  process.stdout.write(`${JSON.stringify({ stage, ...fields })}\n`);
}

function gitCommit() {
  try {
    return execFileSync("git", ["-C", root, "describe", "--always", "--dirty"], { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}

/** Read bandwidth of this many threads, in 1e9 bytes per second. */
function memoryBandwidth(threads) {
  const suffix = process.platform === "win32" ? ".exe" : "";
  const probe = join(root, "build", "native", `kstt_bandwidth${suffix}`);
  try {
    return JSON.parse(execFileSync(probe, [String(threads)], { encoding: "utf8" }));
  } catch (error) {
    throw new StepError(`The bandwidth probe did not run (${error.message.split("\n")[0]}). Run: npm run build`);
  }
}

async function openBackend() {
  try {
    const { cpuCandidate } = await import("../dist/backend/native/native-candidate.js");
    return await cpuCandidate.open();
  } catch (error) {
    throw new StepError(`The addon does not load: ${error.message}\nRun: npm run build`);
  }
}

async function main() {
  const { model, threads, seconds } = readOptions();
  const backend = await openBackend();

  const started = performance.now();
  const engine = await backend.createEngine(model, { threads, slots: 1 });
  const created = performance.now();
  while (!(await engine.prefault(64 << 20)).finished);
  const resident = performance.now();

  const { DEFAULT_SESSION } = await import("../dist/contract/session.js");
  const { info } = engine;
  const bandwidth = memoryBandwidth(info.threads);
  print("environment", {
    commit: gitCommit(),
    node: process.version,
    cpu: cpus()[0]?.model,
    cpus: cpus().length,
    backend: backend.kind,
    device: info.device,
    kernels: info.kernels,
    threads: info.threads,
    model: relative(root, model).startsWith("..") ? model.split(/[\\/]/).at(-1) : relative(root, model),
    weight_type: info.weightType,
    weight_bytes: info.weightBytes,
    copied_bytes: info.copiedBytes,
    state_bytes: info.stateBytes,
    audio_seconds: seconds,
  });
  print("memory", bandwidth);
  print("load", { create_ms: round(created - started), prefault_ms: round(resident - created) });

  print("resampler", await measureResampler(backend, info, seconds));
  for (const [stage, fields] of await measureStreaming(engine, seconds, DEFAULT_SESSION)) print(stage, fields);
  for (const [stage, fields] of await measureFile(engine, seconds, DEFAULT_SESSION)) print(stage, fields);
  for (const [stage, fields] of await measureGeneration(engine, seconds)) print(stage, fields);

  const after = memoryBandwidth(info.threads);
  print("memory-after", after);
  await engine.dispose();
  // maxRSS counts kilobytes; mapped weights are in it.
  print("process", { peak_rss_bytes: process.resourceUsage().maxRSS * 1024 });
}

function round(value) {
  return Number(value.toFixed(2));
}

main().catch((error) => {
  process.stderr.write(`${error instanceof StepError ? error.message : error.stack}\n`);
  process.exit(1);
});
