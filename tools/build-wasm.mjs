#!/usr/bin/env node
/**
 * Builds the WebAssembly modules from the same CMake tree with Debian's Emscripten 3.1.6 driving clang-19: objects in
 * build/cmake-wasm and build/cmake-wasm-threads, results in build/wasm (docs/wasm.md lists them).
 *
 * Usage: node tools/build-wasm.mjs [single|threads] [--tests]   --tests: the C++ tests too, for ctest --preset
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { fetchGgml } from "./fetch-ggml.mjs";
import { versionOf } from "./prerequisites.mjs";
import { fail, root, StepError, step } from "./steps.mjs";
import { linkRelaxed, linkRelaxedTest, withoutAddresses } from "./wasm-relaxed.mjs";

export const wasmFolder = join(root, "build", "wasm");

/** The one version that this build is made for: another names its files and options otherwise. */
const EMSCRIPTEN = "3.1.6";
/** Bytes of a compressed module. What there is takes up to 803,512; ggml's part is most of it. */
const BUDGET = 850_000;
/** The tests with relaxed SIMD are those of cmake/wasm.cmake. */
const VARIANTS = {
  single: {
    preset: "wasm",
    binary: "kstt-single",
    loaders: ["kstt-single"],
    relaxedTests: ["kernels-test", "packed-kernels-test", "parity-test"],
  },
  threads: {
    preset: "wasm-threads",
    binary: "kstt-threads",
    loaders: ["kstt-threads", "kstt-threads-node"],
    relaxedTests: ["parity-test"],
  },
};

function outputOf(command, ...args) {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return undefined;
  }
}

/** Why this machine cannot build WebAssembly, or undefined when it can. */
export function whyNoWasm() {
  const version = versionOf("emcc")?.match(/\) (\d+\.\d+\.\d+)/)?.[1];
  const missing = [];
  if (version === undefined) missing.push("emscripten");
  if (versionOf("ninja") === undefined) missing.push("ninja-build");
  for (const [tool, name] of [
    ["clang-19", "clang-19"],
    ["wasm-ld-19", "lld-19"],
    ["llvm-config-19", "llvm-19"],
  ]) {
    if (versionOf(tool) === undefined) missing.push(name);
  }
  if (missing.length > 0) return `missing ${missing.join(", ")}; on Debian 12: apt-get install ${missing.join(" ")}`;
  if (version !== EMSCRIPTEN) return `Emscripten is ${version}, the build is made for ${EMSCRIPTEN} (docs/wasm.md)`;
  return undefined;
}

/** The environment in which Emscripten takes clang-19 instead of its own, older clang. */
function environment() {
  const folder = dirname(realpathSync(outputOf("which", "emcc") ?? "emcc"));
  const config = join(root, "build", "emscripten.config");
  const settings = {
    EMSCRIPTEN_ROOT: folder,
    LLVM_ROOT: outputOf("llvm-config-19", "--bindir"),
    BINARYEN_ROOT: dirname(dirname(outputOf("which", "wasm-opt") ?? "/usr/bin/wasm-opt")),
    NODE_JS: process.execPath,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${JSON.stringify(value)}`);
  mkdirSync(dirname(config), { recursive: true });
  const text = `${lines.join("\n")}\nFROZEN_CACHE = True\n`;
  // Left alone if nothing changed: Emscripten checks itself again whenever this file is newer than its notes.
  if (!existsSync(config) || readFileSync(config, "utf8") !== text) writeFileSync(config, text);
  // Debian's Node modules, for Emscripten's scripts run by a Node that is not Debian's.
  return { ...process.env, EMSCRIPTEN: folder, EM_CONFIG: config, NODE_PATH: "/usr/share/nodejs" };
}

/** Copies a loader; a worker for Node is CommonJS, whatever the package around it is. */
function copyLoader(from, name) {
  const isNode = name.endsWith("-node");
  const [old, now] = [`${name}.worker.js`, `${name}.worker.${isNode ? "cjs" : "js"}`];
  const binary = `${name.replace("-node", "")}.wasm`;
  const loader = withoutAddresses(readFileSync(join(from, `${name}.mjs`), "utf8"));
  writeFileSync(join(wasmFolder, `${name}.mjs`), loader.replaceAll(old, now).replaceAll(`${name}.wasm`, binary));
  if (existsSync(join(from, old))) copyFileSync(join(from, old), join(wasmFolder, now));
}

async function buildVariant({ preset, binary, loaders, relaxedTests }, env, tests) {
  const cmake = join(root, "build", `cmake-${preset}`);
  if (!existsSync(join(cmake, "build.ninja"))) {
    await step(`Configuring WebAssembly (${preset})`, `${preset}-configure`, ["cmake", "--preset", preset], { env });
  }
  const targets = tests ? [] : ["--target", ...loaders];
  await step(
    `Building WebAssembly (${preset})`,
    preset,
    ["cmake", "--build", cmake, "--parallel", String(availableParallelism()), ...targets],
    { env },
  );
  const from = join(cmake, "bin");
  mkdirSync(wasmFolder, { recursive: true });
  const stripped = loaders.map((name) => strip(join(from, `${name}.wasm`)));
  if (stripped.some((bytes) => !bytes.equals(stripped[0]))) {
    throw new StepError(`the loaders ${loaders.join(" and ")} got different modules; one must serve both`);
  }
  for (const name of loaders) copyLoader(from, name);
  writeModule(`${binary}.wasm`, stripped[0]);
  writeModule(`${binary}-relaxed.wasm`, strip(linkRelaxed(cmake, binary, env)));
  for (const test of tests ? relaxedTests : []) linkRelaxedTest(cmake, test, env);
}

/** A module without names of functions, which are a fifth of it. */
function strip(path) {
  const stripped = `${path}.stripped`;
  execFileSync(join(outputOf("llvm-config-19", "--bindir"), "llvm-strip"), ["--strip-all", "-o", stripped, path]);
  return readFileSync(stripped);
}

/** Puts a module into build/wasm if what a browser fetches of it stays within the budget. */
function writeModule(name, bytes) {
  const compressed = gzipSync(bytes, { level: 9 }).length;
  if (compressed > BUDGET) {
    throw new StepError(`${name} has ${compressed} bytes compressed (gzip -9), the budget is ${BUDGET}`);
  }
  writeFileSync(join(wasmFolder, name), bytes);
}

/** @param {string[]} [names] Of VARIANTS. @param {boolean} [tests] Build the C++ tests too. */
export async function buildWasm(names = Object.keys(VARIANTS), tests = false) {
  const reason = whyNoWasm();
  if (reason !== undefined) throw new StepError(`WebAssembly cannot be built here: ${reason}`);
  await fetchGgml();
  const env = environment();
  for (const name of names) await buildVariant(VARIANTS[name], env, tests);
}

function main(args) {
  const tests = args.includes("--tests");
  const names = args.filter((argument) => argument !== "--tests");
  const unknown = names.find((name) => !(name in VARIANTS));
  if (unknown !== undefined) throw new StepError(`Unknown variant "${unknown}"; there are single and threads`);
  return buildWasm(names.length > 0 ? names : undefined, tests);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  Promise.resolve()
    .then(() => main(process.argv.slice(2)))
    .catch(fail);
}
