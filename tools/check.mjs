#!/usr/bin/env node
/**
 * Every static check of the project; all of them run, then the failures are shown together.
 *
 * Usage: node tools/check.mjs [--fix-format]   --fix-format: only rewrite the C++ sources with clang-format
 */
import { checkFormat, checkTidy } from "./check-cpp.mjs";
import { buildTypeScript, installDependencies } from "./setup.mjs";
import { binCommand, fail, StepError, step } from "./steps.mjs";

const node = (...args) => [process.execPath, ...args];

const CHECKS = [
  () => step("Types", "check-types", binCommand("typescript", "bin/tsc", "--noEmit")),
  () => step("Format and lint (biome)", "check-biome", binCommand("@biomejs/biome", "bin/biome", "check", ".")),
  () =>
    step(
      "TypeScript layers (dependency-cruiser)",
      "check-depcruise",
      binCommand("dependency-cruiser", "bin/dependency-cruise.mjs", "ts", "--config", ".dependency-cruiser.cjs"),
    ),
  () => step("Unused code and dependencies (knip)", "check-knip", binCommand("knip", "bin/knip.js")),
  () => step("C++ layers", "check-layers", node("tools/check-layers.mjs")),
  () => step("Layout of the C structs in WebAssembly", "check-layout", node("tools/wasm-layout.mjs", "--check")),
  () => step("Lock file", "check-lock", node("tools/complete-lock.mjs", "--check")),
  () => step("Paths, hosts, marks, lengths", "check-tree", node("tools/check-tree.mjs")),
  async () => {
    await buildTypeScript();
    await step("Reports of the public surface", "check-api-report", node("tools/api-report.mjs"));
    await step("Docstrings of all public symbols", "check-api-docs", node("tools/api-docs.mjs", "--check"));
    await step("Types of the examples", "check-examples", binCommand("typescript", "bin/tsc", "-p", "examples"));
    await step("Package manifest (publint)", "check-publint", binCommand("publint", "src/cli.js", "--strict"));
    await step("Packed package", "check-pack", node("tools/check-pack.mjs"));
  },
  () => checkFormat(),
  () => checkTidy(),
];

async function main(args) {
  if (args[0] === "--fix-format") return checkFormat(true);
  await installDependencies();
  const failures = [];
  for (const check of CHECKS) {
    try {
      await check();
    } catch (error) {
      failures.push(error instanceof StepError ? error.message : String(error?.stack ?? error));
    }
  }
  if (failures.length > 0) throw new StepError(`\n${failures.join("\n\n")}\n\nChecks failed: ${failures.length}`);
  process.stderr.write("All checks passed.\n");
}

main(process.argv.slice(2)).catch(fail);
