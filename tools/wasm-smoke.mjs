#!/usr/bin/env node
/**
 * Transcribes the embedded recording with the built WebAssembly modules and compares the words with what is said.
 * Usage: node tools/wasm-smoke.mjs [single|threads] [relaxed]
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readWav } from "../bench/recordings.mjs";
import { WasmCore } from "../bench/wasm-core.mjs";
import { fail, root, StepError } from "./steps.mjs";

async function main(args) {
  const threads = args.includes("threads") ? 2 : 1;
  const core = await WasmCore.load({ threads, relaxed: args.includes("relaxed") });
  const model = join(root, "models", "digits-en");
  const engine = core.createEngine(core.addModel(model), threads);
  const session = engine.createSession();
  const { pcm, rate } = readWav(join(model, "sample.wav"));
  const started = performance.now();
  session.pushPcm(pcm, rate);
  session.end();
  while (engine.step(16) > 0);
  const words = session.poll().flatMap((event) => (event.type === "word" ? [event.text] : []));
  const milliseconds = Math.round(performance.now() - started);
  const { kernels, threads: used } = engine.info;
  session.dispose();
  engine.dispose();
  const expected = readFileSync(join(model, "sample.txt"), "utf8").trim();
  if (words.join(" ") !== expected) throw new StepError(`expected "${expected}", found "${words.join(" ")}"`);
  process.stdout.write(`${words.join(" ")} (${kernels}, ${used} threads, ${milliseconds} ms)\n`);
}

main(process.argv.slice(2)).then(() => process.exit(0), fail);
