#!/usr/bin/env node
/**
 * Brings the pinned ggml source into third_party/llama.cpp (git-ignored): ggml/, vendor/nlohmann/, LICENSE.
 *
 * The source travels inside a registry package as a git bundle. Everything is checked before it is used: the
 * package's sha512, the bundle's sha256, and the commit at its head. A second run finds the stamp and does nothing.
 *
 * Usage: node tools/fetch-ggml.mjs [--tarball FILE]   FILE: the package, fetched elsewhere (same checks)
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";

const execute = promisify(execFile);

const SOURCE = {
  name: "node-llama-cpp@3.22.1",
  integrity: "sha512-bltIipuWmc123H7tMIgDGKSsSrhmhlQYeVUC48XTjVW7XGJJiJJyCdlTMzQ/LiWoPkGDpcL4FviDpgw7qfTiDw==",
  bundle: "package/llama/gitRelease.bundle",
  bundleSha256: "5f5d1105d5df040738d87b8290e5d17e7362131cdcfdb0831618e0ea528b4a51",
  // llama.cpp v0.5.0 with ggml 0.25.1
  commit: "de3ff815ea7d559ee917f063901b8986f038abc6",
  paths: ["ggml", "LICENSE", "vendor/nlohmann"],
};

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const parent = join(root, "third_party");
const target = join(parent, "llama.cpp");
const stampPath = join(target, ".fetched");
const stamp = `${SOURCE.commit} ${SOURCE.paths.join(" ")}\n`;

class FetchError extends Error {}

// Inside a git hook GIT_DIR would point our git commands at the wrong repository.
const cleanEnvironment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_")));

/** True when the folder holds exactly the pinned source. The stamp is written last, so a cut run has none. */
export function isFetched() {
  return existsSync(stampPath) && readFileSync(stampPath, "utf8") === stamp;
}

/** Returns the folder of the source; does nothing when it is there already. */
export async function fetchGgml({ tarball } = {}) {
  if (isFetched()) return target;
  mkdirSync(parent, { recursive: true });
  const work = mkdtempSync(join(parent, ".fetch-"));
  try {
    const file = tarball ?? (await download(work));
    await expectHash(file, "sha512", "base64", SOURCE.integrity.slice("sha512-".length), SOURCE.name);
    await command("tar", ["-xzf", file, "-C", work, SOURCE.bundle]);
    const bundle = join(work, SOURCE.bundle);
    await expectHash(bundle, "sha256", "hex", SOURCE.bundleSha256, SOURCE.bundle);

    const repository = join(work, "bundle.git");
    await command("git", ["clone", "--quiet", "--bare", bundle, repository]);
    const head = (await command("git", ["-C", repository, "rev-parse", "HEAD"])).trim();
    if (head !== SOURCE.commit) {
      throw new FetchError(`The ggml bundle is at commit ${head}, expected ${SOURCE.commit}. It was not used.`);
    }
    const archive = join(work, "source.tar");
    const source = join(work, "source");
    mkdirSync(source);
    await command("git", ["-C", repository, "archive", "--format=tar", "-o", archive, SOURCE.commit, ...SOURCE.paths]);
    await command("tar", ["-xf", archive, "-C", source]);
    writeFileSync(join(source, ".fetched"), stamp);
    publish(source, work);
    return target;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Puts the finished folder in place; another process that was faster is as good. */
function publish(source, work) {
  if (existsSync(target)) {
    if (isFetched()) return;
    renameSync(target, join(work, "stale"));
  }
  try {
    renameSync(source, target);
  } catch (error) {
    if (!isFetched()) throw error;
  }
}

async function download(folder) {
  const args = ["pack", SOURCE.name, "--ignore-scripts", "--loglevel=error", "--pack-destination", folder];
  const script = process.env.npm_execpath;
  const npm = script?.endsWith(".js") ? [process.execPath, script] : ["npm"];
  const failures = [];
  for (const mode of ["--prefer-offline", "--offline"]) {
    try {
      const { stdout } = await execute(npm[0], [...npm.slice(1), ...args, mode], {
        shell: process.platform === "win32" && npm.length === 1,
      });
      return join(folder, stdout.trim().split("\n").at(-1));
    } catch (error) {
      failures.push(`npm pack ${mode}: ${firstLine(error)}`);
    }
  }
  throw new FetchError(
    [
      `Could not get ${SOURCE.name}, the package that carries ggml's source:`,
      ...failures.map((failure) => `  ${failure}`),
      "Check that npm reaches its registry (npm ping), or fetch the package on another machine with",
      `  npm pack ${SOURCE.name} --ignore-scripts`,
      "and run: node tools/fetch-ggml.mjs --tarball FILE",
    ].join("\n"),
  );
}

async function expectHash(file, algorithm, encoding, expected, what) {
  const hash = createHash(algorithm);
  try {
    for await (const chunk of createReadStream(file)) hash.update(chunk);
  } catch (error) {
    throw new FetchError(`${what}: cannot read ${file}: ${error.message}`);
  }
  const found = hash.digest(encoding);
  if (found !== expected) {
    throw new FetchError(
      `${what}: ${algorithm} is ${found}, expected ${expected}. The file is damaged or not the pinned one and was ` +
        "not used. Try: npm cache verify, then run this again.",
    );
  }
}

async function command(name, args) {
  try {
    return (await execute(name, args, { env: cleanEnvironment })).stdout;
  } catch (error) {
    if (error.code === "ENOENT") {
      throw new FetchError(
        `"${name}" was not found; it is needed to unpack ggml's source. Install it and run this again.`,
      );
    }
    throw new FetchError(`${name} ${args[0]} failed while unpacking ggml's source: ${firstLine(error)}`);
  }
}

function firstLine(error) {
  const text = String(error.stderr || error.message).trim();
  return text.split("\n").slice(0, 3).join(" | ") || `exit code ${error.code}`;
}

async function main(args) {
  if (args.length !== 0 && !(args.length === 2 && args[0] === "--tarball")) {
    throw new FetchError("Usage: node tools/fetch-ggml.mjs [--tarball FILE]");
  }
  const had = isFetched();
  const folder = await fetchGgml(args.length === 2 ? { tarball: args[1] } : {});
  process.stderr.write(`ggml source ${had ? "is in" : "unpacked to"} ${folder}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  main(process.argv.slice(2)).catch((error) => {
    process.stderr.write(`${error instanceof FetchError ? error.message : error.stack}\n`);
    process.exit(1);
  });
}
