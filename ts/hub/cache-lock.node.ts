/**
 * Locks between processes that fill the same cache, so that a file is downloaded once.
 *
 * They lie in `.locks`, beside those of huggingface_hub. That library locks with flock, which Node does not have; each
 * of the two may therefore download a file the other is downloading. Neither can damage it: both write to files of
 * their own and rename what is complete. For the same reason a lock that is lost costs a download and nothing else.
 */
import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rename, stat, unlink, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { errorCode } from "./disk-error.node.js";
import { sleep } from "./retry.js";

/** Milliseconds: between signs of life, without one until a lock counts as left behind, between two looks at it. */
const BEAT = 5000;
const STALE = 60_000;
const POLL = 200;

interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly id: string;
}

/** Waits for the lock, works, gives it back. Errors: those of `work` and of the file system, ERR_ABORTED. */
export async function withLock<T>(path: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  const owner: Owner = { pid: process.pid, host: hostname(), id: randomUUID() };
  await mkdir(dirname(path), { recursive: true });
  while (!(await tryAcquire(path, owner))) {
    await sleep(POLL, signal);
  }
  const beat = setInterval(() => void showLife(path, owner), BEAT);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    await release(path, owner);
  }
}

/** Whether somebody alive holds the lock. */
export async function isLocked(path: string): Promise<boolean> {
  const holder = await readHolder(path);
  return holder !== undefined && !holder.isStale;
}

async function tryAcquire(path: string, owner: Owner): Promise<boolean> {
  try {
    await writeFile(path, JSON.stringify(owner), { flag: "wx" });
    return true;
  } catch (error) {
    if (errorCode(error) !== "EEXIST") {
      throw error;
    }
  }
  const holder = await readHolder(path);
  if (holder?.isStale) {
    await remove(path, holder.text);
  }
  return false;
}

async function readHolder(path: string): Promise<{ text: string; isStale: boolean } | undefined> {
  try {
    const text = await readFile(path, "utf8");
    const age = Date.now() - (await stat(path)).mtimeMs;
    return { text, isStale: age > STALE || isDead(text) };
  } catch (error) {
    if (errorCode(error) === "ENOENT") {
      return undefined;
    }
    throw error;
  }
}

/** Whether the holder was a process of this machine that has ended. */
function isDead(text: string): boolean {
  const owner = parseOwner(text);
  if (owner === undefined || owner.host !== hostname()) {
    return false;
  }
  try {
    process.kill(owner.pid, 0);
    return false;
  } catch (error) {
    return errorCode(error) === "ESRCH";
  }
}

function parseOwner(text: string): Owner | undefined {
  try {
    const { pid, host, id } = JSON.parse(text) as Partial<Owner>;
    return typeof pid === "number" && pid > 0 && typeof host === "string" && typeof id === "string"
      ? { pid, host, id }
      : undefined;
  } catch {
    // Its owner has created it and not yet written to it.
    return undefined;
  }
}

/** Removes a lock that was left behind, unless another process has put a new one there in the meantime. */
async function remove(path: string, staleText: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
    try {
      if ((await readFile(aside, "utf8")) !== staleText) {
        await link(aside, path);
      }
    } finally {
      await unlink(aside);
    }
  } catch (error) {
    if (errorCode(error) !== "ENOENT" && errorCode(error) !== "EEXIST") {
      throw error;
    }
  }
}

async function showLife(path: string, owner: Owner): Promise<void> {
  try {
    if (parseOwner(await readFile(path, "utf8"))?.id === owner.id) {
      const now = new Date();
      await utimes(path, now, now);
    }
  } catch {
    // The lock is gone; see above for why that is harmless.
  }
}

async function release(path: string, owner: Owner): Promise<void> {
  try {
    if (parseOwner(await readFile(path, "utf8"))?.id === owner.id) {
      await unlink(path);
    }
  } catch {
    // As above.
  }
}
