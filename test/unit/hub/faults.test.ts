/** What servers and lines do wrong, and what comes of it. */
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { SttErrorCode } from "../../../ts/contract/errors.js";
import { findHubModel } from "../../../ts/hub/hub-model.node.js";
import { expectCode } from "../../contract/subject.js";
import { expectContent, FAST, MODEL, modelFiles, NEEDED, noise, tree, useHub } from "./hub-fixture.js";
import { answerStatus, COMMIT, cutAfter, etagOf, sha256 } from "./hub-server.js";

const fixture = useHub();

function find(id = MODEL, options: Parameters<typeof findHubModel>[1] = {}) {
  return findHubModel(id, options, FAST);
}

function folder(): string {
  return join(fixture.cache, "models--tests--model");
}

function incomplete(bytes: Uint8Array): string {
  return join(folder(), "blobs", `${etagOf(bytes)}.kstt.incomplete`);
}

/** Nothing that looks like a model may be left. */
async function expectNothingComplete(): Promise<void> {
  await expectCode(find(MODEL, { local_files_only: true }), "ERR_HUB_OFFLINE");
  const blobs = (await tree(fixture.cache)).filter((path) => path.includes("/blobs/") && !path.endsWith(".incomplete"));
  for (const blob of blobs) {
    const bytes = await readFile(join(fixture.cache, blob));
    expect(blob.endsWith(etagOf(bytes))).toBe(true);
  }
}

describe("a line that is cut", () => {
  it("at any byte of a small file costs nothing but a further request", async () => {
    const weights = noise(500);
    fixture.hub.repositories.set(MODEL, { commit: COMMIT, files: modelFiles(weights) });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 499 }), { minLength: 1, maxLength: 3 }), async (cuts) => {
        await rm(fixture.cache, { recursive: true, force: true });
        let next = 0;
        fixture.hub.cdnFault = (request, response, path) => {
          const cut = path.includes(sha256(weights)) && request.method === "GET" ? cuts[next++] : undefined;
          if (cut === undefined) {
            return false;
          }
          cutAfter(response, weights, cut);
          return true;
        };
        await expectContent(join((await find()).path, "model.safetensors"), weights);
        expect(next).toBeGreaterThan(cuts.length);
      }),
      { numRuns: 40 },
    );
  });

  it("at any byte of a part is mended without fetching what is there", async () => {
    const weights = noise(3_500_000);
    fixture.hub.repositories.set(MODEL, { commit: COMMIT, files: modelFiles(weights) });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 1 << 20 }), { minLength: 1, maxLength: 4 }), async (cuts) => {
        await rm(fixture.cache, { recursive: true, force: true });
        let next = 0;
        fixture.hub.cdnFault = (request, response, path) => {
          const [, start, end] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "") ?? [];
          const cut = path.includes(sha256(weights)) && start !== undefined ? cuts[next++] : undefined;
          if (cut === undefined) {
            return false;
          }
          const part = weights.subarray(Number(start), Number(end) + 1);
          response.writeHead(206, { "content-range": `bytes ${start}-${end}/${weights.length}` });
          response.write(part.subarray(0, Math.min(cut, part.length - 1)), () =>
            setImmediate(() => response.destroy()),
          );
          return true;
        };
        await expectContent(join((await find()).path, "model.safetensors"), weights);
      }),
      { numRuns: 12 },
    );
  });

  it("for good leaves a beginning from which the next call goes on", async () => {
    const weights = noise(5_000_000);
    fixture.hub.repositories.set(MODEL, { commit: COMMIT, files: modelFiles(weights) });
    fixture.hub.cdnFault = (request, response) => {
      const start = Number(/bytes=(\d+)/.exec(request.headers.range ?? "")?.[1] ?? 0);
      return start >= 2 << 20 ? answerStatus(response, 503) : false;
    };
    await expectCode(find(), "ERR_NETWORK");
    await expectNothingComplete();
    const left = await stat(incomplete(weights));
    expect(left.size).toBe(2 << 20);
    fixture.hub.cdnFault = undefined;
    fixture.hub.seen.length = 0;
    fixture.hub.cdnBytes = 0;
    await expectContent(join((await find()).path, "model.safetensors"), weights);
    expect(fixture.hub.cdnBytes).toBe(weights.length - (2 << 20));
    expect(fixture.hub.requests("GET")[0]?.headers.range).toMatch(/^bytes=2097152-/);
  });

  it("that says nothing any more counts as cut", async () => {
    vi.stubEnv("HF_HUB_DOWNLOAD_TIMEOUT", "1");
    let silent = 0;
    fixture.hub.cdnFault = (_request, response) => {
      if (silent++ === 0) {
        response.writeHead(200, { "content-length": 300 }).flushHeaders();
        return true;
      }
      return false;
    };
    await find();
    expect(silent).toBeGreaterThan(1);
  });
});

describe("wrong content", () => {
  it("is refused, named, and not kept", async () => {
    const weights = noise(10_000);
    fixture.hub.cdnFault = (request, response, path) => {
      if (request.method !== "GET" || !path.includes(sha256(weights))) {
        return false;
      }
      response.end(noise(10_000, 7));
      return true;
    };
    const attempt = find();
    await expectCode(attempt, "ERR_DOWNLOAD");
    await expect(attempt).rejects.toThrow(sha256(noise(10_000, 7)));
    await expectNothingComplete();
    expect((await tree(fixture.cache)).some((path) => path.endsWith(".incomplete"))).toBe(false);
  });

  it("of a small file is seen by git's hash", async () => {
    fixture.hub.hubFault = (request, response, path) => {
      if (request.method !== "GET" || !path.endsWith("generation_config.json")) {
        return false;
      }
      response.end("[]");
      return true;
    };
    await expectCode(find(), "ERR_DOWNLOAD");
    await expectNothingComplete();
  });

  it.each([
    ["longer", 10_001, "ERR_DOWNLOAD"],
    ["shorter", 9_999, "ERR_NETWORK"],
  ] as const)("that is %s than announced is refused", async (_name, length, code) => {
    fixture.hub.cdnFault = (request, response, path) => {
      if (request.method !== "GET" || !path.includes(sha256(noise(10_000)))) {
        return false;
      }
      response.end(noise(length));
      return true;
    };
    await expectCode(find(), code);
    await expectNothingComplete();
  });

  it("left by an earlier attempt is thrown away and fetched again", async () => {
    const weights = noise(10_000);
    await mkdir(dirname(incomplete(weights)), { recursive: true });
    await writeFile(incomplete(weights), noise(5000, 99));
    const warnings: string[] = [];
    const { path } = await find(MODEL, { onWarning: (message) => warnings.push(message) });
    await expectContent(join(path, "model.safetensors"), weights);
    expect(warnings).toEqual([expect.stringContaining("model.safetensors: what an earlier download left was damaged")]);
  });

  it("that is the whole file already, and right, is not fetched again", async () => {
    const weights = noise(10_000);
    await mkdir(dirname(incomplete(weights)), { recursive: true });
    await writeFile(incomplete(weights), weights);
    await expectContent(join((await find()).path, "model.safetensors"), weights);
    const gets = fixture.hub.seen.filter(({ server, method }) => server === "cdn" && method === "GET");
    expect(gets.filter(({ path }) => path.includes(sha256(weights)))).toEqual([]);
  });

  it("that is too long to be a beginning is thrown away", async () => {
    const weights = noise(10_000);
    await mkdir(dirname(incomplete(weights)), { recursive: true });
    await writeFile(incomplete(weights), noise(20_000, 99));
    await expectContent(join((await find()).path, "model.safetensors"), weights);
  });
});

describe("refusals", () => {
  it.each<[number, Record<string, string>, SttErrorCode, RegExp]>([
    [401, {}, "ERR_HUB_ACCESS", /HF_TOKEN/],
    [401, { "x-error-code": "RepoNotFound" }, "ERR_HUB_NOT_FOUND", /Check the name/],
    [403, {}, "ERR_HUB_ACCESS", /HF_TOKEN/],
    [403, { "x-error-code": "GatedRepo" }, "ERR_HUB_ACCESS", /Accept the conditions/],
    [404, {}, "ERR_HUB_NOT_FOUND", /Check the name/],
    [418, {}, "ERR_DOWNLOAD", /HF_ENDPOINT/],
  ])("%i %o is not repeated and gives %s", async (status, headers, code, remedy) => {
    fixture.hub.hubFault = (_request, response) => answerStatus(response, status, headers);
    const attempt = find();
    await expectCode(attempt, code);
    await expect(attempt).rejects.toMatchObject({ remedy: expect.stringMatching(remedy) });
    await expect(attempt).rejects.toThrow(`${MODEL}@main`);
    expect(fixture.hub.seen.length).toBe(1);
  });

  it.each([401, 403, 404])("%i for a file, after the Hub gave a new address, is final", async (status) => {
    fixture.hub.cdnFault = (_request, response) => answerStatus(response, status);
    await expectCode(find(), status === 404 ? "ERR_HUB_NOT_FOUND" : "ERR_HUB_ACCESS");
    expect(fixture.hub.requests("GET").length).toBe(2);
  });

  it("of a file by an address that has expired are answered with a new address", async () => {
    let count = 0;
    fixture.hub.cdnFault = (_request, response) => (count++ === 0 ? answerStatus(response, 403) : false);
    await find();
    expect(count).toBeGreaterThan(1);
  });

  it.each([429, 500, 502, 503, 504])("%i is repeated, and reported when it stays", async (status) => {
    let count = 0;
    fixture.hub.hubFault = (_request, response) => (count++ < 2 ? answerStatus(response, status) : false);
    await find();
    fixture.hub.hubFault = (_request, response) => answerStatus(response, status);
    const attempt = find(MODEL, { cache_dir: `${fixture.cache}2` });
    await expectCode(attempt, "ERR_NETWORK");
    await expect(attempt).rejects.toThrow(String(status));
  });

  it("429 waits as long as the server asks, but not for ever", async () => {
    let count = 0;
    fixture.hub.hubFault = (_request, response) =>
      count++ === 0 ? answerStatus(response, 429, { "retry-after": "1" }) : false;
    const began = performance.now();
    await find();
    expect(performance.now() - began).toBeGreaterThan(950);
    fixture.hub.seen.length = 0;
    fixture.hub.hubFault = (_request, response) => answerStatus(response, 429, { "retry-after": "3600" });
    await expectCode(find(MODEL, { cache_dir: `${fixture.cache}2` }), "ERR_NETWORK");
    expect(fixture.hub.seen.length).toBe(1);
  });

  it("416 for a range inside the file makes the client take the whole", async () => {
    const weights = noise(3_000_000);
    fixture.hub.repositories.set(MODEL, { commit: COMMIT, files: modelFiles(weights) });
    fixture.hub.cdnFault = (request, response) =>
      request.headers.range === undefined ? false : answerStatus(response, 416);
    await expectContent(join((await find()).path, "model.safetensors"), weights);
  });
});

describe("a server without ranges", () => {
  it("sends the whole file in one stream, also to a client that has a beginning", async () => {
    const weights = noise(3_000_000);
    fixture.hub.repositories.set(MODEL, { commit: COMMIT, files: modelFiles(weights) });
    fixture.hub.ignoresRanges = true;
    await mkdir(dirname(incomplete(weights)), { recursive: true });
    await writeFile(incomplete(weights), weights.subarray(0, 1_234_567));
    await expectContent(join((await find()).path, "model.safetensors"), weights);
  });

  it("is asked again after a cut", async () => {
    const weights = noise(3_000_000);
    fixture.hub.repositories.set(MODEL, { commit: COMMIT, files: modelFiles(weights) });
    fixture.hub.ignoresRanges = true;
    const cuts = [1_000_000, 2_000_000];
    fixture.hub.cdnFault = (request, response, path) => {
      if (request.headers.range !== undefined || !path.includes(sha256(weights)) || cuts.length === 0) {
        return false;
      }
      cutAfter(response, weights, cuts.shift() ?? 0);
      return true;
    };
    await expectContent(join((await find()).path, "model.safetensors"), weights);
    expect(cuts).toEqual([]);
  });

  it("that sends another range than asked for is refused", async () => {
    const weights = noise(3_000_000);
    fixture.hub.repositories.set(MODEL, { commit: COMMIT, files: modelFiles(weights) });
    fixture.hub.cdnFault = (request, response) => {
      if (request.headers.range === undefined) {
        return false;
      }
      response.writeHead(206, { "content-range": "bytes 5-9/3000000" }).end("12345");
      return true;
    };
    await expectCode(find(), "ERR_DOWNLOAD");
    await expectNothingComplete();
  });
});

describe("a server that is no Hub", () => {
  it.each([
    ["no JSON", "<html>log in to the hotel's network</html>"],
    ["other JSON", "[1, 2]"],
    ["no commit", JSON.stringify({ siblings: [] })],
    ["a path as the commit", JSON.stringify({ sha: "../../x", siblings: [] })],
  ])("%s", async (_name, body) => {
    fixture.hub.hubFault = (_request, response) => {
      response.end(body);
      return true;
    };
    await expectCode(find(), "ERR_DOWNLOAD");
  });

  it.each([
    ["no size", { etag: '"abc"' }],
    ["no ETag", { "content-length": "5" }],
    ["an ETag that is a path", { etag: '"../../x"', "content-length": "5" }],
    ["another commit", { etag: '"abc"', "content-length": "5", "x-repo-commit": "c".repeat(40) }],
  ])("a file with %s", async (_name, headers) => {
    fixture.hub.hubFault = (request, response) => {
      if (request.method !== "HEAD") {
        return false;
      }
      response.writeHead(200, headers).end();
      return true;
    };
    await expectCode(find(), "ERR_DOWNLOAD");
  });

  it("redirects without end", async () => {
    fixture.hub.hubFault = (_request, response, path) => answerStatus(response, 302, { location: path });
    await expectCode(find(), "ERR_DOWNLOAD");
    expect(fixture.hub.seen.length).toBe(11);
  });

  it("states no hash: the size is checked, and the user is told", async () => {
    const warnings: string[] = [];
    fixture.hub.hubFault = (_request, response, path) => {
      const replace = response.setHeader.bind(response);
      response.setHeader = (name, value) => replace(name, /etag/i.test(name) ? `W/"v1-${path.length}"` : value);
      return false;
    };
    const { path } = await find(MODEL, { onWarning: (message) => warnings.push(message) });
    await expectContent(join(path, "model.safetensors"), modelFiles()["model.safetensors"]);
    expect(warnings.filter((warning) => warning.includes("states no hash")).length).toBe(NEEDED.length);
  });
});

describe("no connection", () => {
  it("is an error without a cache, and a warning with one", async () => {
    const { endpoint } = fixture.hub;
    await find();
    vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:1");
    const warnings: string[] = [];
    const { source } = await find(MODEL, { onWarning: (message) => warnings.push(message) });
    expect(source.commit).toBe(COMMIT);
    expect(warnings).toEqual([expect.stringContaining("from the cache is used")]);
    await expectCode(find("tests/other"), "ERR_NETWORK");
    vi.stubEnv("HF_ENDPOINT", endpoint);
  });

  it("wanted: what is missing in the cache is named", async () => {
    vi.stubEnv("HF_HUB_OFFLINE", "yes");
    const attempt = find();
    await expectCode(attempt, "ERR_HUB_OFFLINE");
    await expect(attempt).rejects.toThrow(`${MODEL}@main`);
    expect(fixture.hub.seen).toEqual([]);
    vi.stubEnv("HF_HUB_OFFLINE", undefined);
    const { path } = await find();
    await rm(join(path, "model.safetensors"));
    await expectCode(find(MODEL, { local_files_only: true }), "ERR_HUB_OFFLINE");
    await expectContent(join((await find()).path, "model.safetensors"), modelFiles()["model.safetensors"]);
  });
});
