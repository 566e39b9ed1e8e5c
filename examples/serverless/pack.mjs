/**
 * Puts the handler and what it needs into a folder, as it would be uploaded: the package with its WebAssembly core and
 * its embedded model, and the packages it depends on.
 *
 * Usage: node examples/serverless/pack.mjs [folder]   default: build/serverless
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = resolve(here, "../..");
const target = resolve(process.argv[2] ?? join(root, "build", "serverless"));

/** Declarations, source maps, the builds for browsers, and recordings for tests are not run. */
const LEFT_OUT =
  /\.d\.ts$|\.map$|\.tsbuildinfo$|digits-en\/(test|sample)|kstt-threads\.(mjs|worker\.js)$|-relaxed\.wasm$/;

function copy(name) {
  cpSync(join(root, name), join(target, "node_modules", "kyutai-stt", name), {
    recursive: true,
    filter: (path) => !LEFT_OUT.test(path.replaceAll("\\", "/")),
  });
}

/** Names of all packages that `name` needs, itself included. */
function withDependencies(name, found = new Set()) {
  if (!found.has(name)) {
    found.add(name);
    const { dependencies = {} } = JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8"));
    for (const dependency of Object.keys(dependencies)) withDependencies(dependency, found);
  }
  return found;
}

function sizeOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath ?? entry.path, entry.name)).size, 0);
}

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
cpSync(join(here, "handler.mjs"), join(target, "handler.mjs"));
writeFileSync(join(target, "package.json"), '{ "name": "speech-to-text", "private": true, "type": "module" }\n');
for (const name of ["package.json", "LICENSE", "THIRD_PARTY_NOTICES.md", "dist", "models"]) copy(name);
const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
for (const name of Object.keys(dependencies).flatMap((dependency) => [...withDependencies(dependency)])) {
  cpSync(join(root, "node_modules", name), join(target, "node_modules", name), { recursive: true });
}
process.stdout.write(`${target}: ${(sizeOf(target) / 1e6).toFixed(1)} MB unpacked\n`);
