#!/usr/bin/env node
/**
 * Hours of speech through one live session of the package, computed in WebAssembly with the embedded model: memory of the
 * whole process, its worker included, must stay where it was after the first half hour, and every word must come in order.
 * Prints one JSON object per quarter of an hour of audio, then the sum.
 * Usage: node bench/wasm-session-soak.mjs [--hours H] [--threads N]
 */
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { SpeechToText } from "../dist/index.node.js";
import { fail, StepError } from "../tools/steps.mjs";
import { randomNumbers, readTakes } from "./recordings.mjs";

const QUARTER = 900;
/** Seconds of one write. */
const CHUNK = 0.08;
/** Bytes: what collections of garbage leave to chance. */
const NOISE = 24 << 20;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc");

function memory() {
  collectGarbage();
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  return { rss_bytes: rss, heap_bytes: heapUsed, buffer_bytes: arrayBuffers };
}

const print = (fields) => process.stdout.write(`${JSON.stringify(fields)}\n`);

/** Counts final words, and those that begin before the one before. */
async function follow(session, heard) {
  let last = 0;
  for await (const event of session) {
    if (event.type !== "word" || !event.final) continue;
    heard.words++;
    if (event.start < last) heard.disorder++;
    last = event.start;
  }
}

async function main() {
  const { values } = parseArgs({
    options: { hours: { type: "string", default: "2" }, threads: { type: "string", default: "1" } },
  });
  const seconds = Number(values.hours) * 3600;
  if (!(seconds >= 3 * QUARTER))
    throw new StepError("--hours is at least 0.75: growth is told from what follows two quarters");
  const stt = await SpeechToText.load(undefined, { backend: "wasm", threads: Number(values.threads) });
  const takes = readTakes();
  const random = randomNumbers(1);
  const session = await stt.createSession({ rate: takes[0].rate });
  const heard = { words: 0, disorder: 0 };
  const reading = follow(session, heard);
  const started = performance.now();
  const quarters = [];
  let [played, said] = [0, 0];
  while (played < seconds) {
    const { pcm, rate, words } = takes[Math.floor(random() * takes.length)];
    const size = Math.round(CHUNK * rate);
    for (let at = 0; at < pcm.length; at += size) await session.write(pcm.subarray(at, at + size));
    said += words.length;
    played += pcm.length / rate;
    if (played >= (quarters.length + 1) * QUARTER) {
      const fields = memory();
      quarters.push(fields.rss_bytes);
      const computed_s = Math.round((performance.now() - started) / 1000);
      print({ stage: "quarter", audio_s: Math.round(played), computed_s, said, heard: heard.words, ...fields });
    }
  }
  await session.end();
  await reading;
  const growth = quarters.at(-1) - quarters[1];
  const { words, disorder } = heard;
  const { kind, kernels, threads } = stt.backend;
  const sum = { audio_s: Math.round(played), said, heard: words, out_of_order: disorder, growth_bytes: growth };
  print({ stage: "long", kind, kernels, threads, ...sum });
  await stt.dispose();
  if (kind !== "wasm") throw new StepError(`${kind} computed, not wasm`);
  if (disorder > 0) throw new StepError(`${disorder} words were out of order`);
  if (growth > NOISE) throw new StepError(`the process grew by ${growth} bytes after the first half hour`);
}

main().catch(fail);
