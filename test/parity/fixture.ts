/** Reads test/fixtures/parity; its README says what is in there. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Fixture, idsReader, type Manifest } from "./expected.js";

const FOLDER = fileURLToPath(new URL("../fixtures/parity", import.meta.url));

export function readFixtures(): Fixture[] {
  return readdirSync(FOLDER)
    .filter((name) => existsSync(join(FOLDER, name, "manifest.json")))
    .map((name) => {
      const folder = join(FOLDER, name);
      const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as Manifest;
      const checkpoint = join(folder, manifest.checkpoint ?? "checkpoint");
      return { name, checkpoint, manifest, ids: idsReader(readFileSync(join(folder, "expected.safetensors"))) };
    });
}
