/**
 * What a user of SpeechToText, live sessions and the pipeline writes compiles, and wrong uses do not: `tsc` checks this
 * file, and fails where an expected error is missing.
 */
import { expect, expectTypeOf, it } from "vitest";
import {
  type AsrOptions,
  type AsrResult,
  type AutomaticSpeechRecognitionPipeline,
  type ChannelSession,
  type LiveEvent,
  type LiveSession,
  type LoadOptions,
  type ModelInfo,
  type PipelineOptions,
  pipeline,
  type SessionOptions,
  SpeechToText,
  type SttError,
  type TranscribeOptions,
  type TranscriptionResult,
  toSrt,
  type Word,
} from "../../../ts/index.node.js";

const samples = new Float32Array(3);

/** Never called: what it does only has to compile. */
async function typicalUse(): Promise<string> {
  await using stt = await SpeechToText.load();
  const { text, words, duration, backend } = await stt.transcribe("talk.mp3", { onEvent: (event) => event.type });
  await stt.transcribe(samples, { rate: 16_000, channels: ["agent", "caller"], turns: true });
  await stt.transcribe(new Blob([]), { signal: AbortSignal.timeout(5) });
  const session = await stt.createSession({ rate: 16_000, format: "s16le" });
  await session.write(new Int16Array(3));
  await session.write(samples, { rate: 48_000 });
  await session.flush();
  for await (const event of session) {
    if (event.type === "word" && event.final) {
      expectTypeOf(event.start).toBeNumber();
    }
    if (event.type === "error") {
      expectTypeOf(event.error).toEqualTypeOf<SttError>();
    }
  }
  const snapshot = await session.snapshot();
  await stt.restoreSession(snapshot, { rate: 16_000 });
  const channels = await stt.createChannelSession({ channels: "split", rate: 16_000, format: "s16le" });
  expectTypeOf(channels).toEqualTypeOf<ChannelSession>();
  const transcriber = await pipeline("automatic-speech-recognition", "digits-en", { device: "cpu" });
  const result = await transcriber([{ array: samples, sampling_rate: 16_000 }, samples], { return_timestamps: "word" });
  expectTypeOf(result).toEqualTypeOf<AsrResult | AsrResult[]>();
  return `${text} ${duration} ${backend.kind} ${toSrt(words)}`;
}

/** Never called. */
async function wrongUse(stt: SpeechToText, session: LiveSession): Promise<void> {
  // @ts-expect-error: nothing to hear
  await stt.transcribe();
  // @ts-expect-error: an option of live sessions
  await stt.transcribe("a.wav", { format: "s16le" });
  // @ts-expect-error: a name per channel
  await stt.createChannelSession({ channels: 2 });
  // @ts-expect-error: channels are missing
  await stt.createChannelSession({ rate: 16_000 });
  // @ts-expect-error: bytes
  await stt.restoreSession("snapshot");
  // @ts-expect-error: PCM, not files
  await session.write("talk.mp3");
  // @ts-expect-error: read only
  session.state = "ended";
  // @ts-expect-error: another task
  await pipeline("text-classification");
  // @ts-expect-error: made by load()
  new SpeechToText();
}

it("options", () => {
  const good: [LoadOptions, TranscribeOptions, SessionOptions, PipelineOptions, AsrOptions] = [
    {
      backend: "wasm",
      threads: 2,
      slots: 4,
      maxWaiting: 0,
      onProgress: ({ stage, done, total }) => [stage, done, total],
    },
    { bannedTokens: [1], prompt: { text: "names" }, turns: { hold: 1 } as never, acceptTruncated: true },
    { vad: true, tokens: true, refresh: false, times: "moshi_server", priority: "file", prompt: { tokens: [3] } },
    { device: "auto", slots: 2, progress_callback: (info) => info.status },
    { return_timestamps: true, chunk_length_s: 30 },
  ];
  const bad: unknown[] = [
    // @ts-expect-error: no such backend
    { backend: "gpu" } satisfies LoadOptions,
    // @ts-expect-error: that of sessions
    { rate: 16_000 } satisfies LoadOptions,
    // @ts-expect-error: ids
    { bannedTokens: ["a"] } satisfies TranscribeOptions,
    // @ts-expect-error: no such format
    { format: "mp3" } satisfies SessionOptions,
    // @ts-expect-error: no such priority
    { priority: "high" } satisfies SessionOptions,
    // @ts-expect-error: words are the only times there are
    { return_timestamps: "char" } satisfies AsrOptions,
    // @ts-expect-error: the model finds out
    { language: "en" } satisfies AsrOptions,
  ];
  expect([good.length, bad.length]).toEqual([5, 7]);
});

it("results", () => {
  expectTypeOf<TranscriptionResult["words"]>().toExtend<readonly Word[]>();
  expectTypeOf<Word["start"]>().toBeNumber();
  expectTypeOf<ModelInfo["unusedSettings"]>().toEqualTypeOf<readonly string[]>();
  expectTypeOf<SpeechToText>().toExtend<AsyncDisposable>();
  expectTypeOf<LiveSession>().toExtend<AsyncIterable<LiveEvent>>();
  expectTypeOf<AutomaticSpeechRecognitionPipeline["model"]>().toEqualTypeOf<SpeechToText>();
  expectTypeOf(typicalUse).returns.toEqualTypeOf<Promise<string>>();
  expectTypeOf(wrongUse).returns.toEqualTypeOf<Promise<void>>();
});
