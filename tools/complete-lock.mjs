#!/usr/bin/env node
/**
 * Completes package-lock.json after `npm install` against a registry that lacks the packages of some platforms: npm
 * leaves such optional dependencies out, and `npm ci` then refuses the file. Adds them with the platform that their
 * name states; with --check it only reports.
 *
 * Usage: node tools/complete-lock.mjs [--check]
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail, readJson, root, StepError } from "./steps.mjs";

const SYSTEMS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const PROCESSORS = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "wasm32", "x64"];

/** The fields of a platform package, from a name such as @scope/binding-linux-x64-musl; undefined: not such a name. */
function platformOf(name) {
  const words = name.split(/[-/]/);
  const os = words.find((word) => SYSTEMS.includes(word));
  const cpu = words.find((word) => PROCESSORS.includes(word));
  if (os === undefined || cpu === undefined) return undefined;
  const libc = words.some((word) => word.startsWith("musl"))
    ? "musl"
    : words.some((word) => word.startsWith("gnu"))
      ? "glibc"
      : undefined;
  return { cpu: [cpu], os: [os], ...(os === "linux" && libc && { libc: [libc] }) };
}

/** Entries that the lock file needs and lacks: path in node_modules to entry. */
function missingEntries(packages) {
  const missing = {};
  for (const [path, { optionalDependencies = {}, dev, peer }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const places = [`node_modules/${name}`, `${path}/node_modules/${name}`];
      if (places.some((place) => place in packages)) continue;
      const platform = platformOf(name);
      if (platform === undefined || !/^\d+\.\d+\.\d+$/.test(version)) {
        throw new StepError(`package-lock.json lacks ${name}@${version}, which is no platform package: npm install`);
      }
      missing[places[0]] = { version, ...platform, ...(dev && { dev }), optional: true, ...(peer && { peer }) };
    }
  }
  return missing;
}

function main(args) {
  const path = join(root, "package-lock.json");
  const lock = readJson(path);
  const missing = missingEntries(lock.packages);
  const names = Object.keys(missing);
  if (args[0] === "--check") {
    if (names.length > 0) {
      throw new StepError(`package-lock.json lacks ${names.join(", ")}. Run: node tools/complete-lock.mjs`);
    }
    process.stdout.write("lock file: complete for every platform\n");
    return;
  }
  const entries = Object.entries({ ...lock.packages, ...missing });
  entries.sort(([a], [b]) => a.localeCompare(b, "en"));
  lock.packages = Object.fromEntries(entries);
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
  process.stdout.write(`lock file: ${names.length} entries added\n`);
}

try {
  main(process.argv.slice(2));
} catch (error) {
  fail(error);
}
