/** `generate` and `encode`: what a transformers user gets from processor and model, as JSON lines. */
import {
  KyutaiSpeechToTextForConditionalGeneration,
  KyutaiSpeechToTextProcessor,
  type PretrainedModelOptions,
  type PretrainedOptions,
  type ProgressInfo,
  read_audio,
  type Tensor,
} from "../index.node.js";
import { forEachFile, type ModelOptions, reportChoice, sourceOf, writeJsonLine } from "./command-context.js";
import { type CliIo, write } from "./io.js";
import { LoadProgress } from "./load-progress.js";
import { ProgressBar } from "./progress-bar.js";

export interface GenerateCommandOptions extends ModelOptions {
  readonly format: "json" | "text";
  readonly maxNewTokens?: number;
  readonly audioWindowSize?: number;
}

interface Loaded {
  readonly processor: KyutaiSpeechToTextProcessor;
  readonly model: KyutaiSpeechToTextForConditionalGeneration;
  /** Hz. */
  readonly rate: number;
}

export async function generate(files: readonly string[], options: GenerateCommandOptions, io: CliIo): Promise<number> {
  return withModel(options, io, async ({ processor, model, rate }) => {
    const recordings: { file: string; samples: Float32Array }[] = [];
    const exitCode = await forEachFile(files, io, async (file) => {
      recordings.push({ file, samples: await readSamples(file, rate, options, io) });
    });
    if (recordings.length === 0) {
      return exitCode;
    }
    const inputs = await processor(
      recordings.map(({ samples }) => samples),
      { sampling_rate: rate },
    );
    const bar = new ProgressBar(io, "generating", (frames) => `${frames} frames`);
    const output = await model
      .generate({
        ...inputs,
        max_new_tokens: options.maxNewTokens,
        audio_window_size: options.audioWindowSize,
        signal: io.signal,
        onProgress: ({ done, total }) => bar.update(done, total),
      })
      .finally(() => bar.stop());
    const texts = processor.batch_decode(output, { skip_special_tokens: true });
    for (const [index, { file }] of recordings.entries()) {
      const text = texts[index] ?? "";
      if (options.format === "text") {
        await write(io.stdout, recordings.length > 1 ? `${file}: ${text}\n` : `${text}\n`);
      } else {
        await writeJsonLine(io, { file, tokens: toNumbers(output.at(index)), text });
      }
    }
    return exitCode;
  });
}

export async function encode(files: readonly string[], options: ModelOptions, io: CliIo): Promise<number> {
  return withModel(options, io, ({ processor, model, rate }) =>
    forEachFile(files, io, async (file) => {
      const samples = await readSamples(file, rate, options, io);
      const { input_values } = await processor(samples, { sampling_rate: rate });
      const { audio_codes } = await model.codec_model.encode(input_values, { signal: io.signal });
      await writeJsonLine(io, { file, codes: Array.from(audio_codes.at(0), toNumbers) });
    }),
  );
}

async function withModel(
  { model: location = "digits-en", cache, backend, threads, codebooks, transformersCompat }: ModelOptions,
  io: CliIo,
  work: (loaded: Loaded) => Promise<number>,
): Promise<number> {
  const progress = new LoadProgress(io);
  const options = {
    cache_dir: cache,
    signal: io.signal,
    progress_callback: (info: ProgressInfo): void => showProgress(info, progress),
  };
  const engine = { backend, threads, num_codebooks: codebooks, transformers_compat: transformersCompat };
  const [processor, model] = await load(location, options, engine).finally(() => progress.stop());
  try {
    await reportChoice(model.source, io);
    return await work({ processor, model, rate: processor.feature_extractor.sampling_rate });
  } finally {
    await model.dispose();
  }
}

/** One after the other: what both need is downloaded once. */
async function load(
  location: string,
  options: PretrainedOptions,
  engine: PretrainedModelOptions,
): Promise<[KyutaiSpeechToTextProcessor, KyutaiSpeechToTextForConditionalGeneration]> {
  const processor = await KyutaiSpeechToTextProcessor.from_pretrained(location, options);
  const model = await KyutaiSpeechToTextForConditionalGeneration.from_pretrained(location, { ...options, ...engine });
  return [processor, model];
}

function showProgress(info: ProgressInfo, progress: LoadProgress): void {
  if (info.status === "progress_total") {
    progress.downloaded(info.loaded, info.total, info.rate, info.eta);
  } else if (info.status === "progress" && info.file === undefined) {
    progress.loaded(info.loaded, info.total);
  }
}

function readSamples(file: string, rate: number, { acceptTruncated }: ModelOptions, io: CliIo): Promise<Float32Array> {
  return read_audio(sourceOf(file, io), rate, { acceptTruncated, signal: io.signal });
}

function toNumbers(tensor: Tensor<"int64">): number[] {
  return Array.from(tensor.data, Number);
}
