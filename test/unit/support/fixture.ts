import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Path of something in test/fixtures. */
export function fixturePath(name: string): string {
  return fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
}

export function readFixture<T>(name: string): T {
  return JSON.parse(readFileSync(fixturePath(name), "utf8")) as T;
}

/** The embedded model's folder. */
export const DIGITS_EN = fileURLToPath(new URL("../../../models/digits-en", import.meta.url));
