#!/usr/bin/env node
/**
 * Takes a checkout from any state to a working one, and runs what was asked for. Needs nothing but Node.
 *
 * Usage: node tools/setup.mjs [build|demo|test]
 *   (none), build  dependencies, ggml's source, the C++ core with the addon, the TypeScript part, and WebAssembly where
 *                  Emscripten is
 *   demo           the same without the C++ tests, then transcribes a recording with the embedded model
 *   test           the same, then every test this machine can run
 */
import { copyFileSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { buildNative } from "./build-native.mjs";
import { buildWasm, whyNoWasm } from "./build-wasm.mjs";
import { runDemo } from "./demo.mjs";
import { checkPrerequisites } from "./prerequisites.mjs";
import { runTests } from "./run-tests.mjs";
import { binCommand, fail, npmCommand, readJson, root, StepError, step } from "./steps.mjs";

/** True when node_modules holds, version by version, what the lock file names. */
function dependenciesAreCurrent() {
  const installed = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(installed)) return false;
  const found = readJson(installed).packages;
  const wanted = readJson(join(root, "package-lock.json")).packages;
  return Object.entries(wanted).every(
    ([path, entry]) => path === "" || entry.optional || entry.peer || found[path]?.version === entry.version,
  );
}

export async function installDependencies() {
  if (dependenciesAreCurrent()) return;
  await step("Installing the npm packages", "npm-ci", npmCommand("ci", "--no-audit", "--no-fund"));
}

/** Removes compiled files whose source is gone; the compiler leaves them. */
function dropStaleOutput(folder, sources) {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      dropStaleOutput(path, join(sources, entry.name));
    } else if (/\.(js|d\.ts)$/.test(entry.name) && !entry.name.startsWith("kstt-")) {
      const source = join(sources, entry.name.replace(/(\.d\.ts|\.js)$/, ".ts"));
      if (!existsSync(source)) rmSync(path);
    }
  }
}

export async function buildTypeScript() {
  const project = join(root, "tsconfig.build.json");
  await step("Compiling the TypeScript part", "tsc", binCommand("typescript", "bin/tsc", "-p", project));
  dropStaleOutput(join(root, "dist"), join(root, "ts"));
  copyWasm();
}

/** The WebAssembly core goes beside the code that starts it, where it has been built. */
function copyWasm() {
  const source = join(root, "build", "wasm");
  const target = join(root, "dist", "backend", "wasm", "core");
  const isCore = (name) => /^kstt-.*\.(wasm|mjs|js|cjs)$/.test(name);
  for (const name of existsSync(target) ? readdirSync(target).filter(isCore) : []) rmSync(join(target, name));
  for (const name of existsSync(source) ? readdirSync(source).filter(isCore) : []) {
    copyFileSync(join(source, name), join(target, name));
  }
}

/** WebAssembly where this machine can build it; nothing native needs it. */
async function buildWasmIfPossible(tests) {
  const reason = whyNoWasm();
  if (reason === undefined) return buildWasm(undefined, tests);
  process.stderr.write(`- WebAssembly is not built: ${reason}\n`);
}

/** The demo needs neither C++ tests, which would double the wait, nor WebAssembly. */
async function setUp(task) {
  checkPrerequisites();
  await installDependencies();
  await buildNative(task === "demo" ? "kstt_node" : undefined);
  if (task !== "demo") await buildWasmIfPossible(task === "test");
  await buildTypeScript();
}

async function main(task = "build") {
  if (!["build", "demo", "test"].includes(task)) {
    throw new StepError(`Unknown task "${task}". Usage: node tools/setup.mjs [build|demo|test]`);
  }
  await setUp(task);
  if (task === "demo") await runDemo();
  if (task === "test") await runTests();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  main(...process.argv.slice(2)).catch(fail);
}
