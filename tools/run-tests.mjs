/** Runs ctest, vitest and, where a Python with transformers is at hand, the live comparison; counts everything. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { whyNoWasm } from "./build-wasm.mjs";
import { firstOf } from "./prerequisites.mjs";
import { binCommand, readJson, root, run, StepError } from "./steps.mjs";

const reports = join(root, "build", "reports");

/** @returns {{ passed: number, failed: number }} */
function countJunit(path) {
  const suite = readFileSync(path, "utf8").match(/<testsuite\b[^>]*>/s)?.[0] ?? "";
  const attribute = (name) => Number(suite.match(new RegExp(`\\b${name}="(\\d+)"`))?.[1] ?? 0);
  const failed = attribute("failures") + attribute("errors");
  return { passed: attribute("tests") - failed - attribute("skipped") - attribute("disabled"), failed };
}

/** A runner that fails without naming a failed test (a crash, a missing report) counts as one failure. */
function withExitCode(counts, code) {
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

async function ctest(name = "cmake") {
  const report = join(reports, `ctest-${name}.xml`);
  rmSync(report, { force: true });
  const folder = join(root, "build", name);
  const command = ["ctest", "--test-dir", folder, "-C", "Release", "--parallel", String(availableParallelism())];
  const options = ["--output-on-failure", "--no-tests=error", "--output-junit", report];
  const { code } = await run([...command, ...options], { echo: true });
  return withExitCode(existsSync(report) ? countJunit(report) : { passed: 0, failed: 0 }, code);
}

/** The C++ tests that are built for WebAssembly, run by this Node. */
async function wasmTests(name) {
  const reason = whyNoWasm();
  if (reason === undefined) return ctest(name);
  process.stdout.write(`Not run, because WebAssembly cannot be built here: ${reason}\n`);
  return { passed: 0, failed: 0 };
}

async function vitest() {
  const report = join(reports, "vitest.json");
  rmSync(report, { force: true });
  const reporters = ["default", "json", "./tools/skip-reporter.mjs"].map((name) => `--reporter=${name}`);
  const command = binCommand("vitest", "vitest.mjs", "run", ...reporters, `--outputFile.json=${report}`);
  const { code } = await run(command, { echo: true });
  if (!existsSync(report)) return { passed: 0, failed: 1 };
  const { numPassedTests, numFailedTests } = readJson(report);
  return withExitCode({ passed: numPassedTests, failed: numFailedTests }, code);
}

/** Python of tools/oracle, or undefined. KSTT_ORACLE_PYTHON names one elsewhere. */
function oraclePython() {
  const windows = process.platform === "win32";
  const own = join(root, ".venv", windows ? "Scripts" : "bin", windows ? "python.exe" : "python");
  return firstOf(...[process.env.KSTT_ORACLE_PYTHON, own].filter((path) => path !== undefined));
}

async function liveComparison() {
  const script = join("tools", "oracle", "compare-live.py");
  const python = oraclePython();
  if (python === undefined) {
    process.stdout.write(
      "Live comparison with transformers: not run, because there is no Python environment for it " +
        "(.venv or KSTT_ORACLE_PYTHON; see tools/oracle/README.md). The stored reference results were compared.\n",
    );
    return { passed: 0, failed: 0 };
  }
  const { code } = await run([python, script, "--count", "2"], { echo: true });
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** Prints one line per runner, writes the sums to build/reports/summary.json, throws when a test failed. */
export async function runTests() {
  mkdirSync(reports, { recursive: true });
  const results = [];
  for (const [name, suite] of [
    ["C++ tests (ctest)", () => ctest()],
    ["C++ tests in WebAssembly", () => wasmTests("cmake-wasm")],
    ["C++ tests in WebAssembly with threads", () => wasmTests("cmake-wasm-threads")],
    ["TypeScript tests (vitest)", vitest],
    ["live comparison with transformers", liveComparison],
  ]) {
    process.stdout.write(`\n== ${name}\n`);
    results.push({ name, ...(await suite()) });
  }
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failed = results.reduce((sum, result) => sum + result.failed, 0);
  writeFileSync(join(reports, "summary.json"), `${JSON.stringify({ passed, failed, results })}\n`);
  process.stdout.write("\n");
  for (const result of results) {
    process.stdout.write(`${result.name}: ${result.passed} passed, ${result.failed} failed\n`);
  }
  if (failed > 0) throw new StepError(`Tests failed: ${failed}`);
}
