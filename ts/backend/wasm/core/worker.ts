/** A browser's worker that owns one core. */
import { serveCore } from "./core-service.js";

// The scope of a worker, of which the package's types know nothing.
const scope = globalThis as unknown as {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
};

serveCore({
  post: (message, transfer) => scope.postMessage(message, transfer),
  onMessage: (listener) => scope.addEventListener("message", ({ data }) => listener(data)),
});
