/** The Python environment of the live comparisons; tools/oracle/README.md says how to make one. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const venv = fileURLToPath(new URL("../../.venv/bin/python", import.meta.url));

/** undefined: there is none. */
export const ORACLE_PYTHON = process.env["KSTT_ORACLE_PYTHON"] ?? (existsSync(venv) ? venv : undefined);

/** Why a test does not run without it. */
export function noPython(library: "transformers" | "huggingface_hub"): string {
  return `no Python with ${library} (.venv or KSTT_ORACLE_PYTHON; see tools/oracle/README.md)`;
}
