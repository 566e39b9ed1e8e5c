#!/usr/bin/env node
/**
 * Writes ts/backend/wasm/layout.ts: what TypeScript has to know of the C headers to call the WebAssembly module. The
 * sizes and offsets are those of wasm32; the module's build compiles them as assertions, so that they cannot be wrong.
 *
 * Usage: node tools/wasm-layout.mjs              write the file
 *        node tools/wasm-layout.mjs --check      fail if it is not what the headers say
 *        node tools/wasm-layout.mjs --module FOLDER   write what the module's build needs: its source (assertions,
 *                                                     and the name of the layout) and the list of its exports
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { readHeaders } from "./c-header.mjs";
import { fail, root, StepError } from "./steps.mjs";

const target = join(root, "ts", "backend", "wasm", "layout.ts");
const headers = readHeaders();
/** Changes with anything in the headers. Modules export a function of this name, and are refused by code of another. */
const layoutName = `kstt_layout_${createHash("sha256").update(JSON.stringify(headers)).digest("hex").slice(0, 12)}`;

function fieldText([name, field]) {
  const length = field.length === undefined ? "" : `, length: ${field.length}`;
  return `      ${name}: { offset: ${field.offset}, type: "${field.type}"${length} },\n`;
}

function structText([name, { size, fields }]) {
  return `  ${name}: {\n    size: ${size},\n    fields: {\n${Object.entries(fields).map(fieldText).join("")}    },\n  },\n`;
}

/** Structs come back through a pointer that is the first argument. */
function functionText([name, { result, parameters }]) {
  const typeOf = (type) => (type === "i64" ? "bigint" : type === "void" ? "void" : "number");
  const isStruct = result in headers.structs;
  const list = [...(isStruct ? [{ name: "result", type: "ptr" }] : []), ...parameters];
  const text = list.map((parameter) => `${parameter.name}: ${typeOf(parameter.type)}`).join(", ");
  const line = `  _${name}(${text}): ${isStruct ? "void" : typeOf(result)};\n`;
  if (line.length <= 121) return line;
  const lines = list.map((parameter) => `    ${parameter.name}: ${typeOf(parameter.type)},\n`).join("");
  return `  _${name}(\n${lines}  ): ${isStruct ? "void" : typeOf(result)};\n`;
}

function typescript() {
  const constants = Object.entries(headers.constants).map(([name, value]) => `  ${name}: ${value},\n`);
  return `/** Made by tools/wasm-layout.mjs from cpp/include; change the headers, not this file. */

/** What a module that was built from the same headers exports. */
export const LAYOUT = "${layoutName}";

/** Bytes of each struct, and where its fields are. \`ptr\` is a size_t or an address. */
export const STRUCTS = {
${Object.entries(headers.structs).map(structText).join("")}} as const;

export const CONSTANTS = {
${constants.join("")}} as const;

/** The functions of the module. Addresses and sizes from 2^31 on come back negative. */
export interface KsttFunctions {
  _malloc(size: number): number;
  _free(address: number): void;
${Object.entries(headers.functions).map(functionText).join("")}}
`;
}

function assertions() {
  const lines = ['#include "kstt.h"', "", "#include <cstddef>", ""];
  for (const [struct, { size, fields }] of Object.entries(headers.structs)) {
    lines.push(`static_assert(sizeof(${struct}) == ${size}, "tools/c-header.mjs");`);
    for (const [name, { offset }] of Object.entries(fields)) {
      lines.push(`static_assert(offsetof(${struct}, ${name}) == ${offset}, "tools/c-header.mjs");`);
    }
  }
  lines.push("", `extern "C" int32_t ${layoutName}();`, `int32_t ${layoutName}() {`, "    return 1;", "}");
  return `${lines.join("\n")}\n`;
}

function writeModule(folder) {
  writeFileSync(join(folder, "module.cpp"), assertions());
  const exports = ["_malloc", "_free", `_${layoutName}`, ...Object.keys(headers.functions).map((name) => `_${name}`)];
  writeFileSync(join(folder, "exports.txt"), exports.map((name) => `${name}\n`).join(""));
}

function main([option, folder]) {
  if (option === "--module") {
    writeModule(folder);
  } else if (option === "--check") {
    if (!existsSync(target) || readFileSync(target, "utf8") !== typescript()) {
      throw new StepError(`${relative(root, target)} is not what cpp/include says. Run: node tools/wasm-layout.mjs`);
    }
  } else {
    writeFileSync(target, typescript());
  }
}

try {
  main(process.argv.slice(2));
} catch (error) {
  fail(error);
}
