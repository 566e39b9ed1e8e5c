/**
 * The way from the facade to a backend. Entries (ts/index.*) know which backends exist and register them here; nothing
 * below imports one.
 */
import type { Backend, BackendKind } from "../contract/backend.js";
import { SttError } from "../contract/errors.js";
import { invalidArgument, show } from "./option-checks.js";

/** A backend, or "auto": the best one that works here. */
export type BackendPreference = "auto" | BackendKind;

/** A backend that was considered; the last one of a list is in use. */
export interface TriedBackend {
  /** Which one. */
  readonly kind: BackendKind;
  /** Of WebAssembly: "threads" or "single". */
  readonly variant?: string;
  /** Whether it works here. */
  readonly ok: boolean;
  /** Why it does not work here; absent when ok. */
  readonly reason?: string;
}

export interface OpenedBackend {
  readonly backend: Backend;
  readonly tried: readonly TriedBackend[];
}

export type BackendOpener = (preference: BackendPreference) => Promise<OpenedBackend>;

const PREFERENCES: readonly BackendPreference[] = ["auto", "cuda", "cpu", "wasm"];

let opener: BackendOpener | undefined;

export function setBackendOpener(next: BackendOpener | undefined): void {
  opener = next;
}

export function checkBackendPreference(value: unknown): void {
  if (value !== undefined && !PREFERENCES.some((preference) => preference === value)) {
    throw invalidArgument(
      `'backend' must be one of ${PREFERENCES.map((name) => `"${name}"`).join(", ")}, not ${show(value)}`,
    );
  }
}

export async function openBackend(preference: BackendPreference = "auto"): Promise<OpenedBackend> {
  checkBackendPreference(preference);
  if (opener === undefined) {
    throw new SttError("ERR_BACKEND_UNAVAILABLE", "no backend is registered", {
      remedy: "Import from 'kyutai-stt' itself, not from a file inside the package.",
    });
  }
  return opener(preference);
}
