/**
 * Cold start: from the start of a process to the answer to its first request, and to its second one.
 *
 * Usage: node examples/serverless/measure.mjs [folder of pack.mjs] [times]
 */
import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = resolve(process.argv[2] ?? join(root, "build", "serverless"));
const times = Number(process.argv[3] ?? 5);

const SCRIPT = `
const { readFileSync } = await import("node:fs");
const { handler } = await import(${JSON.stringify(pathToFileURL(join(folder, "handler.mjs")).href)});
const body = readFileSync(${JSON.stringify(join(root, "models", "digits-en", "sample.wav"))}).toString("base64");
const milliseconds = [];
for (let i = 0; i < 2; i++) {
  const began = i === 0 ? performance.timeOrigin : Date.now();
  const { statusCode, body: text } = await handler({ body, isBase64Encoded: true });
  if (statusCode !== 200) throw new Error(text);
  milliseconds.push(Math.round(Date.now() - began));
}
console.log(JSON.stringify({ milliseconds, rss: process.resourceUsage().maxRSS }));
`;

const runs = Array.from({ length: times }, () =>
  JSON.parse(execFileSync(process.execPath, ["--input-type=module", "--eval", SCRIPT], { encoding: "utf8" })),
);
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const [first, second] = [0, 1].map((index) => median(runs.map(({ milliseconds }) => milliseconds[index])));
const memory = median(runs.map(({ rss }) => rss)) / 1024;
process.stdout.write(
  `first answer ${first} ms after the start of the process, next one ${second} ms, ` +
    `${memory.toFixed(0)} MB of memory (median of ${times})\n`,
);
