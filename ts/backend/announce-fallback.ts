/** Says it when everything works, but slower than it could. */
import type { BackendPreference, BackendSelection } from "./select.js";

/** Once per process: WebAssembly was not asked for, it is what was left. */
export function announceFallback(warn: (message: string) => void) {
  let isSaid = false;
  return (preference: BackendPreference, { backend, tried }: BackendSelection): void => {
    const addon = tried.find(({ kind }) => kind === "cpu");
    if (isSaid || preference !== "auto" || backend.kind !== "wasm" || addon?.reason === undefined) {
      return;
    }
    isSaid = true;
    warn(`computing in WebAssembly, which is slower than the native addon: ${addon.reason}`);
  };
}
