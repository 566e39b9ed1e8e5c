/** The parity tests in Node. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as api from "../../ts/index.node.js";
import type { Platform } from "./tokens-suite.js";

export const nodePlatform: Platform = {
  api,
  locate: (file) => fileURLToPath(new URL(`../../${file}`, import.meta.url)),
  read: (model, file) => readFile(join(model, file)),
};
