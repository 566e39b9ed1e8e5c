/** Chooses a backend from candidates and remembers why the others were not it. */
import type { Backend, BackendCandidate, BackendKind } from "../contract/backend.js";
import { SttError } from "../contract/errors.js";

export type BackendPreference = "auto" | BackendKind;

/** The order of "auto": the fastest first. */
const KINDS: readonly BackendKind[] = ["cuda", "cpu", "wasm"];

export interface BackendAttempt {
  readonly kind: BackendKind;
  /** Where a kind has several builds: which of them. */
  readonly variant?: string;
  readonly ok: boolean;
  /** Why it does not work here; absent when ok. */
  readonly reason?: string;
}

export interface BackendSelection {
  readonly backend: Backend;
  /** In the order of trying; the last one is the choice. */
  readonly tried: readonly BackendAttempt[];
}

/**
 * "auto" takes the first of cuda, cpu, wasm that opens; a kind by name is that kind or an error, never another.
 *
 * @throws SttError ERR_INVALID_ARGUMENT for an unknown preference; ERR_BACKEND_UNAVAILABLE with the reason of every
 *   candidate when none opens.
 */
export async function selectBackend(
  preference: BackendPreference,
  candidates: readonly BackendCandidate[],
): Promise<BackendSelection> {
  if (preference !== "auto" && !KINDS.includes(preference)) {
    throw new SttError("ERR_INVALID_ARGUMENT", `backend must be one of auto, ${KINDS.join(", ")}; got ${preference}`, {
      remedy: 'Use "auto" unless a certain backend is needed.',
    });
  }
  const failures: Failure[] = [];
  const kinds = preference === "auto" ? KINDS : [preference];
  for (const kind of kinds) {
    const builds = candidates.filter((one) => one.kind === kind);
    if (builds.length === 0) {
      failures.push({ name: { kind }, reason: `this build has no ${kind} backend`, remedy: undefined });
    }
    for (const candidate of builds) {
      const name = nameOf(candidate);
      const attempt = await tryOpen(candidate);
      if ("backend" in attempt) {
        const failed = failures.map((failure) => ({ ...failure.name, ok: false, reason: failure.reason }));
        return { backend: attempt.backend, tried: [...failed, { ...name, ok: true }] };
      }
      failures.push({ name, ...attempt });
    }
  }
  const what = preference === "auto" ? "no backend works here" : `the ${preference} backend does not work here`;
  const reasons = failures.map(({ name, reason }) => `${describe(name)}: ${reason}`).join("; ");
  const remedies = failures.flatMap(({ remedy }) => remedy ?? []);
  if (remedies.length === 0) {
    remedies.push("Install the package again, with its optional dependencies.");
  }
  if (preference !== "auto") {
    remedies.push('Or let the backend be chosen: "auto".');
  }
  throw new SttError("ERR_BACKEND_UNAVAILABLE", `${what} - ${reasons}`, { remedy: [...new Set(remedies)].join(" ") });
}

interface Failure {
  readonly name: Pick<BackendAttempt, "kind" | "variant">;
  readonly reason: string;
  readonly remedy: string | undefined;
}

function nameOf({ kind, variant }: BackendCandidate): Failure["name"] {
  return variant === undefined ? { kind } : { kind, variant };
}

function describe({ kind, variant }: Failure["name"]): string {
  return variant === undefined ? kind : `${kind} (${variant})`;
}

async function tryOpen(
  candidate: BackendCandidate,
): Promise<{ backend: Backend } | { reason: string; remedy: string | undefined }> {
  try {
    return { backend: await candidate.open() };
  } catch (error) {
    return {
      reason: error instanceof Error ? error.message : String(error),
      remedy: error instanceof SttError ? error.remedy : undefined,
    };
  }
}
