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
import { binCommand, fail, root, StepError, step } from "./steps.mjs";

const buildFolder = join(root, "build", "cmake");
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

export async function buildNative() {
  checkPrerequisites();
  if (!isFetched()) {
    process.stderr.write("- Fetching ggml's source (35 MB, checked against its hash) ... ");
    await fetchGgml().catch((error) => {
      throw new StepError(`failed\n${error.message}`);
    });
    process.stderr.write("done\n");
  }
  const windows = process.platform === "win32";
  const generator = windows ? undefined : versionOf("ninja") === undefined ? "Unix Makefiles" : "Ninja";
  dropForeignCache(generator);
  const first = !existsSync(join(nativeFolder, "kstt.node"));
  const title = first
    ? "Building the C++ core and the addon (some minutes the first time)"
    : "Bringing the C++ core up to date";
  await step(title, "native", isConfigured() ? buildCommand() : configureAndBuildCommand(generator));
}

function isConfigured() {
  return (
    existsSync(join(buildFolder, "CMakeCache.txt")) &&
    ["build.ninja", "Makefile", "ALL_BUILD.vcxproj"].some((file) => existsSync(join(buildFolder, file)))
  );
}

function configureAndBuildCommand(generator) {
  return binCommand(
    "cmake-js/bin/cmake-js",
    "build",
    "--out",
    buildFolder,
    ...(generator === undefined ? [] : ["--generator", generator]),
    "--parallel",
    String(availableParallelism()),
    `--CDKSTT_OUTPUT_DIR=${nativeFolder}`,
  );
}

/** cmake-js configures anew each time, which takes seconds; the build tool does that only when cmake's files changed. */
function buildCommand() {
  return ["cmake", "--build", buildFolder, "--config", "Release", "--parallel", String(availableParallelism())];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  buildNative().catch(fail);
}
