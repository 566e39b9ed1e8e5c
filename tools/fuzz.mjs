#!/usr/bin/env node
/**
 * Fuzzes the readers of files (test/fuzz) with libFuzzer under AddressSanitizer and UndefinedBehaviorSanitizer, one
 * target after the other, and prints one JSON object per target: runs, runs per second, edges covered, findings.
 * New inputs gather in build/fuzz-corpus; an input that breaks something lies in build/fuzz-findings: fix the cause and
 * move it to test/fuzz/corpus. Needs clang-19 with libclang-rt-19-dev.
 *
 * Usage: npm run fuzz -- [--minutes N] [--targets NAME,...]   --minutes: for all targets together; 10 without it
 */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fetchGgml, isFetched } from "./fetch-ggml.mjs";
import { versionOf } from "./prerequisites.mjs";
import { fail, root, run, StepError, step } from "./steps.mjs";

const SUFFIX = "-fuzz.cpp";
/** Larger inputs only make it slow: what matters in these formats fits. */
const MAX_BYTES = 65_536;
/** No reader needs a second for an input of that size, but the machine may be busy. */
const TIMEOUT_SECONDS = 60;

const allTargets = () =>
  readdirSync(join(root, "test", "fuzz"))
    .filter((name) => name.endsWith(SUFFIX))
    .map((name) => name.slice(0, -SUFFIX.length));

function usage(message) {
  return new StepError(`${message}\nUsage: npm run fuzz -- [--minutes N] [--targets NAME,...]`);
}

function readOptions() {
  const options = { minutes: { type: "string" }, targets: { type: "string" } };
  let values;
  try {
    ({ values } = parseArgs({ options }));
  } catch (error) {
    throw usage(error.message);
  }
  const minutes = Number(values.minutes ?? 10);
  if (!(minutes > 0 && minutes <= 10_000)) throw usage("--minutes is a number above 0, at most 10000");
  const known = allTargets();
  const targets = values.targets?.split(",") ?? known;
  const unknown = targets.find((name) => !known.includes(name));
  if (unknown !== undefined) throw usage(`There is no target "${unknown}"; there are ${known.join(", ")}`);
  return { minutes, targets };
}

async function build() {
  for (const tool of ["clang++-19", "cmake", "ninja"]) {
    if (versionOf(tool) === undefined) {
      throw new StepError(`${tool} is missing (Debian: apt-get install clang-19 libclang-rt-19-dev cmake ninja-build)`);
    }
  }
  if (!isFetched()) await fetchGgml();
  await step("Configuring", "fuzz-configure", ["cmake", "--preset", "fuzz"]);
  await step("Building the fuzz targets", "fuzz-build", ["cmake", "--build", "--preset", "fuzz"]);
}

/** The last number after `label` that libFuzzer printed. */
function statistic(output, pattern) {
  const found = [...output.matchAll(pattern)].at(-1);
  return found === undefined ? undefined : Number(found[1]);
}

async function fuzz(target, seconds) {
  const seeds = join(root, "test", "fuzz", "corpus", target);
  const grown = join(root, "build", "fuzz-corpus", target);
  const findings = join(root, "build", "fuzz-findings", target);
  for (const folder of [grown, findings]) mkdirSync(folder, { recursive: true });
  const before = new Set(readdirSync(findings));
  const command = [
    join(root, "build", "fuzz", "bin", `${target}-fuzz`),
    grown,
    seeds,
    `-max_total_time=${Math.max(1, Math.round(seconds))}`,
    `-max_len=${MAX_BYTES}`,
    `-timeout=${TIMEOUT_SECONDS}`,
    "-print_final_stats=1",
    `-artifact_prefix=${findings}/`,
  ];
  const started = performance.now();
  const { code, output } = await run(command, { log: join(root, "build", "logs", `fuzz-${target}.log`) });
  const found = readdirSync(findings).filter((name) => !before.has(name));
  const result = {
    target,
    seconds: Math.round((performance.now() - started) / 1000),
    runs: statistic(output, /stat::number_of_executed_units:\s*(\d+)/g),
    runsPerSecond: statistic(output, /stat::average_exec_per_sec:\s*(\d+)/g),
    edges: statistic(output, /\bcov: (\d+)/g),
    features: statistic(output, /\bft: (\d+)/g),
    findings: found.map((name) => join("build", "fuzz-findings", target, name)),
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
  if (code !== 0) {
    const end = output.trim().split("\n").slice(-40).join("\n");
    throw new StepError(`${target}: ended with exit code ${code}; build/logs/fuzz-${target}.log\n${end}`);
  }
}

async function main() {
  const { minutes, targets } = readOptions();
  await build();
  const failures = [];
  for (const target of targets) {
    await fuzz(target, (minutes * 60) / targets.length).catch((error) => failures.push(error));
  }
  const unexplained = failures.find((error) => !(error instanceof StepError));
  if (unexplained !== undefined) throw unexplained;
  if (failures.length > 0) throw new StepError(failures.map((error) => error.message).join("\n\n"));
}

main().catch(fail);
