/**
 * Reads the C headers of cpp/include: structs, constants and functions, as far as those headers go. Anything that it
 * does not understand is an error, so that nothing is left out silently.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root, StepError } from "./steps.mjs";

const folder = join(root, "cpp", "include");

/** Sizes, which are the alignments too, on wasm32: 32-bit pointers and size_t. */
const SIZES = { i8: 1, u8: 1, i32: 4, u32: 4, i64: 8, f32: 4, f64: 8, ptr: 4 };
const TYPES = {
  char: "i8",
  uint8_t: "u8",
  int32_t: "i32",
  uint32_t: "u32",
  int64_t: "i64",
  size_t: "ptr",
  float: "f32",
  double: "f64",
  kstt_status: "i32",
};

function headers() {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".h"))
    .sort();
}

/** All headers as one text without comments. */
function source() {
  const text = headers().map((name) => readFileSync(join(folder, name), "utf8"));
  return text.join("\n").replace(/\/\*.*?\*\//gs, " ");
}

/** The kind of value behind a C type; `structs` are known by name. */
function kindOf(type, structs) {
  if (type.includes("*")) return "ptr";
  const bare = type.replace(/\bconst\b/g, "").trim();
  if (bare === "void") return "void";
  if (bare in TYPES) return TYPES[bare];
  if (bare in structs) return bare;
  throw new StepError(`cpp/include: the type "${type.trim()}" is not one that tools/c-header.mjs knows`);
}

/** "const float * pcm" to its type and name; the name is the last word. */
function declarator(text) {
  const match = text.trim().match(/^(.*?)(\w+)(?:\[(\d+)\])?$/s);
  if (match === null) throw new StepError(`cpp/include: cannot read the declaration "${text.trim()}"`);
  return { type: match[1], name: match[2], length: match[3] === undefined ? undefined : Number(match[3]) };
}

function layOut(body) {
  const fields = {};
  let end = 0;
  let alignment = 1;
  for (const line of body.split(";").filter((part) => part.trim() !== "")) {
    const { type, name, length } = declarator(line);
    const kind = kindOf(type, {});
    const size = SIZES[kind];
    const offset = Math.ceil(end / size) * size;
    fields[name] = length === undefined ? { offset, type: kind } : { offset, type: kind, length };
    end = offset + size * (length ?? 1);
    alignment = Math.max(alignment, size);
  }
  return { size: Math.ceil(end / alignment) * alignment, fields };
}

function readStructs(text) {
  const structs = {};
  for (const [, body, name] of text.matchAll(/\btypedef\s+struct\s+\w+\s*\{([^}]*)\}\s*(\w+)\s*;/g)) {
    structs[name] = layOut(body);
  }
  return structs;
}

function readConstants(text) {
  const constants = {};
  for (const [, name, value] of text.matchAll(/^#define\s+(KSTT_\w+)\s+(-?\d+)\s*$/gm)) constants[name] = Number(value);
  for (const [, body] of text.matchAll(/\benum\s*\{(.*?)\}/gs)) {
    for (const entry of body.split(",").filter((part) => part.trim() !== "")) {
      const match = entry.trim().match(/^(KSTT_\w+)\s*=\s*(-?\d+)$/);
      if (match === null) throw new StepError(`cpp/include: the constant "${entry.trim()}" needs "NAME = number"`);
      constants[match[1]] = Number(match[2]);
    }
  }
  return constants;
}

function readFunctions(text, structs) {
  const functions = {};
  for (const [, head, name, list] of text.matchAll(
    /\bKSTT_API\b((?:(?!KSTT_API)[^;(])*?)(kstt_\w+)\s*\(([^;]*)\)\s*;/g,
  )) {
    const parameters = list.trim() === "void" ? [] : list.split(",").map((parameter) => declarator(parameter));
    functions[name] = {
      result: kindOf(head, structs),
      parameters: parameters.map(({ type, name: label }) => ({ name: label, type: kindOf(type, structs) })),
    };
  }
  return functions;
}

/** @returns Structs with size and fields, constants, and functions by their C names. */
export function readHeaders() {
  const text = source();
  const structs = readStructs(text);
  const functions = readFunctions(text, structs);
  const declared = [...text.matchAll(/^\s*KSTT_API\b/gm)].length;
  if (declared !== Object.keys(functions).length) {
    throw new StepError(`cpp/include: ${declared} functions are declared, ${Object.keys(functions).length} understood`);
  }
  return { structs, constants: readConstants(text), functions };
}
