/** The example page in Chromium: a file, and a microphone that plays a real recording. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumPath, launch, NO_CHROMIUM } from "./chromium.js";
import { type StaticServer, serveFolder } from "./static-server.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SAMPLE = join(ROOT, "models", "digits-en", "sample.wav");
const TEXT = readFileSync(join(ROOT, "models", "digits-en", "sample.txt"), "utf8").trim();
const PICTURES = join(ROOT, "build", "reports", "page");

/** Why the tests cannot run. */
const SKIPPED = !existsSync(join(ROOT, "dist/backend/wasm/core/kstt-single.wasm"))
  ? 'the package was built without its WebAssembly core (Emscripten, "node tools/build-wasm.mjs", "npm run build")'
  : chromiumPath() === undefined
    ? NO_CHROMIUM
    : undefined;

const SIZES = { desktop: { width: 1280, height: 860 }, phone: { width: 390, height: 844 } } as const;

/**
 * The sample after two seconds of silence: the fake microphone begins when it is opened, and on a busy machine the page is
 * told of that some tenths of a second later. People begin when they see that somebody listens.
 */
function writeSpeech(): string {
  const wav = readFileSync(SAMPLE);
  const data = wav.indexOf("data", 12, "latin1");
  const rate = wav.readUInt32LE(24);
  const silence = Buffer.alloc(2 * rate * wav.readUInt16LE(32));
  const speech = Buffer.concat([wav.subarray(0, data + 8), silence, wav.subarray(data + 8)]);
  speech.writeUInt32LE(speech.length - 8, 4);
  speech.writeUInt32LE(wav.readUInt32LE(data + 4) + silence.length, data + 4);
  const path = join(ROOT, "build", "lab", "microphone.wav");
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, speech);
  return path;
}

let browser: Browser;
beforeAll(async () => {
  if (SKIPPED === undefined) {
    const { build } = await import("vite");
    await build({ configFile: join(ROOT, "examples/browser/vite.config.ts"), logLevel: "error" });
    mkdirSync(PICTURES, { recursive: true });
    browser = await launch([
      "--use-fake-ui-for-media-stream",
      "--use-fake-device-for-media-stream",
      // Once: words said again would be transcribed again.
      `--use-file-for-fake-audio-capture=${writeSpeech()}%noloop`,
      "--autoplay-policy=no-user-gesture-required",
    ]);
  }
}, 120_000);
afterAll(() => browser?.close());

async function withPage(
  isolated: boolean,
  size: { width: number; height: number },
  use: (page: Page, server: StaticServer) => Promise<void>,
): Promise<void> {
  const server = await serveFolder(join(ROOT, "build", "page"), isolated);
  const page = await browser.newPage({ viewport: size, deviceScaleFactor: 2 });
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  try {
    await page.goto(server.url);
    await page.locator("#state", { hasText: "Ready" }).waitFor({ timeout: 60_000 });
    await use(page, server);
    expect(errors).toEqual([]);
  } finally {
    await page.close();
    await server.close();
  }
}

if (SKIPPED !== undefined) {
  test("the example page", (context) => context.skip(SKIPPED));
}

const words = async (page: Page): Promise<string> => (await page.locator("#words button").allTextContents()).join(" ");

describe.skipIf(SKIPPED !== undefined).each([
  ["isolated", true],
  ["not isolated", false],
] as const)("a page that is %s", (name, isolated) => {
  test.each(Object.entries(SIZES))("transcribes a file, %s", async (device, size) => {
    await withPage(isolated, size, async (page) => {
      await page.locator("#recording").setInputFiles(SAMPLE);
      await page.locator('[data-export="srt"]:not([disabled])').waitFor({ timeout: 60_000 });
      expect(await words(page)).toBe(TEXT);
      expect(await page.locator("#fact-backend").textContent()).toContain(isolated ? "threads" : "one thread");
      expect(await page.locator("#fact-speed").textContent()).toMatch(/^\d+\.\d times real time$/);
      const [download] = await Promise.all([page.waitForEvent("download"), page.click('[data-export="srt"]')]);
      expect(download.suggestedFilename()).toBe("sample.srt");
      const srt = readFileSync(await download.path(), "utf8");
      expect(srt).toMatch(/^1\n00:00:0\d,\d{3} --> 00:00:0\d,\d{3}\n/);
      expect(
        srt
          .replace(/\d+\n.*-->.*\n/g, "")
          .trim()
          .split(/\s+/)
          .join(" "),
      ).toBe(TEXT);
      const width = await page.evaluate("document.documentElement.scrollWidth");
      expect(width).toBeLessThanOrEqual(size.width);
      await page.screenshot({ path: join(PICTURES, `${name.replace(" ", "-")}-${device}.png`), fullPage: true });
    });
  });

  test("hears the microphone word by word", async () => {
    await withPage(isolated, SIZES.desktop, async (page) => {
      await page.click("#record");
      await page.locator("#words button").first().waitFor({ timeout: 30_000 });
      await page.screenshot({ path: join(PICTURES, `${name.replace(" ", "-")}-live.png`) });
      await page
        .locator("#words button:not(.growing)")
        .nth(TEXT.split(" ").length - 1)
        .waitFor({ timeout: 30_000 });
      await page.click("#record");
      await page.locator("#state", { hasText: "Ready" }).waitFor({ timeout: 30_000 });
      expect(await words(page)).toBe(TEXT);
    });
  });
});

test.skipIf(SKIPPED !== undefined)("cancelling stops a transcription and leaves the page usable", async () => {
  await withPage(false, SIZES.desktop, async (page) => {
    await page.click("#record");
    await page.locator("#state", { hasText: "Listening" }).waitFor();
    await page.click("#cancel");
    await page.locator("#state", { hasText: "Cancelled" }).waitFor();
    expect(await page.locator("#problem").isVisible()).toBe(false);
    await page.locator("#recording").setInputFiles(SAMPLE);
    await page.locator('[data-export="txt"]:not([disabled])').waitFor({ timeout: 60_000 });
    expect(await words(page)).toBe(TEXT);
  });
});

test.skipIf(SKIPPED !== undefined)("what cannot be read is explained", async () => {
  await withPage(false, SIZES.phone, async (page) => {
    await page
      .locator("#recording")
      .setInputFiles({ name: "notes.wav", mimeType: "audio/wav", buffer: Buffer.from("no") });
    const problem = page.locator("#problem");
    await problem.waitFor();
    expect(await problem.textContent()).toMatch(/not an audio file/);
    await page.locator('[value="url"]').check({ force: true });
    await page.fill("#url", "http://127.0.0.1:9/nothing.gguf");
    await page.click("#load");
    await page.locator("#state", { hasText: "No model" }).waitFor({ timeout: 60_000 });
    expect(await problem.textContent()).toMatch(/127\.0\.0\.1:9/);
  });
});
