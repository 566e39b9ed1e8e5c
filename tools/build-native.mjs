#!/usr/bin/env node
/**
 * Builds the addon, its libraries and the C++ tests with cmake-js: objects in build/cmake, results in build/native.
 * CMake decides what is out of date. Usage: node tools/build-native.mjs
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { fetchGgml, isFetched } from "./fetch-ggml.mjs";
import { checkPrerequisites, versionOf } from "./prerequisites.mjs";
import { binCommand, fail, packageFolder, readJson, root, StepError, step } from "./steps.mjs";

const buildFolder = join(root, "build", "cmake");
const BUILD_PACKAGES = ["cmake-js", "node-addon-api", "node-api-headers"];
export const nativeFolder = join(root, "build", "native");

/** A build folder of another generator or another checkout cannot be reused; cmake would only refuse. */
function dropForeignCache(generator) {
  const cache = join(buildFolder, "CMakeCache.txt");
  if (!existsSync(cache)) return;
  const text = readFileSync(cache, "utf8");
  const home = text.match(/^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m)?.[1];
  const used = text.match(/^CMAKE_GENERATOR:INTERNAL=(.*)$/m)?.[1];
  if (home !== root.replaceAll("\\", "/") || (generator !== undefined && used !== generator)) {
    rmSync(buildFolder, { recursive: true, force: true });
  }
}

/** In a checkout npm ci brings these; beside an installed package the user does. */
function checkBuildPackages() {
  const missing = BUILD_PACKAGES.filter((name) => packageFolder(name) === undefined);
  if (missing.length > 0) {
    const versions = readJson(join(root, "package.json")).devDependencies;
    const list = missing.map((name) => `${name}@${versions[name]}`).join(" ");
    throw new StepError(`npm packages for the build are missing. Run: npm install --no-save ${list}`);
  }
}

/** Checks the machine, fetches ggml, and returns the generator to use (undefined: cmake's own choice). */
async function prepare() {
  checkPrerequisites();
  checkBuildPackages();
  if (!isFetched()) {
    process.stderr.write("- Fetching ggml's source (35 MB, checked against its hash) ... ");
    await fetchGgml().catch((error) => {
      throw new StepError(`failed\n${error.message}`);
    });
    process.stderr.write("done\n");
  }
  const generator =
    process.platform === "win32" ? undefined : versionOf("ninja") === undefined ? "Unix Makefiles" : "Ninja";
  dropForeignCache(generator);
  return generator;
}

function isConfigured() {
  return (
    existsSync(join(buildFolder, "CMakeCache.txt")) &&
    ["build.ninja", "Makefile", "ALL_BUILD.vcxproj"].some((file) => existsSync(join(buildFolder, file)))
  );
}

function cmakeJs(task, generator) {
  return binCommand(
    "cmake-js",
    "bin/cmake-js",
    task,
    "--out",
    buildFolder,
    ...(generator === undefined ? [] : ["--generator", generator]),
    "--parallel",
    String(availableParallelism()),
    `--CDKSTT_OUTPUT_DIR=${nativeFolder}`,
  );
}

/** @param {string} [target] Build this cmake target and what it needs; default: everything, C++ tests too. */
export async function buildNative(target) {
  const generator = await prepare();
  const title = existsSync(join(nativeFolder, "kstt.node"))
    ? "Bringing the C++ core up to date"
    : "Building the C++ core and the addon (some minutes the first time)";
  // cmake-js configures anew each time, which takes seconds; the build tool does that only when cmake's files changed.
  const rebuild = [
    "cmake",
    "--build",
    buildFolder,
    "--config",
    "Release",
    "--parallel",
    String(availableParallelism()),
  ];
  const only = target === undefined ? [] : ["--target", target];
  await step(title, "native", [...(isConfigured() ? rebuild : cmakeJs("build", generator)), ...only]);
}

/** Writes build/cmake/compile_commands.json without building. */
export async function configureNative() {
  const generator = await prepare();
  await step("Configuring the C++ core", "configure", cmakeJs("configure", generator));
  return join(buildFolder, "compile_commands.json");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  buildNative().catch(fail);
}
