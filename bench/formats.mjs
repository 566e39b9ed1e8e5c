#!/usr/bin/env node
/**
 * One checkpoint in every type: time and memory of the conversion, of loading from a cold and a warm disk cache, and
 * speed. Prints JSON lines; bench/README.md explains them, bench/results.md has those of full-size models.
 * Usage: node bench/formats.mjs SOURCE [--work DIR] [--dtypes bf16,q8_0] [--seconds S] [--threads N] [--runs N] [--keep]
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const child = fileURLToPath(new URL("formats-child.mjs", import.meta.url));

function print(stage, fields) {
  process.stdout.write(`${JSON.stringify({ stage, ...fields })}\n`);
}

function measure(...parameters) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [child, ...parameters.map(String)], {
    encoding: "utf8",
  });
  return status === 0 ? JSON.parse(stdout) : { failed: stderr.trim().split("\n").slice(0, 12).join(" | ") };
}

/** Only root may; without it there is no cold start to measure. */
function dropCaches() {
  spawnSync("sync");
  try {
    writeFileSync("/proc/sys/vm/drop_caches", "3");
    return true;
  } catch {
    return false;
  }
}

function load() {
  return Number((loadavg()[0] ?? 0).toFixed(1));
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    work: { type: "string" },
    dtypes: { type: "string", default: "bf16,f16,q8_0,q4_0,q4_k" },
    seconds: { type: "string", default: "20" },
    threads: { type: "string", default: "0" },
    runs: { type: "string", default: "1" },
    keep: { type: "boolean", default: false },
  },
});
const source = resolve(positionals[0] ?? "models/digits-en");
const work = values.work === undefined ? mkdtempSync(join(tmpdir(), "kstt-formats-")) : resolve(values.work);

print("environment", { cpu: cpus()[0]?.model, cpus: cpus().length, node: process.version, source: basename(source) });
for (const dtype of values.dtypes.split(",")) {
  const target = join(work, `${basename(source)}-${dtype}.gguf`);
  const before = load();
  dropCaches();
  print("convert", { dtype, load_average: before, ...measure("convert", source, target, dtype) });
  if (dropCaches()) {
    print("load-cold", { dtype, load_average: load(), ...measure("load", target, 0, values.threads) });
  } else {
    print("load-cold", { dtype, failed: "dropping the disk cache needs root" });
  }
  for (let run = 0; run < Number(values.runs); run++) {
    print("load-warm", { dtype, load_average: load(), ...measure("load", target, values.seconds, values.threads) });
  }
  if (!values.keep) rmSync(target, { force: true });
}
if (values.work === undefined && !values.keep) rmSync(work, { recursive: true });
