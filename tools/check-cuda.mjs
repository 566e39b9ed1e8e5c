#!/usr/bin/env node
/**
 * Compiles our CUDA sources for one architecture, warnings as errors, where nvcc is installed; says so where it is not.
 * Their results are checked without a GPU too: ctest runs the same sources in an emulation (docs/cuda.md).
 * Usage: node tools/check-cuda.mjs [ARCHITECTURE]     default: 90
 */
import { mkdirSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { versionOf } from "./prerequisites.mjs";
import { fail, root, run, StepError } from "./steps.mjs";

const folder = join(root, "build", "cuda-check");
const FLAGS = ["-std=c++17", "-O3", "-fmad=false", "--expt-relaxed-constexpr", "-Werror", "all-warnings"];

/** The flags of cmake/cuda.cmake; no ggml, no cmake: device code includes neither. */
async function compile(name, architecture) {
  const source = join(root, "cpp", "cuda", name);
  const target = join(folder, `${name}.o`);
  const includes = ["-I", join(root, "cpp")];
  const { code, output } = await run([
    "nvcc",
    `-arch=sm_${architecture}`,
    ...FLAGS,
    ...includes,
    "-c",
    source,
    "-o",
    target,
  ]);
  return code === 0 ? undefined : `${name}:\n${output.trim()}`;
}

async function main() {
  const architecture = process.argv[2] ?? "90";
  const version = versionOf("nvcc")?.match(/release ([\d.]+)/)?.[1];
  if (version === undefined) {
    process.stderr.write(
      "- CUDA sources: NOT COMPILED, nvcc is not installed here; the emulation's tests run all the same\n",
    );
    return;
  }
  mkdirSync(folder, { recursive: true });
  const waiting = readdirSync(join(root, "cpp", "cuda")).filter((name) => name.endsWith(".cu"));
  const count = waiting.length;
  const findings = [];
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const finding = await compile(name, architecture);
      if (finding !== undefined) findings.push(finding);
    }
  };
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, work));
  if (findings.length > 0) throw new StepError(findings.join("\n"));
  process.stderr.write(`- CUDA sources: ${count} files compiled for sm_${architecture} by nvcc ${version}\n`);
}

main().catch(fail);
