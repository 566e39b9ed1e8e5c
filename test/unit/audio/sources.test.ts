/** Where audio may come from, and what goes wrong on the way. */
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeAudio } from "../../../ts/audio/decode.js";
import { readAudio } from "../../../ts/audio/read-all.js";
import type { AudioSource } from "../../../ts/audio/types.js";
import { fixtureBytes, fixturePath } from "./fixtures.js";

const NAME = "opus-48k-stereo.webm";
const LENGTH = 48_000;

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) {
    yield bytes.subarray(start, start + size);
  }
}

describe("every kind of source gives the same samples", () => {
  const bytes = fixtureBytes(NAME);
  const sources: [string, () => AudioSource][] = [
    ["path", () => fixturePath(NAME)],
    ["file URL", () => pathToFileURL(fixturePath(NAME))],
    ["file URL as a string", () => pathToFileURL(fixturePath(NAME)).href],
    ["data URL", () => `data:audio/webm;base64,${Buffer.from(bytes).toString("base64")}`],
    ["Uint8Array", () => bytes],
    ["a view into a larger buffer", () => new Uint8Array([...new Uint8Array(7), ...bytes]).subarray(7)],
    ["Buffer", () => Buffer.from(bytes)],
    ["ArrayBuffer", () => bytes.buffer],
    ["Blob", () => new Blob([bytes])],
    ["ReadableStream", () => new Blob([bytes]).stream()],
    ["chunks of 1 byte", () => inChunks(bytes, 1)],
    ["chunks of 997 bytes", () => inChunks(bytes, 997)],
  ];
  test.each(sources)("%s", async (_, source) => {
    const expected = await readAudio(bytes);
    const found = await readAudio(source());
    expect(found.rate).toBe(48_000);
    expect(found.samples).toEqual(expected.samples);
    expect(found.samples.length).toBe(LENGTH);
  });

  test("a stream of an mp4 whose index lies at the end", async () => {
    const { samples } = await readAudio(inChunks(fixtureBytes("opus-48k.mp4"), 1000));
    expect(samples.length).toBe(48_000);
  });
});

describe("samples", () => {
  test("one channel is copied, several give their mean", async () => {
    const left = new Float32Array([0.5, -1, 0.25]);
    const mono = await readAudio({ samples: left, rate: 16_000 });
    expect([...mono.samples]).toEqual([0.5, -1, 0.25]);
    expect(mono.samples).not.toBe(left);
    const stereo = await readAudio({ samples: [left, new Float32Array([0.5, 0, -0.25])], rate: 16_000 });
    expect([...stereo.samples]).toEqual([0.5, -0.5, 0]);
    expect(stereo.rate).toBe(16_000);
  });

  const one = new Float32Array(1);
  const bad: [string, unknown, string, RegExp][] = [
    ["NaN", { samples: new Float32Array([0, 0, Number.NaN]), rate: 8000 }, "ERR_INVALID_AUDIO", /sample 2 .*NaN/],
    ["infinity", { samples: new Float32Array([-Infinity]), rate: 8000 }, "ERR_INVALID_AUDIO", /sample 0 .*-Infinity/],
    ["no samples", { samples: new Float32Array(0), rate: 8000 }, "ERR_INVALID_AUDIO", /no audio samples/],
    ["rate 0", { samples: one, rate: 0 }, "ERR_INVALID_AUDIO", /sample rate 0 Hz/],
    ["rate 1 MHz", { samples: one, rate: 1e6 }, "ERR_INVALID_AUDIO", /sample rate 1000000 Hz/],
    ["rate NaN", { samples: one, rate: Number.NaN }, "ERR_INVALID_AUDIO", /sample rate NaN Hz/],
    ["unequal channels", { samples: [one, new Float32Array(2)], rate: 8000 }, "ERR_INVALID_AUDIO", /lengths \(1, 2\)/],
    ["no channels", { samples: [], rate: 8000 }, "ERR_INVALID_ARGUMENT", /Float32Array/],
    ["Float64Array", { samples: new Float64Array(1), rate: 8000 }, "ERR_INVALID_ARGUMENT", /Float32Array/],
  ];
  test.each(bad)("%s", async (_, source, code, message) => {
    await expect(readAudio(source as AudioSource)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
      remedy: expect.any(String),
    });
  });

  test("the position of a bad sample counts from the start of the recording", async () => {
    const samples = new Float32Array(200_000);
    samples[150_000] = Number.NaN;
    await expect(readAudio({ samples, rate: 8000 })).rejects.toThrow("sample 150000 (at 18.750 s) is NaN");
  });

  test("1 sample is enough", async () => {
    expect((await readAudio({ samples: new Float32Array([0.5]), rate: 8000 })).samples.length).toBe(1);
  });
});

describe("files", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "kyutai-stt-test-"));
    await chmod(folder, 0o755);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("missing", async () => {
    await expect(readAudio(join(folder, "nothing.wav"))).rejects.toMatchObject({
      code: "ERR_FILE_NOT_FOUND",
      message: expect.stringContaining("nothing.wav"),
      remedy: expect.any(String),
    });
  });

  test("a folder", async () => {
    await expect(readAudio(folder)).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT", remedy: expect.any(String) });
  });

  test("unreadable", async () => {
    const path = join(folder, "secret.wav");
    await writeFile(path, fixtureBytes("u8.wav"));
    await chmod(path, 0o000);
    // Root may read everything: become somebody else for a moment.
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) {
      process.seteuid?.(65_534);
    }
    try {
      await expect(readAudio(path)).rejects.toMatchObject({ code: "ERR_FILE_ACCESS", remedy: expect.any(String) });
    } finally {
      if (isRoot) {
        process.seteuid?.(0);
      }
    }
  });
});

describe("http", () => {
  const servers: Server[] = [];
  afterAll(() => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  });

  async function serve(listener: RequestListener): Promise<URL> {
    const server = createServer(listener);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/speech`);
  }

  test("a file, as a URL and as a string", async () => {
    const url = await serve((_, response) => response.end(fixtureBytes(NAME)));
    expect((await readAudio(url)).samples.length).toBe(LENGTH);
    expect((await readAudio(url.href)).samples.length).toBe(LENGTH);
  });

  test.each([
    [404, "ERR_FILE_NOT_FOUND"],
    [403, "ERR_FILE_ACCESS"],
    [500, "ERR_NETWORK"],
  ])("status %i", async (status, code) => {
    const url = await serve((_, response) => response.writeHead(status).end("<html>"));
    await expect(readAudio(url)).rejects.toMatchObject({ code, message: expect.stringContaining(String(status)) });
  });

  test("nobody listens", async () => {
    const url = await serve(() => undefined);
    await new Promise((resolve) => servers.pop()?.close(resolve));
    await expect(readAudio(url)).rejects.toMatchObject({ code: "ERR_NETWORK", remedy: expect.any(String) });
  });

  test("the connection breaks in the middle", async () => {
    const bytes = fixtureBytes("reference.wav");
    const url = await serve((_, response) => {
      response.writeHead(200, { "content-length": bytes.length });
      response.write(bytes.subarray(0, 5000), () => response.destroy());
    });
    await expect(readAudio(url)).rejects.toMatchObject({ code: "ERR_NETWORK" });
  });

  test("abort while waiting for bytes", async () => {
    const url = await serve((_, response) => {
      response.write(fixtureBytes("reference.wav").subarray(0, 5000));
    });
    const controller = new AbortController();
    const reading = (async () => {
      for await (const _ of decodeAudio(url, { signal: controller.signal })) {
        controller.abort();
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: "ERR_ABORTED", name: "AbortError" });
  });
});

describe("abort and early end", () => {
  test("an aborted signal stops before anything is opened", async () => {
    const signal = AbortSignal.abort();
    await expect(readAudio("/nowhere/at-all.wav", { signal })).rejects.toMatchObject({ code: "ERR_ABORTED" });
  });

  test.each([NAME, "vbr-48k.mp3", "s16-8k.flac", "opus-48k-stereo.opus", "opus-48k.mp4", "reference.wav"])(
    "%s: abort between chunks",
    async (name) => {
      const controller = new AbortController();
      const reading = (async () => {
        for await (const _ of decodeAudio(inChunks(fixtureBytes(name), 500), { signal: controller.signal })) {
          controller.abort(new Error("enough"));
        }
      })();
      await expect(reading).rejects.toMatchObject({ code: "ERR_ABORTED", cause: { message: "enough" } });
    },
  );

  test("an abort does not wait for a stream that says nothing", async () => {
    async function* silent(): AsyncGenerator<Uint8Array> {
      yield fixtureBytes("reference.wav").subarray(0, 100);
      await new Promise(() => undefined);
    }
    const controller = new AbortController();
    const reading = (async () => {
      for await (const _ of decodeAudio(silent(), { signal: controller.signal })) {
        controller.abort();
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: "ERR_ABORTED" });
  });

  test("a reader that stops early ends the source", async () => {
    let ended = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        yield fixtureBytes("pipe-ffmpeg.wav");
        for (;;) {
          yield new Uint8Array(1000);
        }
      } finally {
        ended = true;
      }
    }
    for await (const chunk of decodeAudio(endless())) {
      expect(chunk.samples.length).toBeGreaterThan(0);
      break;
    }
    expect(ended).toBe(true);
  });

  test("a failing stream rejects with its own error", async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield fixtureBytes("reference.wav").subarray(0, 1000);
      throw new Error("cable pulled");
    }
    await expect(readAudio(failing())).rejects.toThrow("cable pulled");
  });

  test("what is not a source is named", async () => {
    for (const source of [42, null, undefined, {}, [1, 2]]) {
      await expect(readAudio(source as unknown as AudioSource)).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
    }
    async function* numbers(): AsyncGenerator<number> {
      yield 1;
    }
    await expect(readAudio(numbers() as unknown as AudioSource)).rejects.toMatchObject({
      code: "ERR_INVALID_ARGUMENT",
    });
  });
});
