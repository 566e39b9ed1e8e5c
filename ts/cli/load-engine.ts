import { SpeechToText } from "../index.node.js";
import { type ModelOptions, reportChoice } from "./command-context.js";
import type { CliIo } from "./io.js";
import { LoadProgress } from "./load-progress.js";

/** Loads the model of the command line, with progress on stderr. */
export async function loadSpeechToText(
  { model, cache, backend, threads, codebooks, transformersCompat }: Omit<ModelOptions, "acceptTruncated">,
  slots: number,
  io: CliIo,
): Promise<SpeechToText> {
  const progress = new LoadProgress(io);
  const engine = await SpeechToText.load(model, {
    cacheDir: cache,
    backend,
    threads,
    codebooks,
    transformersCompat,
    slots,
    signal: io.signal,
    onProgress: ({ done, total = 0, download }) =>
      download === undefined
        ? progress.loaded(done, total)
        : progress.downloaded(done, total, download.rate, download.eta),
  }).finally(() => progress.stop());
  await reportChoice(engine.source, io);
  return engine;
}
