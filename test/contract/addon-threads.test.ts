/** The addon in worker threads, and in environments that end while it computes. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { cpuCandidate } from "../../ts/backend/native/native-candidate.js";
import { addonPath, EMBEDDED_MODEL, SMALL_MODEL } from "./addon-path.js";
import { frames, generate } from "./subject.js";

const addon = addonPath();

function startWorker(task: "finish" | "wait" | "exit", length: number): Worker {
  const workerData = { addon, model: SMALL_MODEL, task, frames: length };
  return new Worker(new URL("./children/addon-worker.mjs", import.meta.url), { workerData });
}

function lastMessage(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let last: unknown;
    worker.on("message", (message: unknown) => {
      last = message;
    });
    worker.on("exit", () => resolve(last));
    worker.on("error", reject);
  });
}

function nextMessage(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

function runChild(file: string, args: readonly string[], model = SMALL_MODEL) {
  const path = fileURLToPath(new URL(`./children/${file}`, import.meta.url));
  return spawnSync(process.execPath, [...args, path, addon, model], { encoding: "utf8" });
}

test("two workers and the main thread compute side by side, with the same results", async () => {
  const workers = [startWorker("finish", 40), startWorker("finish", 40)];
  const backend = await cpuCandidate.open();
  const engine = await backend.createEngine(SMALL_MODEL, { threads: 1, slots: 1 });
  const own = generate(engine, frames(engine, 40));
  const [first, second] = await Promise.all(workers.map(lastMessage));
  expect(first).toHaveLength(41);
  expect(second).toEqual(first);
  expect((await own)[0]).toHaveLength(41);
  await engine.dispose();
});

test("workers that end while they compute leave the process and its other engines alone", async () => {
  const backend = await cpuCandidate.open();
  const engine = await backend.createEngine(SMALL_MODEL, { threads: 1, slots: 1 });
  const input = frames(engine, 10);
  const expected = await generate(engine, input);
  for (let round = 0; round < 3; round++) {
    const [terminated, exited] = [startWorker("wait", 400), startWorker("exit", 400)];
    const ended = lastMessage(exited);
    await nextMessage(terminated);
    expect(await terminated.terminate()).toBe(1);
    expect(await ended).toBe("computing");
    expect(await generate(engine, input)).toEqual(expected);
  }
  await engine.dispose();
});

test("a process that uses the addon in workers only survives their ends", () => {
  const { status, signal, stdout, stderr } = runChild("worker-only.mjs", []);
  expect({ status, signal, stdout, stderr }).toEqual({
    status: 0,
    signal: null,
    stdout: `all workers ended; addon still loaded: ${process.platform === "linux" ? true : "unknown"}\n`,
    stderr: "",
  });
});

test("process.exit() while computing ends the process with its own code", () => {
  const { status, signal, stderr } = runChild("exit-while-computing.mjs", []);
  expect({ status, signal, stderr }).toEqual({ status: 7, signal: null, stderr: "" });
});

test("objects that nobody disposes are collected, in any order, and their memory counts", () => {
  const { status, signal, stdout, stderr } = runChild("collect.mjs", ["--expose-gc"], EMBEDDED_MODEL);
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: "" });
  const { reusedSlots, pressure } = JSON.parse(stdout);
  expect(reusedSlots).toBeGreaterThan(0);
  expect(pressure.collected).toBeGreaterThan(0);
});
