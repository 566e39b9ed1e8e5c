#!/usr/bin/env node
/**
 * Makes npm/<platform>/: the package with the binaries that `npm run build` left in build/native, for this platform.
 * npm installs it only where its os, cpu and libc fields fit. Usage: node tools/make-platform-package.mjs
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nativeFolder } from "./build-native.mjs";
import { fail, readJson, root, StepError } from "./steps.mjs";

/** glibc or musl on Linux; undefined elsewhere. */
function libc() {
  if (process.platform !== "linux") return undefined;
  return process.report.getReport().header.glibcVersionRuntime === undefined ? "musl" : "glibc";
}

function main() {
  const main = readJson(join(root, "package.json"));
  const kind = libc();
  const platform = `${process.platform}-${process.arch}${kind === "musl" ? "-musl" : ""}`;
  if (!existsSync(join(nativeFolder, "kstt.node"))) {
    throw new StepError("build/native has no addon. Run: npm run build");
  }
  const binaries = readdirSync(nativeFolder).filter((name) => /\.(node|so|dylib|dll)$/.test(name));
  const folder = join(root, "npm", platform);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const name of binaries) copyFileSync(join(nativeFolder, name), join(folder, name));
  copyFileSync(join(root, "LICENSE"), join(folder, "LICENSE"));
  copyFileSync(join(root, "THIRD_PARTY_NOTICES.md"), join(folder, "THIRD_PARTY_NOTICES.md"));
  const manifest = {
    name: `@kyutai-stt/${platform}`,
    version: main.version,
    description: `Native binaries of kyutai-stt for ${platform}`,
    license: main.license,
    os: [process.platform],
    cpu: [process.arch],
    ...(kind === undefined ? {} : { libc: [kind] }),
    engines: main.engines,
    main: "kstt.node",
    files: [...binaries, "THIRD_PARTY_NOTICES.md"],
  };
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  process.stdout.write(`npm/${platform}: ${binaries.join(", ")}\n`);
}

try {
  main();
} catch (error) {
  fail(error);
}
