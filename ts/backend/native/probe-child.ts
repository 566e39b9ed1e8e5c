/**
 * Loads an addon in a child process first: a GPU driver that crashes or hangs then costs an answer, not the process.
 */
import { spawn } from "node:child_process";
import { dirname } from "node:path";
import { ABI_VERSION } from "./load-addon.js";

/** A driver's first start may take some seconds; beyond this it hangs. */
const TIMEOUT_MS = 60_000;
const MAX_OUTPUT = 2000;

// Source text, because a bundled application has no file of ours that a child could run.
const CHILD = `
const [path, kernelDir, abiVersion] = process.argv.slice(1);
const addon = require(path);
if (addon.abiVersion !== Number(abiVersion)) {
  throw new Error("its interface has version " + addon.abiVersion + ", but this package needs version " + abiVersion);
}
addon.init(kernelDir, (status, message) => new Error(message));
`;

/** Resolves when a child could load the addon and start its core; rejects with what happened instead. */
export function probeAddon(path: string, timeoutMs = TIMEOUT_MS): Promise<void> {
  // NODE_OPTIONS may load the application's own hooks; an Electron binary is Node only when told so.
  const { NODE_OPTIONS: _, ...environment } = process.env;
  const child = spawn(process.execPath, ["-e", CHILD, path, dirname(path), String(ABI_VERSION)], {
    env: { ...environment, ELECTRON_RUN_AS_NODE: "1" },
    stdio: ["ignore", "ignore", "pipe"],
    timeout: timeoutMs,
    killSignal: "SIGKILL",
    windowsHide: true,
  });
  let output = "";
  child.stderr.setEncoding("utf8");
  child.stderr.on("data", (text: string) => {
    output = (output + text).slice(0, MAX_OUTPUT);
  });
  return new Promise((resolve, reject) => {
    child.on("error", (cause) => reject(new Error("a process to try the addon in could not be started", { cause })));
    child.on("close", (code, signal) => {
      if (code === 0) {
        resolve();
        return;
      }
      const end = child.killed
        ? `gave no answer within ${timeoutMs / 1000} s`
        : `ended with ${signal ?? `exit code ${code}`}`;
      // Node prints the place of a throw first; the message is the line that matters.
      const message = /^(?:\w*Error: .*)$/m.exec(output)?.[0] ?? output.trim();
      reject(new Error(`a process that tried the addon ${end}${message === "" ? "" : `: ${message}`}`));
    });
  });
}
