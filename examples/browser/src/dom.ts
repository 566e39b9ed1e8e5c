/** The elements of the page, each known to be there. */
export function element<T extends Element>(id: string, type: abstract new (...values: never[]) => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) {
    throw new Error(`the page has no ${type.name} #${id}`);
  }
  return found;
}

export type StateKind = "idle" | "ready" | "busy" | "live" | "failed";

export function showState(kind: StateKind, text: string): void {
  const state = element("state", HTMLElement);
  state.dataset["kind"] = kind;
  state.textContent = text;
}

/** What went wrong, and what to do about it. */
export function showProblem(error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  const remedy = error instanceof Error && "remedy" in error ? String(error.remedy ?? "") : "";
  element("problem-text", HTMLElement).textContent = sentence(text);
  element("problem-remedy", HTMLElement).textContent = remedy;
  element("problem", HTMLElement).hidden = false;
}

export function hideProblem(): void {
  element("problem", HTMLElement).hidden = true;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}

export function bytes(count: number): string {
  if (count < 1e7) {
    return `${(count / 1e6).toFixed(1)} MB`;
  }
  return count < 1e9 ? `${Math.round(count / 1e6)} MB` : `${(count / 1e9).toFixed(2)} GB`;
}

export function clock(seconds: number): string {
  const tenths = Math.floor(seconds * 10);
  return `${Math.floor(tenths / 600)}:${String(Math.floor(tenths / 10) % 60).padStart(2, "0")}.${tenths % 10}`;
}
