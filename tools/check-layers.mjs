#!/usr/bin/env node
/**
 * Keeps the C++ layers of docs/architecture.md: which folder may include which. Prints every violation.
 * A planted violation of each kind must be found first, so that the check cannot rot.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fail, root, StepError } from "./steps.mjs";

/** Layer to what it may include besides itself: a folder of cpp/, one header of it, or `<ggml>`. */
const ALLOWED = {
  include: [],
  kernels: ["runtime/error"],
  runtime: ["include/kstt", "kernels", "<ggml>"],
  nn: ["runtime", "kernels", "<ggml>"],
  io: ["runtime"],
  audio: ["runtime/error"],
  text: ["io", "runtime/error"],
  model: ["nn", "io", "text", "runtime", "kernels", "<ggml>"],
  cuda: ["model", "nn", "runtime", "<ggml>"],
  convert: ["io", "runtime", "<ggml>"],
  session: ["model", "audio", "text", "io", "runtime", "include/kstt"],
  capi: [
    "session",
    "model/networks",
    "cuda/cuda-device",
    "convert",
    "audio",
    "text",
    "io/tokenizer-source",
    "io/memory-files",
    "runtime",
    "include/kstt",
  ],
  // The addon and the WASM module see the C header, by its public name, and nothing else of ours.
  bindings: ["include/kstt"],
  wasm: ["include/kstt"],
};

function layerOf(path) {
  const parts = path.split("/");
  return parts[0] === "cpp" ? parts[1] : parts[0];
}

/** What an include line reaches: "layer/file", "<ggml>", or undefined when it is none of ours. */
function targetOf(path, quote, name) {
  const [first, ...rest] = name.split("/");
  if (name === "kstt.h") return "include/kstt";
  if (/^(ggml|gguf)[-\w]*\.h$/.test(name)) return "<ggml>";
  if (first === "..") return posix.join(posix.dirname(path), name).replace(/^cpp\//, "");
  if (rest.length === 0) return quote === '"' ? `${layerOf(path)}/${first}` : undefined;
  return first in ALLOWED ? name : undefined;
}

/** @param {Map<string, string>} files Path from the root to text. @returns {string[]} */
export function findViolations(files) {
  const violations = [];
  for (const [path, text] of files) {
    const layer = layerOf(path);
    const allowed = ALLOWED[layer];
    if (allowed === undefined) {
      violations.push(`${path}: the folder "${layer}" is no layer; add it to tools/check-layers.mjs`);
      continue;
    }
    for (const [index, line] of text.split("\n").entries()) {
      const include = line.match(/^\s*#\s*include\s*(["<])([^">]+)[">]/);
      const target = include === null ? undefined : targetOf(path, include[1], include[2]);
      if (target === undefined || target.split("/")[0] === layer) continue;
      const header = target.replace(/\.h$/, "");
      if (!allowed.some((entry) => header === entry || header.startsWith(`${entry}/`))) {
        violations.push(
          `${path}:${index + 1}: ${layer} includes ${include[2]}; it may include: ${allowed.join(", ") || "nothing of ours"}`,
        );
      }
    }
  }
  return violations;
}

/** One wrong include per rule that people are likely to break. */
const PLANTED = [
  ["cpp/nn/a.cpp", '#include "io/checkpoint.h"'],
  ["cpp/io/a.cpp", '#include "nn/kv-ring.h"'],
  ["cpp/kernels/a.cpp", '#include "runtime/device.h"'],
  ["cpp/audio/a.cpp", '#include "runtime/device.h"'],
  ["cpp/session/a.cpp", "#include <ggml.h>"],
  ["cpp/session/a.cpp", '#include "nn/kv-ring.h"'],
  ["cpp/capi/a.cpp", '#include "model/stt-model.h"'],
  ["cpp/model/a.cpp", '#include "../session/engine.h"'],
  ["bindings/node/a.cpp", '#include "session/engine.h"'],
  ["bindings/node/a.cpp", '#    include "../../cpp/runtime/error.h"'],
  ["cpp/unknown/a.cpp", ""],
];
const HARMLESS = [
  ["cpp/nn/a.cpp", '#include "nn/kv-ring.h"\n#include "runtime/error.h"\n#include <ggml.h>\n#include <vector>'],
  ["cpp/kernels/a.cpp", '#include "runtime/error.h"'],
  ["bindings/node/a.cpp", '#include "async-call.h"\n#include "kstt.h"\n#include <napi.h>'],
];

function selfTest() {
  for (const file of PLANTED) {
    if (findViolations(new Map([file])).length !== 1) {
      throw new StepError(`The layer check is broken: it does not see ${file[1]} in ${file[0]}`);
    }
  }
  const wrong = HARMLESS.flatMap((file) => findViolations(new Map([file])));
  if (wrong.length > 0) throw new StepError(`The layer check is broken: it refuses\n${wrong.join("\n")}`);
}

function sources(...folders) {
  const files = new Map();
  for (const folder of folders) {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true, recursive: true })) {
      if (!entry.isFile() || !/\.(h|c|cpp|cu|cuh)$/.test(entry.name)) continue;
      const path = join(entry.parentPath ?? entry.path, entry.name);
      files.set(path.slice(root.length + 1).replaceAll("\\", "/"), readFileSync(path, "utf8"));
    }
  }
  return files;
}

function main() {
  selfTest();
  const files = sources("cpp", "bindings");
  const violations = findViolations(files);
  if (violations.length > 0) throw new StepError(violations.join("\n"));
  process.stdout.write(`layers: ${files.size} files in order\n`);
}

try {
  main();
} catch (error) {
  fail(error);
}
