/** Channels kept apart: of recordings and of streams. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ChannelEvent, ChannelSession } from "../../../ts/api/channel-session.js";
import type { SpeechToText } from "../../../ts/api/speech-to-text.js";
import { decodeAudio } from "../../../ts/audio/decode.js";
import type { AudioChunk } from "../../../ts/audio/types.js";
import { expectCode } from "../../contract/subject.js";
import { fixturePath } from "../support/fixture.js";
import { expectNoUnhandledRejections, FRAME, loadLive, RATE, rejection, sound } from "../support/live.js";

const left = sound(3 * RATE, 3);
const right = sound(3 * RATE, 8);

function interleave(...channels: Float32Array[]): Float32Array {
  const length = channels[0]?.length ?? 0;
  return Float32Array.from(
    { length: length * channels.length },
    (_, i) => channels[i % channels.length]?.[Math.floor(i / channels.length)] ?? 0,
  );
}

async function all(session: ChannelSession): Promise<ChannelEvent[]> {
  const events: ChannelEvent[] = [];
  for await (const event of session) {
    events.push(event);
  }
  return events;
}

const finalWords = (events: readonly ChannelEvent[]) =>
  events.flatMap((event) => (event.type === "word" && event.final ? [event] : []));

describe("transcribe with channels", () => {
  let stt: SpeechToText;
  beforeEach(async () => {
    stt = await loadLive({ slots: 2 });
  });
  afterEach(() => stt.dispose());

  it("gives each channel's words with its name, merged by time", async () => {
    const alone = await Promise.all([left, right].map((samples) => stt.transcribe({ samples, rate: RATE })));
    const both = await stt.transcribe({ samples: [left, right], rate: RATE }, { channels: ["agent", "caller"] });
    for (const [index, channel] of ["agent", "caller"].entries()) {
      const words = both.words.filter((word) => word.channel === channel).map(({ channel: _, ...word }) => word);
      expect(words.length).toBeGreaterThan(3);
      expect(words).toEqual(alone[index]?.words);
    }
    const starts = both.words.map(({ start }) => start);
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
    expect(both.text).toBe(both.words.map(({ text }) => text).join(" "));
    const split = await stt.transcribe({ samples: [left, right], rate: RATE }, { channels: "split" });
    expect(new Set(split.words.map(({ channel }) => channel))).toEqual(new Set(["left", "right"]));
  });

  it.each([
    "s24-48k-stereo.wav",
    "s24-48k-stereo.flac",
    "cbr-44k-stereo.mp3",
    "opus-48k-stereo.opus",
    "opus-48k-stereo.webm",
    "vorbis-44k-stereo.ogg",
  ])(
    "keeps the channels of %s apart",
    async (file) => {
      const path = fixturePath(`audio/${file}`);
      const chunks: AudioChunk[] = [];
      for await (const chunk of decodeAudio(path, { split: true })) {
        chunks.push(chunk);
      }
      let difference = 0;
      for (const { samples, channels = [] } of chunks) {
        expect(channels.map(({ length }) => length)).toEqual([samples.length, samples.length]);
        for (const [i, sample] of samples.entries()) {
          const [first = 0, second = 0] = channels.map((channel) => channel[i] ?? 0);
          expect(Math.abs((first + second) / 2 - sample)).toBeLessThan(1e-6);
          difference = Math.max(difference, Math.abs(first - second));
        }
      }
      // The recordings' channels are not the same.
      expect(difference).toBeGreaterThan(1e-3);
      const mono = chunks.reduce((sum, { samples }) => sum + samples.length, 0);
      let mixed = 0;
      for await (const { samples } of decodeAudio(path)) {
        mixed += samples.length;
      }
      expect(mono).toBe(mixed);
    },
    30_000,
  );

  it("a mono file has one channel", async () => {
    const { words } = await stt.transcribe({ samples: left, rate: RATE }, { channels: "split" });
    expect(new Set(words.map(({ channel }) => channel))).toEqual(new Set(["channel-1"]));
  });

  it("tells events with their channel, and turns when asked", async () => {
    const seen = new Set<string | undefined>();
    const { turns } = await stt.transcribe(
      { samples: [left, new Float32Array(left.length)], rate: RATE },
      { channels: ["a", "b"], turns: true, onEvent: ({ type, channel }) => type === "word" && seen.add(channel) },
    );
    expect(seen).toEqual(new Set(["a"]));
    expect(turns?.map(({ type, channel }) => `${channel} ${type}`)).toEqual(expect.arrayContaining(["a speech"]));
    const plain = await stt.transcribe({ samples: left, rate: RATE });
    expect("turns" in plain).toBe(false);
  });

  it("refuses what does not fit, by name", async () => {
    const audio = { samples: [left, right, left], rate: RATE };
    expect((await rejection(stt.transcribe(audio, { channels: "split" }), "ERR_NO_SLOT")).message).toContain(
      "3 channels",
    );
    expect((await rejection(stt.transcribe(audio, { channels: ["a", "b"] }), "ERR_INVALID_AUDIO")).message).toContain(
      "has 3",
    );
    for (const channels of ["both", [], ["a", "a"], [1]]) {
      await rejection(stt.transcribe(audio, { channels: channels as string[] }), "ERR_INVALID_ARGUMENT");
    }
    expect((await stt.transcribe(audio)).duration).toBe(3);
    expect(stt.capacity().freeSlots).toBe(2);
  });
});

describe("createChannelSession", () => {
  expectNoUnhandledRejections();
  let stt: SpeechToText;
  beforeEach(async () => {
    stt = await loadLive({ slots: 2 });
  });
  afterEach(async () => {
    expect(stt.capacity().freeSlots).toBe(2);
    await stt.dispose();
  });

  it("merges the channels' words by time, as the whole recording has them", async () => {
    const whole = await stt.transcribe({ samples: [left, right], rate: RATE }, { channels: ["agent", "caller"] });
    for (const size of [2 * FRAME, 777, 48_000]) {
      const session = await stt.createChannelSession({ channels: ["agent", "caller"], rate: RATE });
      expect(session.channels).toEqual(["agent", "caller"]);
      const reading = all(session);
      const audio = interleave(left, right);
      for (let at = 0; at < audio.length; at += 2 * size) {
        await session.write(audio.subarray(at, at + 2 * size));
      }
      expect(await session.end()).toBeCloseTo(3, 6);
      const events = await reading;
      const words = finalWords(events).map(({ text, start, end, confidence, channel }) => ({
        text,
        start,
        end,
        confidence,
        channel,
      }));
      const byTime = (list: readonly { start: number; channel?: string }[]) =>
        [...list].sort((a, b) => a.start - b.start || String(a.channel).localeCompare(String(b.channel)));
      expect(byTime(words)).toEqual(byTime(whole.words));
      const starts = words.map(({ start }) => start);
      expect(starts).toEqual([...starts].sort((a, b) => a - b));
      expect(events.filter(({ type }) => type === "end").length).toBe(2);
    }
  });

  it("a silent channel does not hold back the other's words for longer than it takes to hear it", async () => {
    const session = await stt.createChannelSession({ channels: "split", rate: RATE });
    const events: ChannelEvent[] = [];
    const reading = (async () => {
      for await (const event of session) {
        events.push(event);
      }
    })();
    await session.write(interleave(left, new Float32Array(left.length)));
    await session.flush();
    expect(finalWords(events).length).toBeGreaterThan(3);
    await session.end();
    await reading;
  });

  it("takes bytes, and all channels or none of a bad chunk", async () => {
    const session = await stt.createChannelSession({ channels: "split", rate: RATE, format: "s16le" });
    await rejection(session.write(new Float32Array(3)), "ERR_INVALID_ARGUMENT");
    await rejection(session.write(Float32Array.of(0, Number.NaN)), "ERR_INVALID_AUDIO");
    await session.write(new Uint8Array(7));
    await session.write(new Uint8Array(RATE * 4 - 7));
    expect(await session.end()).toBe(1);
    await rejection(session.write(new Uint8Array(4)), "ERR_INVALID_STATE");
    expect(() => [session[Symbol.asyncIterator](), session[Symbol.asyncIterator]()]).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_STATE" }),
    );
  });

  it("needs a slot per channel, and pairs wait for both", async () => {
    await rejection(stt.createChannelSession({ channels: ["a", "b", "c"] }), "ERR_NO_SLOT");
    await rejection(stt.createChannelSession({ channels: [] }), "ERR_INVALID_ARGUMENT");
    const single = await stt.createSession({ rate: RATE });
    const pairs = [
      await stt.createChannelSession({ channels: "split", rate: RATE }),
      await stt.createChannelSession({ channels: "split", rate: RATE }),
    ];
    const readings = pairs.map(all);
    const done = pairs.map(async (pair) => {
      await pair.write(interleave(left, right));
      return pair.end();
    });
    await single.dispose();
    expect(await Promise.all(done)).toEqual([3, 3]);
    expect((await Promise.all(readings)).every((events) => finalWords(events).length > 3)).toBe(true);
  });

  it("needs names for its channels", async () => {
    for (const options of [undefined, {}, { channels: [] }, { channels: "stereo" }]) {
      await expectCode(stt.createChannelSession(options as never), "ERR_INVALID_ARGUMENT");
    }
  });

  it("refuses late and wrong calls with errors that say why", async () => {
    const session = await stt.createChannelSession({ channels: "split", rate: RATE });
    await expectCode(session.write(new Float32Array(3)), "ERR_INVALID_ARGUMENT");
    const first = session[Symbol.asyncIterator]();
    await expectCode(() => session[Symbol.asyncIterator](), "ERR_INVALID_STATE");
    await first.return?.();
    const reading = all(session);
    await session.end();
    await expectCode(session.write(interleave(left, right)), "ERR_INVALID_STATE");
    await expectCode(session.flush(), "ERR_INVALID_STATE");
    await reading;
    await session.dispose();
    const disposed = await stt.createChannelSession({ channels: "split", rate: RATE });
    await disposed.dispose();
    await expectCode(disposed.write(interleave(left, right)), "ERR_DISPOSED");
    await expectCode(disposed.end(), "ERR_DISPOSED");
  });

  it("abort ends all channels, and the iteration with its reason", async () => {
    const session = await stt.createChannelSession({ channels: "split", rate: RATE });
    const reading = all(session);
    await session.write(interleave(left, right));
    session.abort("enough");
    await expect(reading).rejects.toMatchObject({ code: "ERR_ABORTED", cause: "enough" });
    await session.dispose();
  });
});
