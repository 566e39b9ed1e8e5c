/** A process whose main thread never loads the addon: Node unloads it with each worker that ends. */
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
process.stdout.write("all workers ended\n");
