import { mkdir, writeFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { type ModelSource, SpeechToText, type TranscriptionResult } from "../index.node.js";
import { EXIT_USAGE, forEachFile, type ModelOptions, reportChoice, sourceOf } from "./command-context.js";
import { type CliIo, write } from "./io.js";
import { LoadProgress } from "./load-progress.js";
import { minutes, ProgressBar } from "./progress-bar.js";
import { toSrt, toVtt } from "./subtitles.js";

export const TRANSCRIBE_FORMATS = ["text", "json", "srt", "vtt"] as const;
type Format = (typeof TRANSCRIBE_FORMATS)[number];

export interface TranscribeCommandOptions extends ModelOptions {
  readonly format: Format;
  readonly output?: string;
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
  if (output !== undefined) {
    await mkdir(output, { recursive: true });
  }
  const engine = await load(options, io);
  const names = new OutputNames(EXTENSIONS[format]);
  try {
    return await forEachFile(files, io, async (file) => {
      const result = { model: engine.source, ...(await run(engine, file, options, io)) };
      const text = render(file, result, format, files.length > 1 && output === undefined);
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

async function load({ model, cache, backend, threads }: TranscribeCommandOptions, io: CliIo): Promise<SpeechToText> {
  const progress = new LoadProgress(io);
  const engine = await SpeechToText.load(model, {
    cacheDir: cache,
    backend,
    threads,
    signal: io.signal,
    onProgress: ({ done, total = 0, download }) =>
      download === undefined
        ? progress.loaded(done, total)
        : progress.downloaded(done, total, download.rate, download.eta),
  }).finally(() => progress.stop());
  await reportChoice(engine.source, io);
  return engine;
}

async function run(
  engine: SpeechToText,
  file: string,
  { acceptTruncated }: TranscribeCommandOptions,
  io: CliIo,
): Promise<TranscriptionResult> {
  const bar = new ProgressBar(io, basename(file), minutes);
  try {
    return await engine.transcribe(sourceOf(file, io), {
      acceptTruncated,
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
  format: Format,
  isNamed: boolean,
): string {
  switch (format) {
    case "text":
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
