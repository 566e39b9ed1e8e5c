/** `listen`: the microphone, or PCM on standard input, to words as they are spoken. */
import type { ChannelSession, LiveSession, PcmFormat } from "../index.node.js";
import { parseChannels } from "./channel-option.js";
import { EXIT_OK, EXIT_USAGE, type ModelOptions } from "./command-context.js";
import { type CliIo, write } from "./io.js";
import { loadSpeechToText } from "./load-engine.js";
import { openMicrophone } from "./recorders.js";
import { WordPrinter } from "./word-printer.js";

export interface ListenCommandOptions extends Omit<ModelOptions, "acceptTruncated"> {
  readonly stdin: boolean;
  readonly format: PcmFormat;
  readonly rate?: number;
  readonly device?: string;
  readonly vad: boolean;
  readonly json: boolean;
  readonly channels?: string;
}

/** The models' own rate: nothing has to be resampled twice. */
const MICROPHONE_RATE = 24_000;
/** Behind the speaker by this much, the user is told. */
const LATE_SECONDS = 3;

interface Source {
  readonly rate: number;
  readonly format: PcmFormat;
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Comes at its own speed; standard input may be a file, which is always ahead. */
  readonly isMicrophone: boolean;
  stop(): void;
}

type Session = Pick<LiveSession | ChannelSession, "write" | "end" | "dispose" | "queuedSeconds"> &
  AsyncIterable<Parameters<WordPrinter["show"]>[0]>;

export async function listen(options: ListenCommandOptions, io: CliIo): Promise<number> {
  const channels = parseChannels(options.channels);
  if (options.stdin && options.rate === undefined) {
    await write(io.stderr, "error: --stdin needs --rate, the sample rate of the PCM in Hz\n");
    return EXIT_USAGE;
  }
  const count = channels === undefined ? 1 : channels === "split" ? 2 : channels.length;
  const stt = await loadSpeechToText(options, count, io);
  try {
    const source = await openSource(options, count, io);
    const pcm = { rate: source.rate, format: source.format, vad: options.vad };
    const session =
      channels === undefined ? await stt.createSession(pcm) : await stt.createChannelSession({ ...pcm, channels });
    try {
      await run(
        session,
        source,
        new WordPrinter(io, { times: true, turns: true, json: options.json ? {} : undefined }),
        io,
      );
    } finally {
      source.stop();
      await session.dispose();
    }
    return EXIT_OK;
  } finally {
    await stt.dispose();
  }
}

async function openSource(options: ListenCommandOptions, channels: number, io: CliIo): Promise<Source> {
  const { rate = MICROPHONE_RATE, device } = options;
  if (options.stdin) {
    return { rate, format: options.format, chunks: io.stdin, isMicrophone: false, stop() {} };
  }
  const { program, chunks, stop } = await openMicrophone({ rate, channels, device }, io.signal);
  await write(io.stderr, `listening with ${program}; Ctrl-C ends\n`);
  return { rate, format: "s16le", chunks, isMicrophone: true, stop };
}

/** Until the source ends or Ctrl-C; then the last words are still told. */
async function run(session: Session, source: Source, printer: WordPrinter, io: CliIo): Promise<void> {
  const reading = (async () => {
    for await (const event of session) {
      printer.show(event);
    }
    await printer.close();
  })();
  const feeding = (async () => {
    let isLate = false;
    for await (const chunk of untilStopped(source.chunks, io.signal)) {
      await session.write(chunk);
      if (!isLate && source.isMicrophone && session.queuedSeconds > LATE_SECONDS) {
        isLate = true;
        await write(io.stderr, "warning: this machine does not keep up; words come later and later\n");
      }
    }
    await session.end();
  })();
  await Promise.all([reading, feeding]);
}

/** The chunks, until the signal aborts. */
async function* untilStopped(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  let onAbort: () => void = () => {};
  const stopped = new Promise<undefined>((resolve) => {
    onAbort = () => resolve(undefined);
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    while (!signal.aborted) {
      const next = await Promise.race([iterator.next(), stopped]);
      if (next === undefined || next.done) {
        return;
      }
      yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    // Not awaited: a read that hangs would hang its return, too.
    iterator.return?.().catch(() => {});
  }
}
