import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Progress, TranscribeSource } from "../../../ts/api/options.js";
import { SpeechToText } from "../../../ts/api/speech-to-text.js";
import { type FakeBackend, useFakeBackend } from "../support/fake-backend.js";
import { DIGITS_EN, fixturePath } from "../support/fixture.js";
import { collectWarnings } from "../support/warnings.js";

const RATE = 8000;

function silence(seconds: number, rate = RATE): Float32Array {
  return new Float32Array(Math.round(seconds * rate));
}

describe("SpeechToText.transcribe", () => {
  collectWarnings();
  let backend: FakeBackend;
  let stt: SpeechToText;

  beforeEach(async () => {
    backend = useFakeBackend();
    stt = await SpeechToText.load(DIGITS_EN, { slots: 2 });
  });
  afterEach(() => stt.dispose());

  it("gives text, timed words, duration and backend", async () => {
    const result = await stt.transcribe({ samples: silence(1), rate: RATE });
    expect(result.text).toBe("w1 w2");
    expect(result.words[0]).toEqual({ text: "w1", start: 0.4 - 0.2, end: 0.4, confidence: 0.5 });
    expect(result.duration).toBe(1);
    expect(result.backend).toEqual({
      kind: "cpu",
      device: "fake",
      kernels: "none",
      threads: 2,
      tried: [{ kind: "cpu", ok: true }],
    });
  });

  describe("reads", () => {
    const file = fixturePath("audio/reference.wav");
    let expected: string;
    let server: Server;
    beforeAll(async () => {
      useFakeBackend();
      await using engine = await SpeechToText.load(DIGITS_EN);
      expected = (await engine.transcribe(file)).text;
      const bytes = await readFile(file);
      server = createServer((_request, response) => response.end(bytes));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    });
    afterAll(() => server.close());

    const sources: Record<string, () => Promise<TranscribeSource>> = {
      "a path": async () => file,
      "a file URL": async () => pathToFileURL(file),
      "a Buffer": () => readFile(file),
      "a Uint8Array": async () => new Uint8Array(await readFile(file)),
      "a Blob": async () => new Blob([await readFile(file)]),
      "an http URL": async () => new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/a`),
      "a ReadableStream": async () => new Blob([await readFile(file)]).stream(),
      "an async iterable of small chunks": async () => {
        const bytes = await readFile(file);
        return (async function* () {
          for (let start = 0; start < bytes.length; start += 4001) {
            yield bytes.subarray(start, start + 4001);
          }
        })();
      },
    };
    for (const [name, open] of Object.entries(sources)) {
      it(name, async () => {
        expect(expected).not.toBe("");
        expect((await stt.transcribe(await open())).text).toBe(expected);
      });
    }

    it("samples with a rate, mono and stereo", async () => {
      expect((await stt.transcribe(silence(1), { rate: RATE })).text).toBe("w1 w2");
      expect((await stt.transcribe({ samples: [silence(1), silence(1)], rate: RATE })).text).toBe("w1 w2");
    });
  });

  it("runs up to `slots` recordings at once and queues the others in order", async () => {
    backend.engine.maxSteps = 3;
    const order: number[] = [];
    const runs = [4, 4, 1, 1, 1].map(async (seconds, index) => {
      const result = await stt.transcribe({ samples: silence(seconds), rate: RATE });
      order.push(index);
      return result.words.length;
    });
    expect(await Promise.all(runs)).toEqual([10, 10, 2, 2, 2]);
    expect(backend.engine.peakSessions).toBe(2);
    expect(order.slice(2)).toEqual([2, 3, 4]);
    expect(backend.engine.sessions.size).toBe(0);
  });

  it("reports progress up to the whole duration", async () => {
    backend.engine.maxSteps = 4;
    const seen: Progress[] = [];
    await stt.transcribe({ samples: silence(3), rate: RATE }, { onProgress: (progress) => seen.push(progress) });
    expect(seen.length).toBeGreaterThan(3);
    expect(seen.every(({ stage, total }) => stage === "transcribe" && total === 3)).toBe(true);
    expect(seen.at(-1)?.done).toBe(3);
    const done = seen.map((progress) => progress.done);
    expect(done).toEqual([...done].sort((a, b) => a - b));
  });

  it("decodes no further ahead than it must", async () => {
    backend.engine.maxSteps = 1;
    let given = 0;
    let peak = 0;
    const seconds = 300;
    async function* stream() {
      yield wavHeader(seconds * RATE);
      for (given = 0; given < seconds; given++) {
        yield new Uint8Array(RATE * 2);
      }
    }
    const onProgress = ({ done }: Progress): void => {
      peak = Math.max(peak, given - done);
    };
    expect((await stt.transcribe(stream(), { onProgress })).duration).toBe(seconds);
    expect(peak).toBeGreaterThan(10);
    expect(peak).toBeLessThan(60);
  });

  it("passes on what onProgress throws, and hurts no other transcription", async () => {
    const mine = new Error("mine");
    const other = stt.transcribe({ samples: silence(2), rate: RATE });
    const attempt = stt.transcribe(
      { samples: silence(2), rate: RATE },
      {
        onProgress: () => {
          throw mine;
        },
      },
    );
    await expect(attempt).rejects.toBe(mine);
    expect((await other).words.length).toBe(5);
  });

  it("hands an engine failure to everyone who waits, and goes on afterwards", async () => {
    const broken = new Error("broken");
    backend.engine.onCompute = () => {
      throw broken;
    };
    const runs = [1, 2].map((seconds) => stt.transcribe({ samples: silence(seconds), rate: RATE }));
    for (const outcome of await Promise.allSettled(runs)) {
      expect(outcome).toMatchObject({ status: "rejected", reason: broken });
    }
    backend.engine.onCompute = undefined;
    expect((await stt.transcribe({ samples: silence(1), rate: RATE })).text).toBe("w1 w2");
  });
});

describe("abort", () => {
  const reason = new Error("enough");
  let backend: FakeBackend;
  let stt: SpeechToText;
  beforeEach(async () => {
    backend = useFakeBackend();
    stt = await SpeechToText.load(DIGITS_EN);
  });
  afterEach(async () => {
    // Whatever was aborted: the object works and leaks no slot.
    expect((await stt.transcribe({ samples: silence(1), rate: RATE })).text).toBe("w1 w2");
    expect(backend.engine.sessions.size).toBe(0);
    await stt.dispose();
  });

  const aborted = { code: "ERR_ABORTED", name: "AbortError", cause: reason };

  it("before", async () => {
    const attempt = stt.transcribe("no-such-file.wav", { signal: AbortSignal.abort(reason) });
    await expect(attempt).rejects.toMatchObject(aborted);
  });

  it("during the computation", async () => {
    const controller = new AbortController();
    backend.engine.maxSteps = 1;
    backend.engine.onCompute = () => controller.abort(reason);
    const attempt = stt.transcribe({ samples: silence(60), rate: RATE }, { signal: controller.signal });
    await expect(attempt).rejects.toMatchObject(aborted);
    backend.engine.onCompute = undefined;
    backend.engine.maxSteps = 100;
  });

  it("while a stream says nothing", async () => {
    const controller = new AbortController();
    async function* stuck(): AsyncGenerator<Uint8Array> {
      setImmediate(() => controller.abort(reason));
      await new Promise(() => {});
      yield new Uint8Array(1);
    }
    await expect(stt.transcribe(stuck(), { signal: controller.signal })).rejects.toMatchObject(aborted);
  });

  it("while waiting for a slot", async () => {
    const first = stt.transcribe({ samples: silence(20), rate: RATE });
    const controller = new AbortController();
    const second = stt.transcribe({ samples: silence(1), rate: RATE }, { signal: controller.signal });
    const third = stt.transcribe({ samples: silence(1), rate: RATE });
    controller.abort(reason);
    await expect(second).rejects.toMatchObject(aborted);
    expect((await first).words.length).toBe(50);
    expect((await third).words.length).toBe(2);
  });

  it("after", async () => {
    const controller = new AbortController();
    const result = await stt.transcribe({ samples: silence(1), rate: RATE }, { signal: controller.signal });
    controller.abort(reason);
    expect(result.text).toBe("w1 w2");
  });
});

/** A canonical wav header: 16 bit mono at RATE. */
function wavHeader(samples: number): Uint8Array {
  const header = Buffer.alloc(44);
  header.write("RIFF", 0, "latin1");
  header.writeUInt32LE(36 + samples * 2, 4);
  header.write("WAVEfmt ", 8, "latin1");
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(RATE, 24);
  header.writeUInt32LE(RATE * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36, "latin1");
  header.writeUInt32LE(samples * 2, 40);
  return header;
}
