/** Decoding by the system's ffmpeg: codecs for which no permissively licensed package exists (AAC), rare formats. */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SttError } from "../contract/errors.js";
import { errorText, invalidAudio, throwIfAborted, unsupportedAudio } from "./audio-errors.js";
import { ByteReader } from "./byte-reader.js";
import type { SeekableSource } from "./byte-source.js";
import type { AudioChunk, DecodeContext } from "./types.js";
import { decodeWav } from "./wav.js";
import { readWavHeader } from "./wav-header.js";

const FFMPEG = "ffmpeg";
const MAX_MESSAGE = 4096;

/** Whether a program called ffmpeg can be started; looked up each time, as it may be installed meanwhile. */
function ffmpegStarts(): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(FFMPEG, ["-hide_banner", "-version"], { stdio: "ignore" });
    child.once("error", () => resolve(false));
    child.once("exit", (code) => resolve(code === 0));
  });
}

export async function decodeWithFfmpeg(
  source: SeekableSource,
  what: string,
  context: DecodeContext,
): Promise<AsyncIterable<AudioChunk> | SttError> {
  if (!(await ffmpegStarts())) {
    return unsupportedAudio(
      `${context.name}: ${what} needs ffmpeg, which is not installed`,
      "Install ffmpeg so that it is on the PATH (for mp4 files @mediabunny/server from npm also does), or convert the recording to wav, flac, mp3 or opus.",
    );
  }
  context.note("external-decoder", `${what} decoded by the system's ffmpeg`);
  return run(source, what, context);
}

async function* run(source: SeekableSource, what: string, context: DecodeContext): AsyncGenerator<AudioChunk> {
  const path = source.path ?? join(tmpdir(), `kyutai-stt-${randomUUID()}`);
  if (source.path === undefined) {
    await writeFile(path, source.chunks(), { mode: 0o600, flag: "wx", signal: context.signal ?? undefined }).catch(
      (cause) => {
        throwIfAborted(context.signal);
        throw cause;
      },
    );
  }
  try {
    yield* decodeFile(path, what, context);
  } finally {
    if (source.path === undefined) {
      await rm(path, { force: true });
    }
  }
}

/**
 * The output is a wav stream of all channels at the file's own rate: ffmpeg's own downmix (-ac 1) multiplies a
 * stereo float signal by 1.41 instead of taking the mean, and its default resampler is not ours.
 */
async function* decodeFile(path: string, what: string, context: DecodeContext): AsyncGenerator<AudioChunk> {
  const child = spawn(
    FFMPEG,
    [
      ...["-hide_banner", "-nostdin", "-loglevel", "error"],
      // Only this file: a playlist inside it must not open others.
      ...["-protocol_whitelist", "file,pipe", "-i", `file:${path}`],
      ...["-map", "0:a:0", "-c:a", "pcm_f32le", "-f", "wav", "pipe:1"],
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let message = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    message = (message + text).slice(-MAX_MESSAGE);
  });
  const ended = new Promise<number | Error>((resolve) => {
    child.once("error", resolve);
    child.once("close", (code) => resolve(code ?? -1));
  });
  const stop = (): void => {
    child.kill("SIGKILL");
  };
  context.signal?.addEventListener("abort", stop, { once: true });
  try {
    const reader = new ByteReader(child.stdout, context.signal);
    let decoded = 0;
    if ((await reader.peek(1)).length > 0) {
      const { format = "f32", ...header } = await readWavHeader(context.name, reader);
      for await (const chunk of decodeWav(reader, { ...header, format }, context)) {
        decoded += chunk.samples.length;
        yield chunk;
      }
    }
    const result = await ended;
    throwIfAborted(context.signal);
    report(result, message.trim(), decoded, what, context);
  } finally {
    context.signal?.removeEventListener("abort", stop);
    stop();
  }
}

function report(result: number | Error, message: string, decoded: number, what: string, context: DecodeContext): void {
  const detail = message === "" ? `exit code ${result instanceof Error ? errorText(result) : result}` : message;
  if (decoded === 0) {
    throw invalidAudio(
      `${context.name}: ffmpeg found nothing to decode as ${what} (${detail})`,
      "Check that the recording is complete and has an audio track.",
    );
  }
  if (result !== 0 || message !== "") {
    context.note("damaged", `ffmpeg reported: ${detail}`);
  }
}
