import { mkdir, writeFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { type ModelSource, type SpeechToText, type TranscriptionResult, toSrt, toVtt } from "../index.node.js";
import { parseChannels } from "./channel-option.js";
import { EXIT_USAGE, forEachFile, type ModelOptions, sourceOf } from "./command-context.js";
import { type CliIo, write } from "./io.js";
import { loadSpeechToText } from "./load-engine.js";
import { minutes, ProgressBar } from "./progress-bar.js";
import { toText } from "./timed-text.js";
import { WordPrinter } from "./word-printer.js";

export const TRANSCRIBE_FORMATS = ["text", "json", "srt", "vtt"] as const;
type Format = (typeof TRANSCRIBE_FORMATS)[number];

export interface TranscribeCommandOptions extends ModelOptions {
  readonly format: Format;
  readonly output?: string;
  readonly timestamps: boolean;
  readonly vad: boolean;
  readonly stream: boolean;
  readonly channels?: string;
}

const EXTENSIONS: Readonly<Record<Format, string>> = { text: "txt", json: "json", srt: "srt", vtt: "vtt" };

export async function transcribe(
  files: readonly string[],
  options: TranscribeCommandOptions,
  io: CliIo,
): Promise<number> {
  const { format, output } = options;
  if (files.length > 1 && output === undefined && (format === "srt" || format === "vtt")) {
    await write(io.stderr, `error: several ${format} files cannot share standard output; use --output DIR\n`);
    return EXIT_USAGE;
  }
  const isSubtitle = format === "srt" || format === "vtt";
  if (options.stream && (output !== undefined || isSubtitle)) {
    await write(io.stderr, "error: --stream prints text or json on standard output\n");
    return EXIT_USAGE;
  }
  if (output !== undefined) {
    await mkdir(output, { recursive: true });
  }
  const engine = await loadSpeechToText(options, slotsFor(options), io);
  const names = new OutputNames(EXTENSIONS[format]);
  try {
    return await forEachFile(files, io, async (file) => {
      if (options.stream) {
        await stream(engine, file, options, files.length > 1, io);
        return;
      }
      const result = { model: engine.source, ...(await run(engine, file, options, io)) };
      const text = render(file, result, options, files.length > 1 && output === undefined);
      if (output === undefined) {
        await write(io.stdout, text);
      } else {
        const path = join(output, names.next(file));
        await writeFile(path, text);
        await write(io.stderr, `${file}: written to ${path}\n`);
      }
    });
  } finally {
    await engine.dispose();
  }
}

/** The number of channels is only known when a file is open; stereo is what there is, mostly. */
function slotsFor({ channels }: TranscribeCommandOptions): number {
  const parsed = parseChannels(channels);
  return parsed === undefined ? 1 : parsed === "split" ? 2 : parsed.length;
}

/** Prints words as they come. */
async function stream(
  engine: SpeechToText,
  file: string,
  { acceptTruncated, format, timestamps, vad, channels }: TranscribeCommandOptions,
  isNamed: boolean,
  io: CliIo,
): Promise<void> {
  if (isNamed && format === "text") {
    await write(io.stdout, `${file}:\n`);
  }
  const printer = new WordPrinter(io, {
    times: timestamps,
    turns: vad,
    json: format === "json" ? { file } : undefined,
  });
  await engine.transcribe(sourceOf(file, io), {
    acceptTruncated,
    turns: vad,
    channels: parseChannels(channels),
    signal: io.signal,
    onEvent: (event) => printer.show(event),
  });
  await printer.close();
}

async function run(
  engine: SpeechToText,
  file: string,
  { acceptTruncated, vad, channels }: TranscribeCommandOptions,
  io: CliIo,
): Promise<TranscriptionResult> {
  const bar = new ProgressBar(io, basename(file), minutes);
  try {
    return await engine.transcribe(sourceOf(file, io), {
      acceptTruncated,
      turns: vad,
      channels: parseChannels(channels),
      signal: io.signal,
      onProgress: ({ done, total }) => bar.update(done, total),
    });
  } finally {
    bar.stop();
  }
}

function render(
  file: string,
  result: TranscriptionResult & { readonly model: ModelSource },
  { format, timestamps, vad, channels }: TranscribeCommandOptions,
  isNamed: boolean,
): string {
  switch (format) {
    case "text":
      if (timestamps || vad || channels !== undefined) {
        return `${isNamed ? `${file}:\n` : ""}${toText(result, timestamps)}`;
      }
      return `${isNamed ? `${file}: ` : ""}${result.text}\n`;
    case "json":
      return `${JSON.stringify({ file, ...result })}\n`;
    case "srt":
      return toSrt(result.words);
    case "vtt":
      return toVtt(result.words);
  }
}

/** Names in the output folder: the recording's name with another ending, numbered where two would meet. */
class OutputNames {
  readonly #extension: string;
  readonly #taken = new Set<string>();

  constructor(extension: string) {
    this.#extension = extension;
  }

  next(file: string): string {
    const name = basename(file);
    const stem = file === "-" ? "stdin" : name.slice(0, name.length - extname(name).length) || "audio";
    let candidate = `${stem}.${this.#extension}`;
    for (let number = 2; this.#taken.has(candidate); number++) {
      candidate = `${stem}-${number}.${this.#extension}`;
    }
    this.#taken.add(candidate);
    return candidate;
  }
}
