#!/usr/bin/env node
/**
 * Hours of speech in one WebAssembly session of the embedded model: the memory must not grow, every word must come. Prints
 * one JSON object per quarter of an hour of audio, then the sum; fails if the memory grew after the first quarter.
 * Usage: node bench/wasm-soak.mjs [--hours H] [--threads N]
 */
import { parseArgs } from "node:util";
import { fail, StepError } from "../tools/steps.mjs";
import { digits, randomNumbers, readTakes } from "./recordings.mjs";
import { WasmCore } from "./wasm-core.mjs";

const QUARTER = 900;

function print(fields) {
  process.stdout.write(`${JSON.stringify(fields)}\n`);
}

/** Pushes one take in frames, as a microphone would, and steps; returns the words that came. */
function play(engine, session, { pcm, rate }) {
  const chunk = Math.round(rate * 0.08);
  const words = [];
  for (let at = 0; at < pcm.length; at += chunk) {
    if (session.pushPcm(pcm.subarray(at, at + chunk), rate) > 0) while (engine.step(8) > 0);
    words.push(...session.poll().filter((event) => event.type === "word"));
  }
  return words;
}

async function main() {
  const { values } = parseArgs({
    options: { hours: { type: "string", default: "2" }, threads: { type: "string", default: "1" } },
  });
  const [seconds, threads] = [Number(values.hours) * 3600, Number(values.threads)];
  if (!(seconds >= 2 * QUARTER)) throw new StepError("--hours is at least 0.5: growth is told from two quarters");
  const core = await WasmCore.load({ threads });
  const engine = core.createEngine(core.addModel(digits), threads);
  const session = engine.createSession();
  const takes = readTakes();
  const random = randomNumbers(1);
  const started = performance.now();
  const quarters = [];
  let [played, said, heard, last] = [0, 0, 0, 0];
  let disorder = 0;
  while (played < seconds) {
    const take = takes[Math.floor(random() * takes.length)];
    for (const word of play(engine, session, take)) {
      heard++;
      if (word.start < last) disorder++;
      last = word.start;
    }
    said += take.words.length;
    played += take.pcm.length / take.rate;
    if (played >= (quarters.length + 1) * QUARTER) {
      const computed = (performance.now() - started) / 1000;
      quarters.push(core.heapEnd());
      print({
        stage: "quarter",
        audio_s: Math.round(played),
        computed_s: Math.round(computed),
        said,
        heard,
        heap_end_bytes: core.heapEnd(),
        wasm_memory_bytes: core.memoryBytes,
        rss_bytes: process.memoryUsage.rss(),
      });
    }
  }
  session.end();
  while (engine.step(8) > 0);
  heard += session.poll().filter((event) => event.type === "word").length;
  const growth = quarters.at(-1) - quarters[0];
  print({ stage: "long", audio_s: Math.round(played), said, heard, out_of_order: disorder, growth_bytes: growth });
  if (growth > 64 << 10) throw new StepError(`the memory in use grew by ${growth} bytes after the first quarter`);
  process.exit(0);
}

main().catch(fail);
