#!/usr/bin/env node
/**
 * Checks what no linter looks at: machine paths, registry hosts, leftover marks and over-long files in the tree, machine
 * paths in commit messages. Prints every finding.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fail, root, StepError } from "./steps.mjs";

// One responsibility rarely needs more.
const MAX_LINES = 400;
const CODE = /\.(ts|mjs|cjs|js|h|c|cpp|cu|cuh|py|sh|cmake)$|(^|\/)CMakeLists\.txt$/;
/** First line of a file that a tool writes: nobody reads it through, so that it may be long. */
const GENERATED = /^\/\*\* Made by tools\//;
const BINARY = /\.(wav|mp3|flac|ogg|opus|webm|m4a|aac|safetensors|bin|model|node|png)$/;

/** Absolute paths of one machine; a path below such a folder name inside the repository is none. */
const MACHINE_PATH = /(?<![\w.$}\-/])\/(?:work|root|tmp|home\/\w+|Users\/\w+)\//;
const MARKS = new RegExp(
  `\\b(?:${["TO" + "DO", "FIX" + "ME", "place" + "holder", "not imple" + "mented"].join("|")})\\b`,
);

function git(...args) {
  return execFileSync("git", ["-C", root, ...args], { encoding: "utf8", maxBuffer: 1 << 28 });
}

/** Hosts of the package registries this machine is set up with. The public npm registry is no secret. */
function registryHosts() {
  const urls = [process.env.npm_config_registry, process.env.PIP_INDEX_URL, process.env.PIP_EXTRA_INDEX_URL];
  for (const command of [
    ["npm", "config", "get", "registry"],
    ["pip", "config", "get", "global.index-url"],
  ]) {
    try {
      const options = { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], shell: process.platform === "win32" };
      urls.push(execFileSync(command[0], command.slice(1), options));
    } catch {
      // That tool is not here or not configured: it knows no host.
    }
  }
  return urls
    .map((url) => url?.match(/^\s*https?:\/\/(?:[^@/]*@)?([^/:\s]+)/)?.[1])
    .filter((host) => host !== undefined && !/^(registry\.npmjs\.org|pypi\.org|localhost)$/.test(host));
}

/** @returns {string[]} What is wrong with one file. */
export function findingsIn(path, text, hosts) {
  const findings = [];
  const lines = text.split("\n");
  if (CODE.test(path) && !GENERATED.test(text) && lines.length - 1 > MAX_LINES) {
    findings.push(`${path}: ${lines.length - 1} lines; at most ${MAX_LINES}`);
  }
  for (const [index, line] of lines.entries()) {
    const where = `${path}:${index + 1}`;
    if (MACHINE_PATH.test(line)) findings.push(`${where}: a path of one machine: ${line.trim().slice(0, 100)}`);
    if (hosts.some((host) => line.includes(host))) findings.push(`${where}: the host of a package registry`);
    if (CODE.test(path) && MARKS.test(line))
      findings.push(`${where}: an unfinished mark: ${line.trim().slice(0, 100)}`);
  }
  return findings;
}

function selfTest() {
  const planted = [
    ["a.ts", `const path = "${"/ro"}${"ot/x"}";`],
    ["a.md", `see ${"/wo"}${"rk/main"}`],
    ["a.json", "https://registry.example/x"],
    ["a.cpp", `// ${"TO"}${"DO"}: later`],
    ["a.ts", "x\n".repeat(MAX_LINES + 1)],
  ];
  for (const [path, text] of planted) {
    if (findingsIn(path, text, ["registry.example"]).length !== 1) {
      throw new StepError(`The tree check is broken: it does not see ${JSON.stringify(text.slice(0, 40))}`);
    }
  }
}

function main() {
  selfTest();
  const hosts = registryHosts();
  const paths = git("ls-files", "-z")
    .split("\0")
    .filter((path) => path !== "" && existsSync(join(root, path)));
  const findings = paths
    .filter((path) => !BINARY.test(path))
    .flatMap((path) => findingsIn(path, readFileSync(join(root, path), "utf8"), hosts));
  for (const line of git("log", "--format=%h %B").split("\n")) {
    if (MACHINE_PATH.test(line)) findings.push(`commit message: ${line}`);
  }
  if (findings.length > 0) throw new StepError(findings.join("\n"));
  process.stdout.write(`tree: ${paths.length} tracked files in order\n`);
}

try {
  main();
} catch (error) {
  fail(error);
}
