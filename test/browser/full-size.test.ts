/**
 * A checkpoint of full size in Chromium, on demand: KSTT_FULL_SIZE names one file of weights with everything in it
 * (docs/wasm.md says how to make a random one). It must load and run within 2 GB; what was measured goes to
 * build/reports/full-size.json.
 */
import { mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import type { Browser } from "playwright";
import { expect, test } from "vitest";
import { launch } from "./chromium.js";
import { buildLab, NOTHING_TO_RUN, openLab, ROOT, type Stt, serveLab } from "./lab.js";

declare const stt: Stt;

const MODEL = process.env["KSTT_FULL_SIZE"];
const SKIPPED = NOTHING_TO_RUN ?? (MODEL === undefined ? "KSTT_FULL_SIZE names no model of full size" : undefined);
const LIMIT = 2e9;

interface Measured {
  readonly backend: { readonly kind: string; readonly kernels: string; readonly threads: number };
  readonly load_s: number;
  readonly steps: number;
  readonly ms_p50: number;
  readonly ms_p95: number;
}

/** Runs in the page: `seconds` of noise, frame by frame as from a microphone. */
async function measure({
  url,
  threads,
  seconds,
}: {
  url: string;
  threads: number;
  seconds: number;
}): Promise<Measured> {
  const began = performance.now();
  const model = await stt.SpeechToText.load(url, { threads });
  const load_s = (performance.now() - began) / 1000;
  const { sampleRate, frameRate } = model.info;
  const frameSize = Math.round(sampleRate / frameRate);
  const session = await model.createSession({ rate: sampleRate, maxQueuedSeconds: 1 });
  const reading = (async () => {
    for await (const _ of session);
  })();
  let state = 1;
  const noise = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return 0.2 * (state / 2 ** 31 - 1);
  };
  for (let at = 0; at < seconds * sampleRate; at += frameSize) {
    await session.write(Float32Array.from({ length: frameSize }, noise));
    while (session.queuedSeconds > 0) await new Promise((done) => setTimeout(done));
  }
  await session.end();
  await reading;
  const times = model.capacity().stepMs;
  const { kind, kernels, threads: used } = model.backend;
  const backend = { kind, kernels: kernels ?? "", threads: used ?? 1 };
  await model.dispose();
  return { backend, load_s, steps: times?.rounds ?? 0, ms_p50: times?.p50 ?? 0, ms_p95: times?.p95 ?? 0 };
}

/** The most that any process which runs a page has ever had in memory, in bytes. */
async function peakOfRenderers(browser: Browser): Promise<number> {
  const client = await browser.newBrowserCDPSession();
  const { processInfo } = await client.send("SystemInfo.getProcessInfo");
  const peaks = processInfo
    .filter(({ type }) => type === "renderer")
    .map(({ id }) => /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${id}/status`, "utf8"))?.[1]);
  return 1024 * Math.max(...peaks.map(Number));
}

const PAGES = [
  ["isolated", true, 2],
  ["not isolated", false, 1],
] as const;

test.for(PAGES)("a model of full size in a page that is %s", { timeout: 600_000 }, async (page, { skip }) => {
  if (SKIPPED !== undefined) {
    skip(SKIPPED);
  }
  const [name, isolated, threads] = page;
  const path = resolve(MODEL ?? "");
  await buildLab();
  const link = join(ROOT, "build", "lab", basename(path));
  rmSync(link, { force: true });
  symlinkSync(path, link);
  const [server, browser] = [await serveLab(isolated), await launch()];
  try {
    const tab = await browser.newPage();
    await openLab(tab, server);
    const url = `${server.url}build/lab/${basename(path)}`;
    const measured = await tab.evaluate(measure, { url, threads, seconds: 6 });
    const peak_bytes = await peakOfRenderers(browser);
    const report = { model: basename(path), file_bytes: statSync(path).size, page: name, ...measured, peak_bytes };
    const folder = join(ROOT, "build", "reports");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "full-size.json"), `${JSON.stringify(report)}\n`, { flag: "a" });
    process.stdout.write(`${JSON.stringify(report)}\n`);
    expect(measured.backend).toMatchObject({ kind: "wasm", threads });
    expect(measured.steps).toBeGreaterThan(50);
    expect(peak_bytes).toBeGreaterThan(statSync(path).size);
    expect(peak_bytes).toBeLessThan(LIMIT);
  } finally {
    await browser.close();
    await server.close();
    rmSync(link);
  }
});
