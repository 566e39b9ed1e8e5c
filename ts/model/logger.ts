/** Where warnings go. Nothing in this package writes to the console by itself. */
export type WarningListener = (message: string) => void;

let listener: WarningListener = emitProcessWarning;

/** Replaces the receiver of warnings; without an argument, restores the default (a Node process warning). */
export function setWarningListener(next: WarningListener = emitProcessWarning): void {
  listener = next;
}

export function warn(message: string): void {
  listener(message);
}

function emitProcessWarning(message: string): void {
  globalThis.process?.emitWarning?.(message, { type: "KyutaiSttWarning" });
}
