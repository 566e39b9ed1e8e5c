/** A process whose main thread never loads the addon: Node closes it with each worker that ends. */
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";

const [addon, model] = process.argv.slice(2);
const worker = new URL("./addon-worker.mjs", import.meta.url);

for (let round = 0; round < 3; round++) {
  await Promise.all(
    ["finish", "exit"].map(
      (task) =>
        new Promise((resolve, reject) => {
          new Worker(worker, { workerData: { addon, model, task, frames: 50 } })
            .on("exit", resolve)
            .on("error", reject);
        }),
    ),
  );
}
// Only Linux lists what is loaded.
const loaded = process.platform === "linux" ? readFileSync("/proc/self/maps", "utf8").includes(addon) : "unknown";
process.stdout.write(`all workers ended; addon still loaded: ${loaded}\n`);
