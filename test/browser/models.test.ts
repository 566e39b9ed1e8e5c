/** Models in Chromium: from URLs, the Hub, files and the page's storage; cut, kept, too large. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Browser, BrowserContext, Page } from "playwright";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { launch } from "./chromium.js";
import { buildLab, NOTHING_TO_RUN, openLab, ROOT, type Stt, serveLab } from "./lab.js";
import type { StaticServer } from "./static-server.js";

declare const stt: Stt;

const FOLDER = join(ROOT, "models", "digits-en");
const TEXT = readFileSync(join(FOLDER, "sample.txt"), "utf8").trim();
const WEIGHTS = "/models/digits-en/model.safetensors";
const NAMES = [
  "config.json",
  "generation_config.json",
  "preprocessor_config.json",
  "tokenizer.json",
  "model.safetensors",
];
const COMMIT = "0123456789abcdef0123456789abcdef01234567";
/** Bytes of a part that is kept (ts/hub/remote-file.ts). */
const PART = 4 << 20;

/** As the Hub lists it: large files by their sha256, small ones by git's hash. */
function describeFile(name: string, content: Buffer) {
  const file = { rfilename: name, size: content.length };
  return name.endsWith(".safetensors")
    ? { ...file, lfs: { sha256: createHash("sha256").update(content).digest("hex") } }
    : { ...file, blobId: createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex") };
}

interface Outcome {
  readonly text?: string;
  readonly code?: string;
  readonly message?: string;
  readonly source?: unknown;
  /** Bytes that progress told of, at its last report; and how many reports there were. */
  readonly done?: number;
  readonly reports?: number;
}

/** Runs in the page: loads a model by what `how` names, transcribes the sample. */
async function load(how: {
  location?: string;
  input?: boolean;
  opfs?: boolean;
  abortAfter?: number;
}): Promise<Outcome> {
  const controller = new AbortController();
  let done = 0;
  let reports = 0;
  let location: Parameters<Stt["SpeechToText"]["load"]>[0] = how.location;
  if (how.input) {
    location = (document.querySelector("input") as HTMLInputElement).files ?? [];
  }
  if (how.opfs) {
    const root = await navigator.storage.getDirectory();
    const folder = await root.getDirectoryHandle("model", { create: true });
    for (const name of [
      "config.json",
      "generation_config.json",
      "preprocessor_config.json",
      "tokenizer.json",
      "model.safetensors",
    ]) {
      const file = await (await folder.getFileHandle(name, { create: true })).createWritable();
      await file.write(await (await fetch(`/models/digits-en/${name}`)).blob());
      await file.close();
    }
    location = folder as never;
  }
  if (how.abortAfter !== undefined) {
    setTimeout(() => controller.abort(), how.abortAfter);
  }
  try {
    const model = await stt.SpeechToText.load(location, {
      signal: controller.signal,
      onProgress: (progress) => {
        if (progress.stage === "download") {
          reports++;
          done = progress.done;
        }
      },
    });
    const { text } = await model.transcribe("/models/digits-en/sample.wav");
    const { source } = model;
    await model.dispose();
    return { text, source, done, reports };
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return { code, message, done, reports };
  }
}

if (NOTHING_TO_RUN !== undefined) {
  test("models in a browser", (context) => context.skip(NOTHING_TO_RUN));
}

describe.skipIf(NOTHING_TO_RUN !== undefined)("models", () => {
  let browser: Browser;
  let server: StaticServer;
  let context: BrowserContext;
  let page: Page;
  beforeAll(async () => {
    await buildLab();
    browser = await launch();
    await promisify(execFile)(process.execPath, [
      join(ROOT, "dist/cli/main.js"),
      ...["convert", FOLDER, join(ROOT, "build/lab/digits.gguf"), "--dtype", "q8_0"],
    ]);
  }, 120_000);
  afterAll(() => browser?.close());
  // A new context has an empty storage.
  beforeEach(async () => {
    server = await serveLab(false);
    context = await browser.newContext();
    page = await context.newPage();
    await openLab(page, server);
  });
  afterEach(async () => {
    await context.close();
    await server.close();
  });

  /** A Hub with the embedded model as me/digits, at the server of the page; `damaged`: one byte of its weights is wrong. */
  async function serveHub(damaged = false): Promise<string> {
    server.intercept = (request, response) => {
      const { pathname } = new URL(request.url ?? "/", server.url);
      if (pathname === "/hub/api/models/me/digits/revision/main") {
        const siblings = NAMES.map((name) => describeFile(name, readFileSync(join(FOLDER, name))));
        response.setHeader("content-type", "application/json").end(JSON.stringify({ sha: COMMIT, siblings }));
        return true;
      }
      const file = pathname.replace(`/hub/me/digits/resolve/${COMMIT}/`, "");
      if (file === pathname) {
        return false;
      }
      if (damaged && file === "model.safetensors") {
        const weights = readFileSync(join(FOLDER, file));
        weights.writeUInt8(weights.readUInt8(weights.length - 1) ^ 1, weights.length - 1);
        response.writeHead(200, { "content-length": weights.length }).end(weights);
      } else {
        response.writeHead(302, { location: `/models/digits-en/${file}` }).end();
      }
      return true;
    };
    const hub = `${server.url}hub`;
    await page.evaluate((url) => stt.setHubEndpoint(url), hub);
    return hub;
  }

  test("a folder behind a URL, with progress", async () => {
    const { text, source, done, reports } = await page.evaluate(load, { location: "/models/digits-en" });
    expect(text).toBe(TEXT);
    expect(source).toMatchObject({ kind: "url" });
    const size = NAMES.reduce((sum, name) => sum + readFileSync(join(FOLDER, name)).length, 0);
    expect(done).toBeGreaterThanOrEqual(size);
    expect(reports).toBeGreaterThan(5);
  });

  test("one GGUF file behind a URL", async () => {
    const { text } = await page.evaluate(load, { location: `${server.url}build/lab/digits.gguf` });
    expect(text).toBe(TEXT);
  });

  test("a download that was cut goes on behind the last whole part, also after a reload", async () => {
    // The line falls silent in the middle of the second part.
    const silentFrom = PART + 700_000;
    server.intercept = (request, response) => {
      const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
      if (request.url !== WEIGHTS || request.method !== "GET" || first === undefined || Number(last) < silentFrom) {
        return false;
      }
      const weights = readFileSync(join(FOLDER, "model.safetensors"));
      response.writeHead(206, {
        "content-length": Number(last) - Number(first) + 1,
        "content-range": `bytes ${first}-${last}/${weights.length}`,
      });
      response.write(weights.subarray(Number(first), Math.max(silentFrom, Number(first))));
      return true;
    };
    const cut = await page.evaluate(load, { location: "/models/digits-en/", abortAfter: 3000 });
    expect(cut).toMatchObject({ code: "ERR_ABORTED" });
    server.intercept = undefined;
    await openLab(page, server);
    server.requests.length = 0;
    expect((await page.evaluate(load, { location: "/models/digits-en/" })).text).toBe(TEXT);
    const ranges = server.requests.filter((line) => line.startsWith(`GET ${WEIGHTS}`));
    expect(ranges.length).toBeGreaterThan(0);
    expect(ranges.every((line) => Number(/bytes=(\d+)-/.exec(line)?.[1] ?? 0) >= PART)).toBe(true);
  });

  test("what is complete is used without a connection, until it is cleared", async () => {
    await page.evaluate(load, { location: "/models/digits-en/" });
    // The sample must still come.
    server.intercept = (request) => {
      const isModel = /\/models\/digits-en\/(?!sample)/.test(request.url ?? "");
      if (isModel) request.socket.destroy();
      return isModel;
    };
    await openLab(page, server);
    expect((await page.evaluate(load, { location: "/models/digits-en/" })).text).toBe(TEXT);
    expect(await page.evaluate(() => stt.clearModels())).toBe(true);
    expect(await page.evaluate(load, { location: "/models/digits-en/" })).toMatchObject({ code: "ERR_NETWORK" });
  }, 120_000);

  test("a file that has changed on the server is fetched again", async () => {
    await page.evaluate(load, { location: "/models/digits-en/" });
    server.requests.length = 0;
    server.intercept = (_, response) => {
      const setHeader = response.setHeader.bind(response);
      response.setHeader = (name, value) => setHeader(name, name === "etag" ? '"another"' : value);
      return false;
    };
    expect((await page.evaluate(load, { location: "/models/digits-en/" })).text).toBe(TEXT);
    expect(server.requests.some((line) => line.startsWith(`GET ${WEIGHTS}`))).toBe(true);
  });

  test("a model of the Hub, with its commit; kept for times without a connection", async () => {
    const hub = await serveHub();
    const { text, source } = await page.evaluate(load, { location: "me/digits" });
    expect(text).toBe(TEXT);
    expect(source).toMatchObject({ kind: "hub", repository: "me/digits", commit: COMMIT, revision: "main" });
    server.intercept = (request) => {
      const isHub = (request.url ?? "").startsWith("/hub/");
      if (isHub) request.socket.destroy();
      return isHub;
    };
    await openLab(page, server);
    await page.evaluate((url) => stt.setHubEndpoint(url), hub);
    expect((await page.evaluate(load, { location: "me/digits" })).text).toBe(TEXT);
    expect(await page.evaluate(load, { location: "me/other" })).toMatchObject({ code: "ERR_NETWORK" });
  }, 120_000);

  test("a download of the Hub that has another hash than announced is refused, and is fetched again", async () => {
    await serveHub(true);
    expect(await page.evaluate(load, { location: "me/digits" })).toMatchObject({
      code: "ERR_DOWNLOAD",
      message: expect.stringContaining("me/digits: model.safetensors"),
    });
    await serveHub();
    expect((await page.evaluate(load, { location: "me/digits" })).text).toBe(TEXT);
  });

  test("files of the user: one, or all of a folder", async () => {
    await page.locator("input").setInputFiles(join(ROOT, "build/lab/digits.gguf"));
    expect((await page.evaluate(load, { input: true })).text).toBe(TEXT);
    await page.locator("input").setInputFiles(NAMES.map((name) => join(FOLDER, name)));
    expect((await page.evaluate(load, { input: true })).text).toBe(TEXT);
    await page.locator("input").setInputFiles(join(FOLDER, "config.json"));
    expect(await page.evaluate(load, { input: true })).toMatchObject({ code: "ERR_FILE_NOT_FOUND" });
  });

  test("a folder of the page's own storage", async () => {
    expect((await page.evaluate(load, { opfs: true })).text).toBe(TEXT);
  });

  test("a model that cannot fit is refused before it is fetched", async () => {
    server.intercept = (request, response) => {
      const isWeights = request.url === "/big/huge.gguf";
      if (isWeights) response.writeHead(200, { "content-length": "9000000000", etag: '"x"' }).end();
      return isWeights;
    };
    const outcome = await page.evaluate(load, { location: `${server.url}big/huge.gguf` });
    expect(outcome).toMatchObject({ code: "ERR_OUT_OF_MEMORY", message: expect.stringContaining("needs 9.1 GB") });
    expect(server.requests.some((line) => line.startsWith("GET /big/huge.gguf"))).toBe(false);
  });

  test("what is not there, or no model, is an error that names it", async () => {
    expect(await page.evaluate(load, { location: "/nothing/here/" })).toMatchObject({
      code: "ERR_FILE_NOT_FOUND",
      message: expect.stringContaining("/nothing/here/"),
    });
    expect(await page.evaluate(load, { location: "a b c" })).toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
    await page.locator("input").setInputFiles({
      name: "broken.gguf",
      mimeType: "application/octet-stream",
      buffer: Buffer.alloc(5000, 7),
    });
    expect(await page.evaluate(load, { input: true })).toMatchObject({ code: "ERR_MODEL_FORMAT" });
  });

  test("a browser without SIMD is told what it needs", async () => {
    await page.addInitScript("WebAssembly.validate = () => false");
    await openLab(page, server);
    const outcome = await page.evaluate(load, { location: "/models/digits-en/" });
    expect(outcome).toMatchObject({ code: "ERR_BACKEND_UNAVAILABLE", message: expect.stringContaining("no SIMD") });
  });
});
