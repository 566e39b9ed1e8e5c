/** clang-format and clang-tidy over our own C++ sources, with the one version the project is formatted with. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { configureNative } from "./build-native.mjs";
import { versionOf } from "./prerequisites.mjs";
import { readJson, root, run, StepError } from "./steps.mjs";

const VERSION = 19;
const FOLDERS = ["cpp", "bindings", "test/cpp", "test/cuda", "test/fuzz", "bench"];

/** Name of the tool in the pinned version, or undefined. */
function findTool(name) {
  return [`${name}-${VERSION}`, name].find((command) =>
    new RegExp(`version ${VERSION}\\.`).test(versionOf(command) ?? ""),
  );
}

function sayNotRun(name) {
  process.stderr.write(
    `- ${name}: NOT RUN, version ${VERSION} is not installed here (Debian: apt-get install ${name}-${VERSION}); ` +
      "the checks in .ci/run install it\n",
  );
}

function sourceFiles() {
  return FOLDERS.filter((folder) => existsSync(join(root, folder))).flatMap((folder) =>
    readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile() && /\.(h|c|cpp|cu|cuh)$/.test(entry.name))
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name)),
  );
}

/** @param {boolean} fix Rewrite the files instead of reporting them. */
export async function checkFormat(fix = false) {
  const tool = findTool("clang-format");
  if (tool === undefined) return sayNotRun("clang-format");
  const mode = fix ? ["-i"] : ["--dry-run", "-Werror"];
  const { code, output } = await run([tool, "--style=file", ...mode, ...sourceFiles()]);
  if (code !== 0) {
    const files = [
      ...new Set([...output.matchAll(/^(\S+?):\d+:\d+: error/gm)].map((match) => relative(root, match[1]))),
    ];
    throw new StepError(`Not formatted: ${files.join(", ")}. Run: npm run format`);
  }
  process.stderr.write(`- clang-format: ${fix ? "written" : "in order"}\n`);
}

/**
 * One entry per file of ours: the kernels are compiled once per instruction set, the last one is the richest. The rules
 * are not made for device code (.cu).
 */
function ownCommands(database) {
  const entries = new Map();
  for (const entry of readJson(database)) {
    const path = relative(root, entry.file).replaceAll("\\", "/");
    if (FOLDERS.some((folder) => path.startsWith(`${folder}/`)) && !path.endsWith(".cu")) entries.set(path, entry);
  }
  return entries;
}

/** Everything the findings of a file can depend on within this repository. */
function fingerprint(entry, common) {
  return createHash("sha256").update(common).update(entry.command).update(readFileSync(entry.file)).digest("hex");
}

/** Files that were clean before and have not changed since, nor any of our headers, are not analysed again. */
export async function checkTidy() {
  const tool = findTool("clang-tidy");
  if (tool === undefined) return sayNotRun("clang-tidy");
  const entries = ownCommands(await configureNative());
  const folder = join(root, "build", "tidy");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "compile_commands.json"), JSON.stringify([...entries.values()]));

  const headers = sourceFiles().filter((path) => path.endsWith(".h"));
  const common = createHash("sha256").update(versionOf(tool));
  for (const path of [join(root, ".clang-tidy"), ...headers.sort()]) common.update(readFileSync(path));
  const commonDigest = common.digest("hex");
  const cachePath = join(folder, "clean.json");
  const clean = existsSync(cachePath) ? readJson(cachePath) : {};

  const waiting = [...entries].filter(([path, entry]) => clean[path] !== fingerprint(entry, commonDigest));
  process.stderr.write(`- clang-tidy: ${waiting.length} of ${entries.size} files to analyse\n`);
  const findings = [];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [path, entry] = next;
      const extra = ["--extra-arg=-Wno-unknown-warning-option", "--extra-arg=-Wno-unused-command-line-argument"];
      const { code, output } = await run([tool, "--quiet", "-p", folder, ...extra, entry.file]);
      if (code === 0) clean[path] = fingerprint(entry, commonDigest);
      else
        findings.push(
          output
            .replaceAll(`${root}/`, "")
            .replace(/^\d+ warnings? .*\n/gm, "")
            .trim(),
        );
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  writeFileSync(cachePath, JSON.stringify(clean));
  if (findings.length > 0) throw new StepError(findings.join("\n"));
}
