/**
 * Links a target of the WebAssembly build a second time, with the kernels for relaxed SIMD in it. Emscripten 3.1.6 cannot:
 * its binaryen does not know these instructions. So its own link command is run again to see how it calls the linker, and
 * that call is repeated with the additional objects. Imports and exports stay the same, so one loader fits both modules
 * once it has no addresses in it.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { StepError } from "./steps.mjs";

const OBJECTS = ["kernels", "packed"].map((name) => `CMakeFiles/kstt_kernels_relaxed.dir/cpp/kernels/${name}.cpp.o`);

/** @param {string} cmake Build folder. @param {string} target Of CMake. @returns {string} Path of the module. */
export function linkRelaxed(cmake, target, env) {
  const commands = execFileSync("ninja", ["-t", "commands", target], { cwd: cmake, env, encoding: "utf8" });
  const link = commands
    .trim()
    .split("\n")
    .at(-1)
    .replace(/ && :$/, " -v");
  const { stderr, status } = spawnSync("sh", ["-c", link], { cwd: cmake, env, encoding: "utf8" });
  const linker = stderr.split("\n").find((line) => /^ "[^"]*wasm-ld[^"]*" /.test(line));
  if (status !== 0 || linker === undefined)
    throw new StepError(`${target}: no linker call in what em++ -v says:\n${stderr}`);
  const plain = linker.match(/ -o (\S+\.wasm) /)?.[1];
  if (plain === undefined) throw new StepError(`${target}: the linker call names no module: ${linker}`);
  const relaxed = join(dirname(plain), "relaxed", basename(plain));
  mkdirSync(join(cmake, dirname(relaxed)), { recursive: true });
  const again = linker.replace(` -o ${plain} `, ` -o ${relaxed} ${OBJECTS.join(" ")} `);
  const result = spawnSync("sh", ["-c", again], { cwd: cmake, env, encoding: "utf8" });
  if (result.status !== 0) throw new StepError(`${target}: ${result.stderr}`);
  return join(cmake, relaxed);
}

/**
 * The loader with the addresses of data that Emscripten wrote into it replaced by what the module at hand exports: with
 * other objects in it, its data lie elsewhere.
 */
export function withoutAddresses(loader) {
  const addresses = /^var (_(\w+)) = Module\["\1"\] = \d+;$/gm;
  let text = loader;
  for (const [line, name, exported] of loader.matchAll(addresses)) {
    text = text.replace(line, "").replaceAll(new RegExp(`\\b${name}\\b`, "g"), `Module["asm"]["${exported}"].value`);
  }
  return text;
}

/** The same for a test, with its loader beside the module. */
export function linkRelaxedTest(cmake, target, env) {
  const module = linkRelaxed(cmake, target, env);
  for (const name of [`${target}.js`, `${target}.worker.js`]) {
    const loader = join(cmake, "bin", name);
    if (existsSync(loader)) writeFileSync(join(dirname(module), name), withoutAddresses(readFileSync(loader, "utf8")));
  }
}
