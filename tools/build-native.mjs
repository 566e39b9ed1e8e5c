#!/usr/bin/env node
/**
 * Builds the addon, its libraries and the C++ tests with cmake-js: objects in build/cmake, results in build/native; with
 * --cuda the addon for NVIDIA GPUs, in build/cmake-cuda and build/native-cuda. CMake decides what is out of date.
 * Usage: node tools/build-native.mjs [--cuda [--arch 90]]
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { fetchGgml, isFetched } from "./fetch-ggml.mjs";
import { checkPrerequisites, versionOf } from "./prerequisites.mjs";
import { binCommand, fail, packageFolder, readJson, root, StepError, step } from "./steps.mjs";

const BUILD_PACKAGES = ["cmake-js", "node-addon-api", "node-api-headers"];
export const nativeFolder = join(root, "build", "native");

/** The builds, each in folders of its own: no object is ever shared between the two addons. */
const CPU = {
  folder: join(root, "build", "cmake"),
  output: nativeFolder,
  title: "C++ core and the addon",
  options: [],
};

/** All architectures of the cuda preset, or one. */
function cudaBuild(arch) {
  const architectures = arch === undefined ? "80-real;86-real;89-real;90-real;120" : `${arch}-real`;
  return {
    folder: join(root, "build", "cmake-cuda"),
    output: join(root, "build", "native-cuda"),
    title: "CUDA core and its addon",
    options: ["--CDKSTT_CUDA=ON", `--CDCMAKE_CUDA_ARCHITECTURES=${architectures}`],
  };
}

/** A build folder of another generator or another checkout cannot be reused; cmake would only refuse. */
function dropForeignCache(folder, generator) {
  const cache = join(folder, "CMakeCache.txt");
  if (!existsSync(cache)) return;
  const text = readFileSync(cache, "utf8");
  const home = text.match(/^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m)?.[1];
  const used = text.match(/^CMAKE_GENERATOR:INTERNAL=(.*)$/m)?.[1];
  if (home !== root.replaceAll("\\", "/") || (generator !== undefined && used !== generator)) {
    rmSync(folder, { recursive: true, force: true });
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
async function prepare(folder) {
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
  dropForeignCache(folder, generator);
  return generator;
}

function isConfigured(folder) {
  return (
    existsSync(join(folder, "CMakeCache.txt")) &&
    ["build.ninja", "Makefile", "ALL_BUILD.vcxproj"].some((file) => existsSync(join(folder, file)))
  );
}

function cmakeJs(task, build, generator) {
  return binCommand(
    "cmake-js",
    "bin/cmake-js",
    task,
    "--out",
    build.folder,
    ...(generator === undefined ? [] : ["--generator", generator]),
    "--parallel",
    String(availableParallelism()),
    `--CDKSTT_OUTPUT_DIR=${build.output}`,
    ...build.options,
  );
}

/** @param {string} [target] Build this cmake target and what it needs; default: everything, C++ tests too. */
export async function buildNative(target, build = CPU) {
  const generator = await prepare(build.folder);
  const title = existsSync(join(build.output, "kstt.node"))
    ? `Bringing the ${build.title} up to date`
    : `Building the ${build.title} (some minutes the first time)`;
  // cmake-js configures anew each time, which takes seconds; the build tool does that only when cmake's files changed.
  const rebuild = [
    "cmake",
    "--build",
    build.folder,
    "--config",
    "Release",
    "--parallel",
    String(availableParallelism()),
  ];
  const only = target === undefined ? [] : ["--target", target];
  await step(title, "native", [
    ...(isConfigured(build.folder) ? rebuild : cmakeJs("build", build, generator)),
    ...only,
  ]);
}

/** Writes build/cmake/compile_commands.json without building. */
export async function configureNative() {
  const generator = await prepare(CPU.folder);
  await step("Configuring the C++ core", "configure", cmakeJs("configure", CPU, generator));
  return join(CPU.folder, "compile_commands.json");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { values } = parseArgs({ options: { cuda: { type: "boolean" }, arch: { type: "string" } } });
  buildNative(undefined, values.cuda ? cudaBuild(values.arch) : CPU).catch(fail);
}
