/** Live sessions as users have them: the addon, the embedded model, real recordings. */
import { execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LiveEvent, type LiveSession, read_audio, SpeechToText, type Word } from "../../ts/index.node.js";
import { expectNoUnhandledRejections } from "../unit/support/live.js";

const program = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const folder = fileURLToPath(new URL("../../models/digits-en", import.meta.url));
const RATE = 24_000;
const SLOTS = 4;

interface Recording {
  readonly file: string;
  readonly text: string;
  readonly onsets: readonly number[];
}
const recordings: readonly Recording[] = JSON.parse(readFileSync(`${folder}/test/expected.json`, "utf8")).slice(0, 6);

let stt: SpeechToText;
const audio: Float32Array[] = [];
const whole: (readonly Word[])[] = [];
beforeAll(async () => {
  stt = await SpeechToText.load(folder, { backend: "cpu", threads: 1, slots: SLOTS });
  for (const { file } of recordings) {
    const samples = await read_audio(`${folder}/test/${file}`, RATE);
    audio.push(samples);
    whole.push((await stt.transcribe({ samples, rate: RATE })).words);
  }
}, 60_000);
afterAll(() => stt.dispose());

async function collect(session: AsyncIterable<LiveEvent>): Promise<LiveEvent[]> {
  const events: LiveEvent[] = [];
  for await (const event of session) {
    events.push(event);
  }
  return events;
}

const wordsOf = (events: readonly LiveEvent[]): Word[] =>
  events.flatMap((event) => {
    if (event.type !== "word" || !event.final) {
      return [];
    }
    const { text, start, end, confidence } = event;
    return [{ text, start, end, confidence }];
  });

async function feed(session: LiveSession, samples: Float32Array, size: number): Promise<void> {
  for (let at = 0; at < samples.length; at += size) {
    await session.write(samples.subarray(at, at + size), { rate: RATE });
  }
}

describe("live sessions with the embedded model", () => {
  expectNoUnhandledRejections();

  it("more sessions than slots, in chunks of every size, say what the files say", async () => {
    const runs = audio.map(async (samples, index) => {
      const session = await stt.createSession();
      const events = collect(session);
      await feed(session, samples, [1920, 333, 24_000, 1_000_000, 4097, 960][index] ?? 1920);
      expect(await session.end()).toBeCloseTo(samples.length / RATE, 6);
      return wordsOf(await events);
    });
    expect(await Promise.all(runs)).toEqual(whole);
    expect(stt.capacity()).toMatchObject({ freeSlots: SLOTS, waiting: { live: 0 } });
    expect(stt.capacity().liveStreams).toBeGreaterThan(0);
  });

  it("flush() between sentences: every word of a sentence before the next, at its own time", async () => {
    const session = await stt.createSession();
    const reading = collect(session);
    const starts: number[] = [];
    for (const samples of audio.slice(0, 4)) {
      starts.push(session.writtenSeconds);
      await feed(session, samples, 1920);
      expect(await session.flush()).toBeCloseTo(session.writtenSeconds, 6);
    }
    await session.end();
    const events = await reading;
    let sentence = 0;
    let right = 0;
    const heard: Word[][] = [[]];
    for (const event of events) {
      if (event.type === "flushed") {
        heard[++sentence] = [];
      } else {
        heard[sentence]?.push(...wordsOf([event]));
      }
    }
    expect(heard[4]).toEqual([]);
    for (const [index, { text, onsets }] of recordings.slice(0, 4).entries()) {
      const words = heard[index] ?? [];
      right += text === words.map((word) => word.text).join(" ") ? 1 : 0;
      if (words.length === onsets.length) {
        for (const [i, word] of words.entries()) {
          expect(Math.abs(word.start - (starts[index] ?? 0) - (onsets[i] ?? 0))).toBeLessThan(0.5);
        }
      }
    }
    // The files alone: all of these. The silence of a flush is not what the model was trained with, so one may differ.
    expect(right).toBeGreaterThanOrEqual(3);
  });

  it("partial words become their final ones; speech and pauses alternate in time", async () => {
    const session = await stt.createSession();
    const reading = collect(session);
    await feed(session, audio[0] ?? new Float32Array(), 1920);
    await session.write(new Float32Array(3 * RATE), { rate: RATE });
    await session.end();
    const events = await reading;
    const growing = new Map<number, number>();
    for (const event of events) {
      if (event.type === "word" && !event.final) {
        growing.set(event.index, event.start);
      } else if (event.type === "word") {
        expect(growing.get(event.index) ?? event.start).toBe(event.start);
        growing.delete(event.index);
      }
    }
    expect(growing.size).toBe(0);
    const turns = events.filter((event) => event.type === "speech" || event.type === "pause");
    expect(turns.map(({ type }) => type)).toEqual(turns.map((_, index) => (index % 2 === 0 ? "speech" : "pause")));
    expect(turns.at(-1)?.type).toBe("pause");
  });

  it("cancel: another session's words stay as they are, the slot is free", async () => {
    const [first = new Float32Array(), second = new Float32Array()] = audio;
    const kept = await stt.createSession();
    const events = collect(kept);
    for (let round = 0; round < 3; round++) {
      const victim = await stt.createSession();
      await victim.write(second, { rate: RATE });
      await feed(kept, first.subarray(round * 20_000, round === 2 ? undefined : (round + 1) * 20_000), 1920);
      victim.abort();
      await victim.dispose();
      expect(stt.capacity().freeSlots).toBe(SLOTS - 1);
    }
    await kept.end();
    expect(wordsOf(await events)).toEqual(whole[0]);
  });

  it("snapshot and restore in another engine: as if nothing had happened", async () => {
    const samples = audio[1] ?? new Float32Array();
    const first = await stt.createSession();
    const begun = collect(first);
    await feed(first, samples.subarray(0, 50_000), 3000);
    const bytes = await first.snapshot();
    await first.dispose();
    const other = await SpeechToText.load(folder, { backend: "cpu", threads: 1 });
    try {
      const second = await other.restoreSession(bytes);
      const rest = collect(second);
      await feed(second, samples.subarray(50_000), 3000);
      await second.end();
      expect([...wordsOf(await begun), ...wordsOf(await rest)]).toEqual(whole[1]);
      await expect(other.restoreSession(bytes.subarray(0, 100))).rejects.toMatchObject({
        code: "ERR_INVALID_SNAPSHOT",
      });
    } finally {
      await other.dispose();
    }
  });

  it("two channels of a recording and of a stream give each speaker's words", async () => {
    const [left = new Float32Array(), right = new Float32Array()] = audio;
    const length = Math.max(left.length, right.length);
    const pad = (samples: Float32Array): Float32Array => {
      const padded = new Float32Array(length);
      padded.set(samples);
      return padded;
    };
    const samples = [pad(left), pad(right)];
    const { words } = await stt.transcribe({ samples, rate: RATE }, { channels: ["agent", "caller"] });
    const said = (channel: string): string =>
      words.flatMap((word) => (word.channel === channel ? [word.text] : [])).join(" ");
    expect(said("agent")).toBe(whole[0]?.map(({ text }) => text).join(" "));
    expect(said("caller")).toBe(whole[1]?.map(({ text }) => text).join(" "));
    const session = await stt.createChannelSession({ channels: ["agent", "caller"], rate: RATE });
    const reading = (async () => {
      const found: Word[] = [];
      for await (const event of session) {
        if (event.type === "word" && event.final) {
          const { text, start, end, confidence, channel } = event;
          found.push({ text, start, end, confidence, channel });
        }
      }
      return found;
    })();
    const both = Float32Array.from({ length: 2 * length }, (_, i) => samples[i % 2]?.[i >> 1] ?? 0);
    for (let at = 0; at < both.length; at += 3840) {
      await session.write(both.subarray(at, at + 3840));
    }
    await session.end();
    const found = await reading;
    expect(found.map(({ start }) => start)).toEqual(found.map(({ start }) => start).sort((a, b) => a - b));
    expect(new Set(found.map((word) => JSON.stringify(word)))).toEqual(
      new Set(words.map((word) => JSON.stringify(word))),
    );
  });

  it("a banned word is never said; a prompt of ids that the model does not have is refused", async () => {
    const { words } = await stt.transcribe({ samples: audio[0] ?? new Float32Array(), rate: RATE });
    const first = words[0]?.text ?? "";
    // digits-en: ids 260 to 269 are the words zero to nine.
    const ids = "zero one two three four five six seven eight nine".split(" ");
    const banned = 260 + ids.indexOf(first);
    const without = await stt.transcribe(
      { samples: audio[0] ?? new Float32Array(), rate: RATE },
      { bannedTokens: [banned] },
    );
    expect(without.words.some(({ text }) => text === first)).toBe(false);
    await expect(stt.createSession({ prompt: { tokens: [100_000] } })).rejects.toMatchObject({
      code: "ERR_INVALID_ARGUMENT",
    });
    await expect(stt.createSession({ allowedTokens: [100_000] })).rejects.toMatchObject({
      code: "ERR_INVALID_ARGUMENT",
    });
    const session = await stt.createSession({ prompt: { text: "seven two" } });
    await session.dispose();
  });

  it("disposing the engine in mid-step ends everything and crashes nothing", async () => {
    const own = await SpeechToText.load(folder, { backend: "cpu", threads: 1, slots: 2 });
    const sessions = await Promise.all([own.createSession(), own.createSession(), own.createSession()]);
    const readings = sessions.map((session) => collect(session).catch((error: unknown) => error));
    for (const session of sessions) {
      void session.write(audio[2] ?? new Float32Array(), { rate: RATE });
      void session.end();
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
    await own.dispose();
    for (const reading of readings) {
      expect(await reading).toMatchObject({ code: "ERR_DISPOSED" });
    }
  });
});

describe("kyutai-stt listen", () => {
  const pcm = (index: number): Buffer =>
    Buffer.from(
      Int16Array.from(audio[index] ?? [], (sample) => Math.round(32_767 * Math.max(-1, Math.min(1, sample)))).buffer,
    );

  it("prints the words of PCM on standard input", async () => {
    const running = promisify(execFile)(process.execPath, [program, "listen", "--stdin", "--rate", `${RATE}`]);
    running.child.stdin?.end(pcm(0));
    const { stdout, stderr } = await running;
    expect(stderr).toBe("");
    const words = stdout.split("\n").flatMap((line) => /^ *[\d.]+ +[\d.]+ {2}(\w+)$/.exec(line)?.[1] ?? []);
    expect(words.join(" ")).toBe(recordings[0]?.text);
  });

  it("Ctrl-C ends with status 0 and the words so far", async () => {
    const child = spawn(process.execPath, [program, "listen", "--stdin", "--rate", `${RATE}`]);
    let out = "";
    child.stdout.on("data", (text) => {
      out += text;
    });
    // Once: the second one ends the program at once.
    child.stdout.once("data", () => child.kill("SIGINT"));
    child.stdin.write(pcm(0));
    child.stdin.on("error", () => {});
    expect(await new Promise((resolve) => child.on("close", (code) => resolve(code)))).toBe(0);
    expect(out).toContain((recordings[0]?.text ?? "").split(" ")[0]);
  });
});
