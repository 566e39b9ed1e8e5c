#!/usr/bin/env node
/**
 * Measures live sessions through the TypeScript facade, with the embedded model; one JSON object per line, bench/README.md
 * explains the fields. Usage: node bench/facade.mjs [--threads N] [--seconds S] [--fsdd DIR]
 */
import { readdirSync, readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { read_audio, SpeechToText } from "../dist/index.node.js";
import { root } from "../tools/steps.mjs";

const MODEL = join(root, "models", "digits-en");
const RATE = 24000;
const FLUSHES = 20;
const CANCELS = 20;
const STRINGS = 40;
const DIGITS = "zero one two three four five six seven eight nine".split(" ");

const { values } = parseArgs({
  options: { threads: { type: "string" }, seconds: { type: "string" }, fsdd: { type: "string" } },
});
const threads = values.threads === undefined ? undefined : Number(values.threads);
const seconds = Number(values.seconds ?? 20);

const print = (stage, fields) => process.stdout.write(`${JSON.stringify({ stage, ...fields })}\n`);
const round = (value) => Number(value.toPrecision(4));

/** Median, 95th and 99th percentile and maximum (nearest rank), with this ending of their names. */
function distribution(numbers, unit) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (share) => round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0);
  return {
    n: sorted.length,
    [`${unit}_p50`]: at(0.5),
    [`${unit}_p95`]: at(0.95),
    [`${unit}_p99`]: at(0.99),
    [`${unit}_max`]: at(1),
  };
}

async function drain(session, onEvent = () => {}) {
  for await (const event of session) onEvent(event);
}

/** The test recordings, and one after the other as a stream of `length` seconds. */
async function loadRecordings() {
  const expected = JSON.parse(readFileSync(join(MODEL, "test", "expected.json"), "utf8"));
  const recordings = [];
  for (const { file, text, onsets, ends } of expected) {
    recordings.push({ text, onsets, ends, samples: await read_audio(join(MODEL, "test", file), RATE) });
  }
  return recordings;
}

function speech(recordings, length) {
  const samples = new Float32Array(Math.round(length * RATE));
  for (let at = 0, index = 0; at < samples.length; index++) {
    const next = recordings[index % recordings.length].samples;
    samples.set(next.subarray(0, samples.length - at), at);
    at += next.length;
  }
  return samples;
}

/** From flush() to the last word, as a part of the model's delay. All audio before it has been computed. */
async function measureFlush(stt, recordings) {
  const { delaySeconds } = stt.info;
  const times = [];
  for (let run = 0; run < FLUSHES; run++) {
    const session = await stt.createSession({ rate: RATE });
    const reading = drain(session);
    await session.write(recordings[run % recordings.length].samples);
    while (session.queuedSeconds > 0) await setTimeout(1);
    const started = performance.now();
    await session.flush();
    times.push((performance.now() - started) / 1000);
    await session.end();
    await reading;
  }
  print("flush", {
    delay_s: delaySeconds,
    ...distribution(
      times.map((time) => time * 1000),
      "ms",
    ),
  });
  print(
    "flush-share-of-delay",
    distribution(
      times.map((time) => time / delaySeconds),
      "share",
    ),
  );
}

/** From abort() until the slot is free, beside three other sessions that compute. */
async function measureCancel(stt, recordings) {
  const audio = speech(recordings, 60);
  const others = await Promise.all([1, 2, 3].map(() => stt.createSession({ rate: RATE })));
  const readings = others.map((session) => drain(session).catch(() => {}));
  for (const session of others) void session.write(audio);
  const times = [];
  for (let run = 0; run < CANCELS; run++) {
    const session = await stt.createSession({ rate: RATE });
    void session.write(audio.subarray(0, 10 * RATE));
    await setTimeout(20);
    const started = performance.now();
    session.abort();
    await session.dispose();
    times.push(performance.now() - started);
  }
  await Promise.all(others.map((session) => session.dispose()));
  await Promise.all(readings);
  print("cancel", distribution(times, "ms"));
}

/** One live stream in real time: from the write of a frame until it is computed, alone and beside two recordings. */
async function measureLatency(stt, recordings, files) {
  const audio = speech(recordings, seconds);
  const stop = new AbortController();
  const busy = Array.from({ length: files }, async () => {
    while (!stop.signal.aborted) {
      await stt.transcribe({ samples: speech(recordings, 60), rate: RATE }, { signal: stop.signal }).catch(() => {});
    }
  });
  const session = await stt.createSession({ rate: RATE, tokens: true });
  const written = [];
  const latencies = [];
  const reading = drain(session, (event) => {
    // Step s has consumed frame s - 1; this model has no silence in front of the audio.
    const started = event.type === "token" ? written[event.step - 1] : undefined;
    if (started !== undefined) latencies.push(performance.now() - started);
  });
  const begun = performance.now();
  for (let at = 0, frame = 0; at < audio.length; at += 1920, frame++) {
    await setTimeout(begun + frame * 80 - performance.now());
    written[frame] = performance.now();
    await session.write(audio.subarray(at, at + 1920));
  }
  stop.abort();
  await session.end();
  await Promise.all([reading, ...busy]);
  print(files === 0 ? "live-alone" : "live-beside-files", { files, ...distribution(latencies, "ms") });
}

/** Errors of word starts and ends against the known places of the digits, where no word was lost or invented. */
async function measureTimes(stt, recordings) {
  const starts = [];
  const stops = [];
  let wrong = 0;
  for (const { samples, text, onsets, ends } of recordings) {
    const result = await stt.transcribe({ samples, rate: RATE });
    if (result.text !== text) {
      wrong++;
      continue;
    }
    starts.push(...result.words.map((word, index) => Math.abs(word.start - onsets[index])));
    stops.push(...result.words.map((word, index) => Math.abs(word.end - ends[index])));
  }
  print("word-starts", { recordings: recordings.length, left_out: wrong, ...distribution(starts, "s") });
  print("word-ends", { recordings: recordings.length, left_out: wrong, ...distribution(stops, "s") });
}

/** Strings of takes 0 to 4 of the Free Spoken Digit Dataset, which the model has not seen, with silence between them. */
async function measureDigits(stt, folder) {
  const names = readdirSync(folder).filter((name) => /^\d_[a-z]+_[0-4]\.wav$/.test(name));
  const speakers = [...new Set(names.map((name) => name.split("_")[1]))];
  const starts = [];
  const ends = [];
  let wrong = 0;
  for (let string = 0; string < STRINGS; string++) {
    const speaker = speakers[string % speakers.length];
    const placed = [];
    const parts = [new Float32Array(0.4 * RATE)];
    let length = parts[0].length;
    for (let word = 0; word < 6; word++) {
      const digit = (string * 7 + word * 3) % 10;
      const take = (string + word) % 5;
      const samples = await read_audio(join(folder, `${digit}_${speaker}_${take}.wav`), RATE);
      const gap = new Float32Array(Math.round((0.25 + 0.05 * ((string + word) % 7)) * RATE));
      placed.push({ digit, start: length / RATE, end: (length + samples.length) / RATE });
      parts.push(samples, gap);
      length += samples.length + gap.length;
    }
    const samples = new Float32Array(length);
    let at = 0;
    for (const part of parts) {
      samples.set(part, at);
      at += part.length;
    }
    const { text, words } = await stt.transcribe({ samples, rate: RATE });
    if (text !== placed.map(({ digit }) => DIGITS[digit]).join(" ")) {
      wrong++;
      continue;
    }
    for (const [index, { start, end }] of placed.entries()) {
      starts.push(Math.abs(words[index].start - start));
      ends.push(Math.abs(words[index].end - end));
    }
  }
  print("digit-starts", { strings: STRINGS, left_out: wrong, ...distribution(starts, "s") });
  print("digit-ends", { strings: STRINGS, left_out: wrong, ...distribution(ends, "s") });
}

const stt = await SpeechToText.load(MODEL, { backend: "cpu", threads, slots: 4 });
const recordings = await loadRecordings();
print("environment", {
  node: process.version,
  cpu: cpus()[0]?.model,
  cpus: cpus().length,
  load_average: loadavg().map(round),
  kernels: stt.backend.kernels,
  threads: stt.backend.threads,
  model: "models/digits-en",
});
await measureFlush(stt, recordings);
await measureCancel(stt, recordings);
await measureLatency(stt, recordings, 0);
await measureLatency(stt, recordings, 2);
await measureTimes(stt, recordings);
if (values.fsdd !== undefined) await measureDigits(stt, values.fsdd);
print("capacity", await stt.measureCapacity());
await stt.dispose();
print("environment-after", { load_average: loadavg().map(round) });
