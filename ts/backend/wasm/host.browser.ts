/** The WebAssembly backend in browsers: module workers, files behind URLs. */
import { SttError } from "../../contract/errors.js";
import { findModelFiles } from "../../contract/model-files.js";
import type { CoreFactory } from "./core/core-module.js";
import { detectFeatures } from "./features.js";
import type { ModelPath, WasmHost, WasmVariant, WorkerThread } from "./wasm-host.js";

/** The address of a file of this package; undefined: it is where the bundler has put it. */
export type AssetFinder = (path: string) => URL | undefined;

const FOLDER = "dist/backend/wasm/core";

export function browserWasmHost(find: AssetFinder): WasmHost {
  const asset = (name: string, bundled: URL): URL => find(`${FOLDER}/${name}`) ?? bundled;
  return {
    features: detectFeatures(globalThis.crossOriginIsolated === true),
    processors: globalThis.navigator?.hardwareConcurrency ?? 1,
    // Each file is written out: bundlers find them by this very form.
    glueUrl: (threads) =>
      threads
        ? asset("kstt-threads.mjs", new URL("./core/kstt-threads.mjs", import.meta.url)).href
        : asset("kstt-single.mjs", new URL("./core/kstt-single.mjs", import.meta.url)).href,
    threadUrl: () =>
      startable(asset("kstt-threads.worker.js", new URL("./core/kstt-threads.worker.js", import.meta.url)), "classic"),
    compile: (variant) => compile(coreUrl(variant, asset)),
    importGlue: async (url) =>
      ((await import(/* @vite-ignore */ /* webpackIgnore: true */ url)) as { default: CoreFactory }).default,
    startWorker: () => {
      const url = find(`${FOLDER}/worker.js`);
      return wrap(
        url === undefined
          ? new Worker(new URL("./core/worker.js", import.meta.url), { type: "module" })
          : new Worker(startable(url, "module"), { type: "module" }),
      );
    },
    findFiles,
    writeFile: undefined,
    checkWritable: async () => {},
  };
}

function coreUrl({ threads, relaxed }: WasmVariant, asset: (name: string, bundled: URL) => URL): URL {
  if (threads) {
    return relaxed
      ? asset("kstt-threads-relaxed.wasm", new URL("./core/kstt-threads-relaxed.wasm", import.meta.url))
      : asset("kstt-threads.wasm", new URL("./core/kstt-threads.wasm", import.meta.url));
  }
  return relaxed
    ? asset("kstt-single-relaxed.wasm", new URL("./core/kstt-single-relaxed.wasm", import.meta.url))
    : asset("kstt-single.wasm", new URL("./core/kstt-single.wasm", import.meta.url));
}

/**
 * A page may start workers of its own origin only; a script that loads another one is of its own origin. What a bundler
 * has turned into a data: URL is not, either.
 */
function startable(url: URL, type: "classic" | "module"): string {
  if (url.protocol === "data:") {
    const [, head = "", body = ""] = /^data:([^,]*),(.*)$/s.exec(url.href) ?? [];
    return blobUrl(head.endsWith(";base64") ? atob(body) : decodeURIComponent(body));
  }
  if (url.origin === globalThis.location?.origin || url.protocol === "blob:") {
    return url.href;
  }
  const text = JSON.stringify(url.href);
  return blobUrl(type === "module" ? `import ${text};` : `importScripts(${text});`);
}

function blobUrl(script: string): string {
  return URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
}

async function compile(url: URL): Promise<WebAssembly.Module> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (cause) {
    throw new SttError("ERR_BACKEND_UNAVAILABLE", `the WebAssembly core cannot be fetched from ${url}`, {
      remedy: "Check the connection, and that the page may fetch from there (Content-Security-Policy, CORS).",
      cause,
    });
  }
  const type = response.headers.get("content-type") ?? "";
  // A server of one page answers with that page for whatever it does not have.
  if (!response.ok || type.startsWith("text/html")) {
    throw new SttError("ERR_BACKEND_UNAVAILABLE", `${url}: the server has no WebAssembly core (${response.status})`, {
      remedy: "Serve the .wasm files of kyutai-stt there, or say with setAssetBase() where they are.",
    });
  }
  return type.startsWith("application/wasm")
    ? WebAssembly.compileStreaming(response)
    : WebAssembly.compile(await response.arrayBuffer());
}

function wrap(worker: Worker): WorkerThread {
  let isOver = false;
  return {
    post: (message, transfer) => worker.postMessage(message, [...transfer]),
    onMessage: (listener) => worker.addEventListener("message", ({ data }) => listener(data)),
    onEnd: (listener) => {
      const end = (reason: string): void => {
        if (!isOver) {
          isOver = true;
          listener(reason, false);
        }
      };
      worker.addEventListener("error", ({ message }) => end(message || "its worker could not be started"));
      worker.addEventListener("messageerror", () => end("a message of its worker could not be read"));
    },
    setBusy: () => {},
    terminate: () => {
      isOver = true;
      worker.terminate();
    },
  };
}

async function findFiles(path: string): Promise<ModelPath> {
  const found = findModelFiles(path);
  if (found === undefined) {
    throw new SttError("ERR_FILE_NOT_FOUND", `${path}: there are no folders here`, {
      remedy: "Pass a URL, a model of the Hub, or files of the user.",
    });
  }
  const { folder, entry, model } = found;
  return { folder, entry, ...model };
}
