import type { BackendKind } from "../contract/backend.js";
import { openBackend, type TriedBackend } from "../model/runtime.js";

const KINDS: readonly BackendKind[] = ["cuda", "cpu", "wasm"];

/** Every backend there can be, in order of preference: whether it works here and, if not, why. */
export async function listBackends(): Promise<TriedBackend[]> {
  return Promise.all(
    KINDS.map(async (kind) => {
      try {
        await openBackend(kind);
        return { kind, ok: true };
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        // The error of a backend asked for by name begins with what `kind` and `ok` say already.
        return { kind, ok: false, reason: message.replace(`the ${kind} backend does not work here - ${kind}: `, "") };
      }
    }),
  );
}
