#!/usr/bin/env node
/**
 * Packs the package and uses it as a stranger would: what is inside, does it import as ESM, does the command start,
 * and is stderr empty. Needs dist/. The dependencies are those of the checkout; nothing is downloaded.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail, npmCommand, readJson, root, run, StepError } from "./steps.mjs";

// The embedded model may take 10 MB; everything else together is well below 3 MB.
const MAX_TARBALL_BYTES = 13e6;
const REQUIRED = [
  "package.json",
  "README.md",
  "LICENSE",
  "THIRD_PARTY_NOTICES.md",
  "dist/index.node.js",
  "dist/index.node.d.ts",
  "dist/index.browser.js",
  "dist/index.browser.d.ts",
  "dist/backend/wasm/core/worker.js",
  "dist/backend/wasm/core/worker.node.js",
  "dist/cli/main.js",
  "CMakeLists.txt",
  "cpp/include/kstt.h",
  "cpp/include/kstt-convert.h",
  "cpp/include/kstt-tokenizer.h",
  "tools/build-native.mjs",
  "tools/fetch-ggml.mjs",
];
const FORBIDDEN = /^(third_party|build|test|npm|\.)|(?<!\.d)\.ts$|\.node$|\.so$|\.tsbuildinfo$|\.py$/;

const folder = join(root, "build", "pack");

async function pack() {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "node_modules", "kyutai-stt"), { recursive: true });
  const packed = await run(npmCommand("pack", "--ignore-scripts", "--loglevel=error", "--pack-destination", folder));
  const name = readdirSync(folder).find((entry) => entry.endsWith(".tgz"));
  if (packed.code !== 0 || name === undefined) throw new StepError(`npm pack failed:\n${packed.output}`);
  const tarball = join(folder, name);
  const target = join(folder, "node_modules", "kyutai-stt");
  const unpacked = await run(["tar", "-xzf", tarball, "-C", target, "--strip-components=1"]);
  if (unpacked.code !== 0) throw new StepError(`tar failed:\n${unpacked.output}`);
  // A package of its own: otherwise "kyutai-stt" would mean the checkout, by self-reference.
  writeFileSync(join(folder, "package.json"), '{ "name": "smoke", "private": true, "type": "module" }\n');
  return { tarball, target };
}

function checkContents(tarball, target) {
  const files = readdirSync(target, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath ?? entry.path, entry.name)
        .slice(target.length + 1)
        .replaceAll("\\", "/"),
    );
  const missing = REQUIRED.filter((path) => !files.includes(path));
  if (missing.length > 0) throw new StepError(`Not in the package: ${missing.join(", ")}`);
  const stray = files.filter((path) => FORBIDDEN.test(path));
  if (stray.length > 0) throw new StepError(`Must not be in the package: ${stray.join(", ")}`);
  const { size } = statSync(tarball);
  if (size > MAX_TARBALL_BYTES) throw new StepError(`The package has ${size} bytes; at most ${MAX_TARBALL_BYTES}`);
  const { scripts } = readJson(join(target, "package.json"));
  const hooks = ["preinstall", "install", "postinstall", "prepare"].filter((name) => name in scripts);
  if (hooks.length > 0) throw new StepError(`The package has install scripts: ${hooks.join(", ")}`);
  return { count: files.length, size };
}

/** Every package that npm installs for a user is named in the notices, with its licence. */
function checkNotices() {
  const notices = readFileSync(join(root, "THIRD_PARTY_NOTICES.md"), "utf8");
  const unnamed = Object.entries(readJson(join(root, "package-lock.json")).packages)
    .filter(([path, entry]) => path !== "" && !entry.dev && !entry.optional && !entry.peer)
    .map(([path, entry]) => `| ${path.replace(/^.*node_modules\//, "")} | ${entry.license} |`)
    .filter((row) => !notices.includes(row));
  if (unnamed.length > 0) throw new StepError(`THIRD_PARTY_NOTICES.md lacks the rows:\n${unnamed.join("\n")}`);
}

/** Runs node in the consumer's folder; anything on stderr is a failure. */
async function expectQuiet(what, ...args) {
  const { code, output, stderr } = await run([process.execPath, ...args], { cwd: folder });
  if (code !== 0 || stderr !== "") throw new StepError(`${what}: exit code ${code}\n${output}`);
  return output;
}

async function main() {
  checkNotices();
  const { tarball, target } = await pack();
  const { count, size } = checkContents(tarball, target);
  const script = 'import * as all from "kyutai-stt"; console.log(Object.keys(all).join(" "));';
  const names = await expectQuiet("import as ESM", "--input-type=module", "--eval", script);
  if (!names.split(/\s/).includes("SpeechToText")) throw new StepError(`The package exports only: ${names}`);
  const { bin, version } = readJson(join(target, "package.json"));
  const found = await expectQuiet("command line", join(target, bin["kyutai-stt"]), "--version");
  if (found.trim() !== version) throw new StepError(`kyutai-stt --version says ${found.trim()}, expected ${version}`);
  process.stdout.write(`package: ${count} files, ${(size / 1e6).toFixed(2)} MB packed; imports and starts\n`);
}

main().catch(fail);
