#!/usr/bin/env node
/**
 * Live use of one model (a frame arrives, a step is computed) in WebAssembly beside the addon, one and two threads, each
 * measurement in a process of its own, rounds in turn. Prints one JSON object per line, the last ones with medians over
 * the rounds and their ratios to native.
 * Usage: node bench/wasm.mjs [--model PATH] [--seconds S] [--rounds N] [--threads 1,2] [--where native,wasm,relaxed]
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { fail, root, run, StepError } from "../tools/steps.mjs";

function readOptions() {
  const { values } = parseArgs({
    options: {
      model: { type: "string", default: join(root, "models", "digits-en") },
      seconds: { type: "string", default: "8" },
      rounds: { type: "string", default: "3" },
      threads: { type: "string", default: "1,2" },
      where: { type: "string", default: "native,wasm,relaxed" },
    },
  });
  return {
    model: resolve(values.model),
    seconds: values.seconds,
    rounds: Number(values.rounds),
    threads: values.threads.split(","),
    where: values.where.split(","),
  };
}

async function measure(where, model, seconds, threads) {
  const child = join(root, "bench", "wasm-child.mjs");
  const { code, output } = await run([process.execPath, child, where, model, seconds, threads]);
  if (code !== 0) throw new StepError(`${where} with ${threads} threads failed:\n${output}`);
  return JSON.parse(output.trim().split("\n").at(-1));
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

function summarize(rows) {
  const { where, threads, kernels, weights } = rows[0];
  const of = (stage) => median(rows.map((row) => row[stage].ms_p50));
  return {
    stage: "median",
    where,
    threads,
    kernels,
    weights,
    codec: of("codec"),
    decoder: of("decoder"),
    total: of("total"),
  };
}

async function main() {
  const { model, seconds, rounds, threads, where } = readOptions();
  const found = new Map();
  for (let round = 0; round < rounds; round++) {
    for (const count of threads) {
      for (const place of where) {
        const row = await measure(place, model, seconds, count);
        process.stdout.write(`${JSON.stringify({ stage: "round", round, ...row })}\n`);
        const key = `${place} ${count}`;
        found.set(key, [...(found.get(key) ?? []), row]);
      }
    }
  }
  for (const rows of found.values()) {
    const line = summarize(rows);
    const native = found.get(`native ${line.threads}`);
    const ratio = native === undefined ? {} : { speed_to_native: summarize(native).total / line.total };
    process.stdout.write(`${JSON.stringify({ ...line, ...ratio })}\n`);
  }
}

main().catch(fail);
