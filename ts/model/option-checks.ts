/** Checks of option objects: every message names the option, what it must be and what it was. */
import { SttError } from "../contract/errors.js";

export function invalidArgument(message: string, remedy = "Correct it, or leave it out for the default."): SttError {
  return new SttError("ERR_INVALID_ARGUMENT", message, { remedy });
}

/** How a wrong value is shown in a message. */
export function show(value: unknown): string {
  if (typeof value === "string") {
    return JSON.stringify(value);
  }
  if (typeof value === "object" && value !== null) {
    return Array.isArray(value) ? `an array of ${value.length}` : `a ${value.constructor?.name ?? "object"}`;
  }
  return typeof value === "function" ? "a function" : String(value);
}

/** Refuses anything but a plain option object with keys from `known`; undefined counts as no options. */
export function checkOptions(where: string, options: unknown, known: readonly string[]): void {
  if (options === undefined) {
    return;
  }
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw invalidArgument(`${where}: options must be an object, not ${show(options)}`);
  }
  const unknown = Object.keys(options).filter((key) => !known.includes(key));
  if (unknown.length > 0) {
    throw invalidArgument(
      `${where}: unknown option${unknown.length > 1 ? "s" : ""} ${unknown.map((key) => `'${key}'`).join(", ")}`,
      `Known options: ${known.join(", ")}.`,
    );
  }
}

export function checkInteger(name: string, value: unknown, min: number, max: number): void {
  if (value !== undefined && !(Number.isInteger(value) && Number(value) >= min && Number(value) <= max)) {
    throw invalidArgument(`'${name}' must be an integer from ${min} to ${max}, not ${show(value)}`);
  }
}

export function checkSignal(value: unknown): void {
  if (value !== undefined && !(value instanceof AbortSignal)) {
    throw invalidArgument(`'signal' must be an AbortSignal, not ${show(value)}`);
  }
}

export function checkFunction(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== "function") {
    throw invalidArgument(`'${name}' must be a function, not ${show(value)}`);
  }
}

export function checkBoolean(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== "boolean") {
    throw invalidArgument(`'${name}' must be true or false, not ${show(value)}`);
  }
}

export function checkText(name: string, value: unknown): void {
  if (value !== undefined && (typeof value !== "string" || value === "")) {
    throw invalidArgument(`'${name}' must be a string that is not empty, not ${show(value)}`);
  }
}
