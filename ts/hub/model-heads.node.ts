/** A model of the Hub without the numbers of its weights: enough to say what it is. */
import { copyFile, mkdir, mkdtemp, open, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { onDisk } from "./disk-error.node.js";
import { type FetchContext, fetchFile } from "./file-fetch.node.js";
import type { ModelPlan, PlannedFile } from "./model-plan.node.js";
import { fetchRange, type RangeSource } from "./range-request.js";
import type { RemoteFile } from "./repository.js";
import { withRetries } from "./retry.js";
import type { ModelHeads, PartialFile } from "./types.js";

const WEIGHT_FILE = /\.(safetensors|gguf)$/i;

/**
 * A folder of its own with the files of a plan: small ones from the cache, where they are brought; of weights that the
 * cache lacks as many bytes as `heads` asks for, the rest of each file a hole.
 *
 * Errors: those of fetchFile; RangesIgnored, where the server only sends whole files.
 */
export async function headsFolder(
  context: FetchContext,
  plan: ModelPlan,
  { bytesOf, onFolder }: ModelHeads,
): Promise<string> {
  const folder = await onDisk(tmpdir(), () => mkdtemp(join(tmpdir(), "kyutai-stt-")));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    for (const each of [plan, ...plan.others]) {
      for (const file of each.files) {
        const place = join(folder, file.repository === plan.repository ? file.path : basename(file.path));
        await onDisk(folder, () => mkdir(dirname(place), { recursive: true }));
        if (file.remote !== undefined && WEIGHT_FILE.test(file.path)) {
          await writeHead(context, file.remote, place, bytesOf);
        } else {
          await linkFile(context, file, place);
        }
      }
    }
  } catch (error) {
    await remove();
    throw error;
  }
  onFolder(folder, remove);
  return plan.entry === undefined ? folder : join(folder, plan.entry);
}

async function linkFile(context: FetchContext, file: PlannedFile, place: string): Promise<void> {
  await fetchFile(context, file);
  const cached = context.cache.filePath(file.repository, file.commit, file.path);
  // Not every file system, and not every user of Windows, may make links.
  await onDisk(place, () => symlink(cached, place).catch(() => copyFile(cached, place)));
}

async function writeHead(
  { settings, signal = new AbortController().signal }: FetchContext,
  { size, location }: RemoteFile,
  place: string,
  bytesOf: ModelHeads["bytesOf"],
): Promise<void> {
  const source: RangeSource = { size, locate: async () => location };
  const remote: PartialFile = {
    size,
    read: (start, end) =>
      withRetries(
        async () => {
          const bytes = new Uint8Array(end - start);
          let done = 0;
          for await (const chunk of fetchRange(settings, source, start, end, signal)) {
            bytes.set(chunk, done);
            done += chunk.length;
          }
          return bytes;
        },
        settings.retries,
        signal,
      ),
  };
  const head = await remote.read(0, await bytesOf(remote));
  await onDisk(place, async () => {
    const file = await open(place, "wx");
    try {
      await file.writeFile(head);
      await file.truncate(size);
    } finally {
      await file.close();
    }
  });
}
