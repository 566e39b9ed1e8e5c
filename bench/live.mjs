#!/usr/bin/env node
/**
 * Measures live sessions, of the embedded model unless another is named; one JSON object per line, fields in bench/README.md.
 * Usage: node bench/live.mjs throughput|flush|beside|long [--model PATH] [--seconds S] [--hours H]
 */
import { parseArgs } from "node:util";
import { StepError } from "../tools/steps.mjs";
import { digits, longRecording, readTakes, wordErrors } from "./recordings.mjs";

const { cpuCandidate } = await import("../dist/backend/native/native-candidate.js");
const { DEFAULT_SESSION } = await import("../dist/contract/session.js");

const round = (value) => Number(value.toPrecision(4));
const print = (stage, fields) => process.stdout.write(`${JSON.stringify({ stage, ...fields })}\n`);
const rss = () => process.memoryUsage().rss;

function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0);
}

let model = digits;

async function withEngine(slots, threads, work) {
  const backend = await cpuCandidate.open();
  const engine = await backend.createEngine(model, { threads, slots });
  try {
    return await work(engine, backend);
  } finally {
    await engine.dispose();
  }
}

/** Steps until nothing is ready; the events of each session by its index. */
async function drain(engine, sessions, maxSteps = 64) {
  const events = sessions.map(() => []);
  for (let done = -1; done !== 0; ) {
    done = await engine.step(maxSteps);
    for (const [i, session] of sessions.entries()) events[i].push(...session.poll());
  }
  return events;
}

/** Sessions of equal length side by side: how many live streams the machine carries. */
async function throughput({ seconds }) {
  for (const threads of [1, 2]) {
    for (const n of [1, 2, 4, 8, 16, 32]) {
      await withEngine(n, threads, async (engine) => {
        const { frameRate, frameSize, sampleRate } = engine.info;
        const sessions = [];
        for (let i = 0; i < n; i++) sessions.push(await engine.createSession(DEFAULT_SESSION));
        const audio = sessions.map((_, i) => longRecording(readTakes(), seconds, i + 1));
        const times = [];
        let frames = 0;
        const started = performance.now();
        // One frame each at a time, as live streams bring them.
        for (let frame = 0; frame < seconds * frameRate; frame++) {
          const size = (frameSize * audio[0].rate) / sampleRate;
          for (const [i, session] of sessions.entries()) {
            await session.pushPcm(audio[i].pcm.subarray(frame * size, (frame + 1) * size), audio[i].rate);
          }
          const before = performance.now();
          for (let done = -1; done !== 0; frames += done) done = await engine.step(4);
          times.push(performance.now() - before);
          for (const session of sessions) session.poll();
        }
        const milliseconds = performance.now() - started;
        const framesPerSecond = (frames / milliseconds) * 1000;
        print("throughput", {
          sessions: n,
          threads,
          frames_per_s: round(framesPerSecond),
          live_streams: Math.floor(framesPerSecond / frameRate),
          ms_p50: percentile(times, 0.5),
          ms_p99: percentile(times, 0.99),
        });
      });
    }
  }
}

/** Time from flush() to the flushed event, against the model's delay. */
async function flush({ seconds }) {
  await withEngine(1, 1, async (engine) => {
    const session = await engine.createSession(DEFAULT_SESSION);
    const { pcm, rate } = longRecording(readTakes(), seconds, 5);
    const times = [];
    for (let at = 0; at < pcm.length; at += 2 * rate) {
      await session.pushPcm(pcm.subarray(at, at + 2 * rate), rate);
      await drain(engine, [session]);
      const started = performance.now();
      await session.flush();
      for (let flushed = false; !flushed; ) {
        await engine.step(64);
        flushed = session.poll().some(({ type }) => type === "flushed");
      }
      times.push(performance.now() - started);
    }
    const delay = engine.info.delaySeconds * 1000;
    print("flush", {
      flushes: times.length,
      delay_ms: delay,
      ms_p50: percentile(times, 0.5),
      ms_p99: percentile(times, 0.99),
      share_of_delay_p50: round(percentile(times, 0.5) / delay),
    });
  });
}

/** A recording at the model's rate, so that a frame pushed is a frame to compute: a resampler holds some samples back. */
async function atModelRate(backend, { pcm, rate }, rateOut) {
  const resampler = await backend.createResampler(rate, rateOut);
  const parts = [await resampler.push(pcm), await resampler.flush()];
  resampler.dispose();
  return Float32Array.from({ length: parts[0].length + parts[1].length }, (_, i) =>
    i < parts[0].length ? parts[0][i] : parts[1][i - parts[0].length],
  );
}

/** Live sessions alone, then with files beside them: the time from a pushed frame to its step. */
async function beside({ seconds }) {
  for (const files of [0, 1, 4]) {
    await withEngine(4 + files, 1, async (engine, backend) => {
      const { frameRate, frameSize, sampleRate } = engine.info;
      const pcm = await atModelRate(backend, longRecording(readTakes(), seconds, 9), sampleRate);
      const live = [];
      for (let i = 0; i < 4; i++) live.push(await engine.createSession({ ...DEFAULT_SESSION, emitTokens: true }));
      let fileFrames = 0;
      for (let i = 0; i < files; i++) {
        const file = await engine.createSession({ ...DEFAULT_SESSION, priority: "file" });
        const recording = longRecording(readTakes(), 20 * seconds, i);
        await file.pushPcm(recording.pcm, recording.rate);
      }
      const times = [];
      const started = performance.now();
      for (let frame = 0; frame < seconds * frameRate; frame++) {
        // Paced: between two frames the files have the engine.
        while (performance.now() - started < (frame / frameRate) * 1000) {
          if ((await engine.step(1)) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
          else fileFrames++;
        }
        const before = performance.now();
        for (const session of live)
          await session.pushPcm(pcm.subarray(frame * frameSize, (frame + 1) * frameSize), sampleRate);
        for (let heard = 0; heard < live.length; ) {
          await engine.step(1);
          heard += live.filter((session) => session.poll().length > 0).length;
        }
        times.push(performance.now() - before);
      }
      const ms = { ms_p50: percentile(times, 0.5), ms_p99: percentile(times, 0.99) };
      print("beside", { live: live.length, files, ...ms, file_rounds: fileFrames });
    });
  }
}

/** Hours of speech in one session: errors, times and memory by part. */
async function long({ hours }) {
  const takes = readTakes();
  await withEngine(1, 1, async (engine) => {
    const session = await engine.createSession({ ...DEFAULT_SESSION, priority: "file" });
    const part = 0.25;
    let offset = 0;
    let settled = 0;
    const started = performance.now();
    for (let n = 1; n * part <= hours; n++) {
      const recording = longRecording(takes, part * 3600, n);
      for (let at = 0; at < recording.pcm.length; at += 60 * recording.rate) {
        await session.pushPcm(recording.pcm.subarray(at, at + 60 * recording.rate), recording.rate);
      }
      await session.flush();
      const [events] = await drain(engine, [session]);
      const words = events.filter(({ type }) => type === "word");
      const flushed = events.find(({ type }) => type === "flushed");
      // Each word of the list is matched with what was said nearest to it.
      const errors = [];
      let next = 0;
      for (const word of words) {
        const distance = (i) => Math.abs(recording.words[i].onset + offset - word.start);
        while (next + 1 < recording.words.length && distance(next + 1) <= distance(next)) next++;
        errors.push(word.start - recording.words[next].onset - offset);
      }
      const gaps = words.slice(1).map((word, i) => word.start - words[i].start);
      offset += recording.seconds;
      const wrong = wordErrors(
        recording.words.map(({ text }) => text),
        words.map(({ text }) => text),
      );
      globalThis.gc?.();
      const resident = rss();
      settled ||= resident;
      print("long", {
        hours: round(n * part),
        words: words.length,
        word_errors: wrong,
        said: recording.words.length,
        longest_gap_s: round(Math.max(...gaps)),
        start_error_median_s: round(percentile(errors.map(Math.abs), 0.5)),
        start_error_p95_s: round(percentile(errors.map(Math.abs), 0.95)),
        clock_error_s: flushed.time - offset,
        refreshes: events.filter(({ type }) => type === "refresh").length,
        stalls: events.filter(({ type, reason }) => type === "refresh" && reason === "stall").length,
        rss_bytes: resident,
        rss_growth: round(resident / settled - 1),
        minutes: round((performance.now() - started) / 6e4),
      });
    }
  });
}

const STAGES = { throughput, flush, beside, long };
const options = { model: { type: "string", default: digits }, seconds: { type: "string" }, hours: { type: "string" } };
const { positionals, values } = parseArgs({ options, allowPositionals: true });
const stage = STAGES[positionals[0]];
if (stage === undefined) throw new StepError(`Usage: node bench/live.mjs ${Object.keys(STAGES).join("|")}`);
model = values.model;
await stage({
  seconds: Number(values.seconds ?? 30),
  hours: Number(values.hours ?? 24),
});
