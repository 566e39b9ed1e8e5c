/** `convert`: a checkpoint to one GGUF file, or to a folder that transformers loads. */
import { type ConversionFormat, convertModel, type WeightType } from "../index.node.js";
import { type CliIo, write } from "./io.js";
import { LoadProgress } from "./load-progress.js";
import { megabytes } from "./progress-bar.js";

export interface ConvertCommandOptions {
  readonly format: ConversionFormat;
  readonly dtype?: WeightType;
  readonly small?: true;
  readonly codecDecoder?: true;
  readonly transformersCompat?: true;
  readonly maxShardSize?: string;
  readonly keep: readonly string[];
  readonly threads?: number;
  readonly cache?: string;
  readonly json: boolean;
}

export async function convert(
  source: string,
  target: string,
  { json, cache, ...options }: ConvertCommandOptions,
  io: CliIo,
): Promise<number> {
  const progress = new LoadProgress(io);
  const result = await convertModel(source, target, {
    ...options,
    cacheDir: cache,
    signal: io.signal,
    onDownload: ({ done, total = 0, download }) => progress.downloaded(done, total, download?.rate ?? 0, download?.eta),
    onProgress: ({ done, total }) => progress.converted(done, total),
  }).finally(() => progress.stop());
  if (json) {
    await write(io.stdout, `${JSON.stringify(result)}\n`);
    return 0;
  }
  const { layout, tensors, bytes, seconds, fallbacks, path } = result;
  for (const { name, to, reason } of fallbacks) {
    await write(io.stderr, `${name}: ${to}, because its ${reason}\n`);
  }
  const summary = `${path}: ${tensors.length} tensors of a model in the ${layout} layout, ${typeCounts(tensors)}`;
  await write(io.stdout, `${summary}, ${megabytes(bytes)} in ${seconds.toFixed(1)} s\n`);
  return 0;
}

/** "130 x q8_0, 185 x f32" */
function typeCounts(tensors: readonly { readonly to: string }[]): string {
  const counts = new Map<string, number>();
  for (const { to } of tensors) {
    counts.set(to, (counts.get(to) ?? 0) + 1);
  }
  return [...counts].map(([type, count]) => `${count} x ${type}`).join(", ");
}
