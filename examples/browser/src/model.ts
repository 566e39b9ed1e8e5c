/** The model in use: chosen in the form, loaded with progress, described beside it. */
import { type ModelLocation, type Progress, SpeechToText } from "kyutai-stt";
import { bytes, element, showState } from "./dom.js";

const form = element("model", HTMLFormElement);
const loadButton = element("load", HTMLButtonElement);
const progress = element("progress", HTMLElement);
const bar = element("progress-bar", HTMLProgressElement);
const barText = element("progress-text", HTMLElement);

let current: SpeechToText | undefined;
let loading: AbortController | undefined;

export function currentModel(): SpeechToText | undefined {
  return current;
}

export function isLoading(): boolean {
  return loading !== undefined;
}

export function cancelLoading(): void {
  loading?.abort();
}

form.addEventListener("change", showKind);
showKind();

function kind(): string {
  return String(new FormData(form).get("kind"));
}

function showKind(): void {
  for (const part of form.querySelectorAll<HTMLElement>("[data-for]")) {
    part.hidden = part.dataset["for"] !== kind();
  }
}

function chosen(): ModelLocation | undefined {
  switch (kind()) {
    case "hub":
      return element("hub-id", HTMLInputElement).value.trim();
    case "url":
      return element("url", HTMLInputElement).value.trim();
    case "files":
      return element("files", HTMLInputElement).files ?? [];
    default:
      return undefined;
  }
}

/** Calls `onChange` when a model is there, or none is any more; `onError` when the chosen one could not be loaded. */
export function watchModel(onChange: () => void, onError: (error: unknown) => void): void {
  const start = (): void => {
    load(onChange).catch(onError);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    start();
  });
  start();
}

async function load(onChange: () => void): Promise<void> {
  cancelLoading();
  const mine = new AbortController();
  loading = mine;
  loadButton.disabled = true;
  progress.hidden = false;
  bar.removeAttribute("value");
  barText.textContent = "Looking at the model";
  showState("busy", "Loading the model");
  const before = current;
  current = undefined;
  onChange();
  try {
    // First the old one goes: there may be no memory for both.
    await before?.dispose();
    current = await SpeechToText.load(chosen(), { signal: mine.signal, onProgress: showProgress });
    describe(current);
    showState("ready", "Ready");
  } catch (error) {
    if (mine.signal.aborted) {
      showState("idle", "Cancelled");
      return;
    }
    showState("failed", "No model");
    throw error;
  } finally {
    if (loading === mine) {
      loading = undefined;
      loadButton.disabled = false;
      progress.hidden = true;
      onChange();
    }
  }
}

function showProgress({ stage, done, total, download }: Progress): void {
  if (total === undefined || stage === "transcribe") {
    return;
  }
  bar.value = total === 0 ? 1 : done / total;
  const needed = `needs ${bytes(total)} of memory`;
  if (stage === "load") {
    barText.textContent = `In memory: ${bytes(done)} of ${bytes(total)}`;
  } else {
    const rest = download?.eta === undefined ? "" : `, ${Math.ceil(download.eta)} s left`;
    barText.textContent = `${bytes(done)} of ${bytes(total)}${rest}; ${needed}`;
  }
}

function describe({ backend, info }: SpeechToText): void {
  const threads = backend.threads === 1 ? "one thread" : `${backend.threads} threads`;
  const simd = backend.kernels.includes("relaxed") ? "relaxed SIMD" : "SIMD";
  element("fact-backend", HTMLElement).textContent = `WebAssembly, ${threads}, ${simd}`;
  element("fact-memory", HTMLElement).textContent =
    `${bytes(info.weightBytes)} of weights (${info.weightType}), ${bytes(info.stateBytes)} of state`;
  element("fact-delay", HTMLElement).textContent = `${info.delaySeconds.toFixed(1)} s`;
  const failed = backend.tried.filter(({ ok }) => !ok);
  const list = element("tried-list", HTMLElement);
  list.replaceChildren(
    ...failed.map(({ kind: name, variant, reason }) => {
      const item = document.createElement("li");
      item.textContent = `${variant === undefined ? name : `${name}, ${variant}`}: ${reason}`;
      return item;
    }),
  );
  element("tried", HTMLElement).hidden = failed.length === 0;
}
