/** A thread of Node that owns one core. */
import { parentPort } from "node:worker_threads";
import { serveCore } from "./core-service.js";

const port = parentPort;
if (port === null) {
  throw new Error("this file is the start of a worker thread");
}
serveCore({
  post: (message, transfer) => port.postMessage(message, transfer as ArrayBuffer[]),
  onMessage: (listener) => port.on("message", listener),
});
