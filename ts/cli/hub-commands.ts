/** `download` and `cache`: models of the Hub on this machine. */
import { type CachedModel, downloadModel, listCachedModels, removeCachedModel } from "../index.node.js";
import { EXIT_OK, reportChoice, writeJsonLine } from "./command-context.js";
import { type CliIo, write } from "./io.js";
import { LoadProgress } from "./load-progress.js";

export interface CacheCommandOptions {
  readonly cache?: string;
  readonly json?: boolean;
}

export interface DownloadCommandOptions extends CacheCommandOptions {
  readonly revision?: string;
}

export async function download(id: string, options: DownloadCommandOptions, io: CliIo): Promise<number> {
  const progress = new LoadProgress(io);
  const model = await downloadModel(id, {
    revision: options.revision,
    cacheDir: options.cache,
    signal: io.signal,
    onProgress: ({ done, total = 0, download: { rate, eta } = { rate: 0, eta: undefined } }) =>
      progress.downloaded(done, total, rate, eta),
  }).finally(() => progress.stop());
  if (options.json) {
    await writeJsonLine(io, model);
    return EXIT_OK;
  }
  await reportChoice(model, io);
  await write(io.stdout, `${model.path}\n`);
  return EXIT_OK;
}

export async function listCache(id: string | undefined, options: CacheCommandOptions, io: CliIo): Promise<number> {
  const models = (await listCachedModels({ cacheDir: options.cache })).filter(
    ({ repository }) => id === undefined || repository === id,
  );
  await (options.json ? writeJsonLine(io, models) : write(io.stdout, table(models)));
  return EXIT_OK;
}

export async function removeFromCache(id: string, options: CacheCommandOptions, io: CliIo): Promise<number> {
  const freed = await removeCachedModel(id, { cacheDir: options.cache });
  await (options.json ? writeJsonLine(io, { removed: id, freed }) : write(io.stdout, `${size(freed)} freed\n`));
  return EXIT_OK;
}

/** One line per revision, in columns. */
function table(models: readonly CachedModel[]): string {
  const rows = models.flatMap(({ repository, revisions, incomplete }) => [
    ...revisions.map(({ commit, revisions: names, size: bytes, path }) => [
      repository,
      names.join(",") || "-",
      commit.slice(0, 12),
      size(bytes),
      path,
    ]),
    ...(incomplete > 0 ? [[repository, "-", "incomplete", size(incomplete), ""]] : []),
  ]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) => `${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd())
    .map((line) => `${line}\n`)
    .join("");
}

function size(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
