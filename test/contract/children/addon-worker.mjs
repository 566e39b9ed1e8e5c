/**
 * A thread that uses the addon by itself: loads it, makes an engine, a session and a long generation, and does what
 * workerData.task says while the generation computes: "finish" posts the tokens, "wait" and "exit" speak for themselves.
 */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { SESSION } from "./session-params.mjs";

const { addon: path, model, task, frames } = workerData;
const addon = createRequire(import.meta.url)(path);
addon.init(dirname(path), (status, message) => Object.assign(new Error(message), { status }));

const engine = await addon.createEngine(model, { threads: 1, slots: 1 });
const input = Float32Array.from({ length: frames * engine.info.frameSize }, (_, i) => 0.3 * Math.sin((i * i) / 3e5));
const generation = await engine.createGeneration(input, 1, input.length, { maxNewTokens: -1, audioWindowSize: 0 });
const session = await engine.createSession(SESSION);
const computing = generation.advance(frames * 10);
const pushing = session.pushPcm(input, engine.info.sampleRate);
parentPort.postMessage("computing");
if (task === "exit") {
  process.exit(5);
}
await Promise.all([computing, pushing]);
if (task === "finish") {
  const [tokens] = generation.tokens();
  await Promise.all([engine.dispose(), session.dispose(), generation.dispose()]);
  parentPort.postMessage([...tokens]);
}
