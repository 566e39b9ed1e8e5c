#!/usr/bin/env node
/**
 * Products of packed weights in WebAssembly, alone: from the cache, and from memory.
 *
 *   node bench/wasm-kernels.mjs [--source cpp,OTHER] [--relaxed] [--columns 1,2] [--rounds 12]
 *
 * Prints JSON lines. `--source`: folders with the kernels to compare, round by round in turn; the first is the measure of
 * `speed`. Needs clang++-19, wasm-ld-19 and Emscripten's headers.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";

const ROOT = join(import.meta.dirname, "..");
/** Values of weight_kind (cpp/kernels/kernels.h), and bytes of 256 weights. */
const KINDS = { q8_0: { kind: 3, bytes: 272 }, q4_0: { kind: 4, bytes: 144 }, q4_k: { kind: 5, bytes: 144 } };
const K = 2048;
const MEMORY_BYTES = 100e6;
const CACHED_ROWS = 64;
const PAGE = 65536;

/** Of a C library for WebAssembly. */
function headers() {
  const emcc = execFileSync("which", ["emcc"], { encoding: "utf8" }).trim();
  return join(dirname(realpathSync(emcc)), "cache", "sysroot", "include");
}

function build(source, isRelaxed) {
  const isa = isRelaxed ? "relaxed" : "simd128";
  const folder = join(ROOT, "build", "wasm-kernels");
  mkdirSync(folder, { recursive: true });
  const flags = [
    "--target=wasm32-unknown-unknown",
    "-std=gnu++17",
    "-O3",
    "-msimd128",
    "-fno-exceptions",
    "-Wno-psabi",
  ];
  flags.push("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", `-DKSTT_KERNEL_ISA=${isa}`, `-I${source}`);
  flags.push("-isystem", headers(), ...(isRelaxed ? ["-mrelaxed-simd"] : []));
  const objects = [
    ["packed.o", join(source, "kernels", "packed.cpp"), []],
    ["bench.o", join(ROOT, "bench", "wasm-kernels.cpp"), ["-fno-builtin"]],
  ].map(([name, file, more]) => {
    execFileSync("clang++-19", [...flags, ...more, "-c", file, "-o", join(folder, name)]);
    return join(folder, name);
  });
  const module = join(folder, "kernels.wasm");
  execFileSync("wasm-ld-19", ["--no-entry", "--import-memory", "-o", module, ...objects]);
  return readFileSync(module);
}

async function start(source, isRelaxed) {
  const memory = new WebAssembly.Memory({ initial: Math.ceil((MEMORY_BYTES * 1.3) / PAGE) });
  const { instance } = await WebAssembly.instantiate(build(source, isRelaxed), { env: { memory } });
  const { free_memory, quantize, multiply, read } = instance.exports;
  const x = Math.ceil(free_memory() / PAGE) * PAGE;
  const [blocks, y, w] = [x + 4 * PAGE, x + 16 * PAGE, x + 64 * PAGE];
  new Float32Array(memory.buffer, x, K * 8).forEach((_, i, values) => {
    values[i] = Math.sin(i * 1.7);
  });
  const weights = new Uint8Array(memory.buffer, w);
  for (let i = 0, state = 1; i < weights.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    weights[i] = (state >>> 16) & 0x3f;
  }
  return {
    source,
    prepare: ({ kind }) => quantize(kind, x, K * 8, blocks),
    multiply: ({ kind }, rows, columns) => multiply(kind, w, blocks, y, K, rows, columns),
    read: () => read(w, MEMORY_BYTES),
  };
}

/** Seconds of one call. */
function time(call, repeats) {
  const start = performance.now();
  for (let i = 0; i < repeats; i++) call();
  return (performance.now() - start) / 1000 / repeats;
}

async function main() {
  const { values } = parseArgs({
    options: {
      source: { type: "string", default: join(ROOT, "cpp") },
      relaxed: { type: "boolean", default: false },
      columns: { type: "string", default: "1,2" },
      rounds: { type: "string", default: "12" },
    },
  });
  // As the package's worker has it: the first compiler of Node 20 has relaxed SIMD wrong.
  setFlagsFromString("--experimental-wasm-relaxed-simd");
  setFlagsFromString("--no-liftoff");
  const contenders = [];
  for (const source of values.source.split(",")) contenders.push(await start(source, values.relaxed));
  const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
  const shortest = (call, repeats) => {
    const best = contenders.map(() => Number.POSITIVE_INFINITY);
    for (let round = 0; round < Number(values.rounds); round++)
      contenders.forEach((contender, i) => {
        best[i] = Math.min(
          best[i],
          time(() => call(contender), repeats),
        );
      });
    return best;
  };
  for (const [name, kind] of Object.entries(KINDS)) {
    for (const contender of contenders) contender.prepare(kind);
    for (const columns of values.columns.split(",").map(Number)) {
      const many = Math.floor(MEMORY_BYTES / ((K * kind.bytes) / 256) / 16) * 16;
      for (const [from, rows] of Object.entries({ cache: CACHED_ROWS, memory: many })) {
        const repeats = Math.ceil(many / rows / columns / 2);
        const seconds = shortest((contender) => contender.multiply(kind, rows, columns), repeats);
        contenders.forEach(({ source }, i) => {
          const ps_per_weight = (seconds[i] * 1e12) / (rows * K * columns);
          print({ weights: name, columns, from, source, ps_per_weight, speed: seconds[0] / seconds[i] });
        });
      }
    }
  }
  const [seconds] = shortest((contender) => contender.read(), 1);
  print({ read_gb_per_s: MEMORY_BYTES / seconds / 1e9 });
}

await main();
