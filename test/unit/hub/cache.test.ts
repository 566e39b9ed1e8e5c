/** The cache: shared with huggingface_hub and between processes, on disks that are full or may not be written. */
import { execFileSync, spawnSync } from "node:child_process";
import { chmod, mkdir, open, readdir, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { BlobFile } from "../../../ts/hub/blob-download.node.js";
import { listCachedModels, removeCachedModel } from "../../../ts/hub/cache-contents.node.js";
import { findHubModel, type Tuning } from "../../../ts/hub/hub-model.node.js";
import { expectCode } from "../../contract/subject.js";
import { expectContent, FAST, MODEL, modelFiles, NEEDED, noise, tree, useHub } from "./hub-fixture.js";
import { COMMIT, etagOf, OTHER_COMMIT } from "./hub-server.js";

const fixture = useHub();

function find(options: Parameters<typeof findHubModel>[1] = {}, tuning: Tuning = FAST) {
  return findHubModel(MODEL, options, tuning);
}

function folder(): string {
  return join(fixture.cache, "models--tests--model");
}

describe("a cache written by huggingface_hub", () => {
  /** The layout as huggingface_hub 2.4 leaves it after snapshot_download, with its own traces. */
  async function writeAsPython(files: Record<string, Uint8Array>): Promise<void> {
    for (const [name, bytes] of Object.entries(files)) {
      const link = join(folder(), "snapshots", COMMIT, name);
      const blob = join(folder(), "blobs", etagOf(bytes));
      const lock = join(fixture.cache, ".locks/models--tests--model", `${etagOf(bytes)}.lock`);
      for (const path of [link, blob, lock]) {
        await mkdir(dirname(path), { recursive: true });
      }
      await writeFile(blob, bytes);
      await symlink(`../../blobs/${etagOf(bytes)}`, link);
      await writeFile(lock, "");
    }
    await mkdir(join(folder(), "refs"));
    await writeFile(join(folder(), "refs/main"), COMMIT);
    await writeFile(join(fixture.cache, "CACHEDIR.TAG"), "Signature: 8a477f597d28d172789f06886806bc55");
    await mkdir(join(folder(), ".no_exist", COMMIT), { recursive: true });
    await writeFile(join(folder(), ".no_exist", COMMIT, "preprocessor_config.json"), "");
  }

  it("is used without a request offline, and without a download online", async () => {
    await writeAsPython(modelFiles());
    const { path } = await find({ local_files_only: true });
    expect(path).toBe(join(folder(), "snapshots", COMMIT));
    expect(fixture.hub.seen).toEqual([]);
    expect((await find()).path).toBe(path);
    expect(fixture.hub.seen.length).toBe(1);
    expect(await listCachedModels()).toMatchObject([
      {
        repository: MODEL,
        revisions: [{ commit: COMMIT, revisions: ["main"], files: Object.keys(modelFiles()).sort() }],
      },
    ]);
  });

  it("is completed, what is there being kept", async () => {
    const { "model.safetensors": weights, ...others } = modelFiles();
    await writeAsPython(others);
    await expectCode(find({ local_files_only: true }), "ERR_HUB_OFFLINE");
    await expectContent(join((await find()).path, "model.safetensors"), weights);
    expect(fixture.hub.requests("GET").length).toBe(1);
  });
});

describe("locks", () => {
  function lockPath(): string {
    const etag = etagOf(modelFiles()["model.safetensors"] ?? new Uint8Array());
    return join(fixture.cache, ".locks/models--tests--model", `${etag}.kstt.lock`);
  }

  async function lockBy(text: string, ageSeconds = 0): Promise<void> {
    await mkdir(dirname(lockPath()), { recursive: true });
    await writeFile(lockPath(), text);
    const time = Date.now() / 1000 - ageSeconds;
    await utimes(lockPath(), time, time);
  }

  const owner = (pid: number, host: string): string => JSON.stringify({ pid, host, id: "x" });

  it("let one of several callers download, the others wait and find it", async () => {
    fixture.hub.repositories.set(MODEL, { commit: COMMIT, files: modelFiles(noise(3_000_000)) });
    const found = await Promise.all([find(), find(), find()]);
    expect(new Set(found.map(({ path }) => path)).size).toBe(1);
    const sent = NEEDED.reduce((sum, name) => sum + (modelFiles(noise(3_000_000))[name]?.length ?? 0), 0);
    expect(fixture.hub.cdnBytes).toBeLessThanOrEqual(sent);
    expect(await tree(join(fixture.cache, ".locks"))).toEqual([]);
  });

  it("of a process that has ended are taken over", async () => {
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    await lockBy(owner(pid, hostname()));
    await find();
    expect(await tree(join(fixture.cache, ".locks"))).toEqual([]);
  });

  it.each([
    ["another machine", owner(1, "elsewhere")],
    ["nobody known", ""],
  ])("of %s are taken over when they show no life", async (_name, text) => {
    await lockBy(text, 61);
    await find();
    expect(await tree(join(fixture.cache, ".locks"))).toEqual([]);
  });

  it.each([
    ["this machine", owner(process.pid, hostname())],
    ["another machine", owner(1, "elsewhere")],
    ["nobody known yet", ""],
  ])("of a living process of %s are waited for, until the caller has enough", async (_name, text) => {
    await lockBy(text);
    const controller = new AbortController();
    const attempt = find({ signal: controller.signal });
    setTimeout(() => controller.abort(), 600);
    await expectCode(attempt, "ERR_ABORTED");
    await stat(lockPath());
    setTimeout(() => void rm(lockPath()), 300);
    await find();
  });
});

describe("a disk", () => {
  it("that fills up while a file is written: said so, what came is kept", async () => {
    const weights = noise(3_000_000);
    fixture.hub.repositories.set(MODEL, { commit: COMMIT, files: modelFiles(weights) });
    const openFile = async (path: string): Promise<BlobFile> => {
      const file = await open(path, "a+");
      const write: BlobFile["write"] = async (...args: unknown[]) => {
        if (Number(args[3]) > 1_000_000) {
          throw Object.assign(new Error("ENOSPC: no space left on device, write"), {
            code: "ENOSPC",
            syscall: "write",
          });
        }
        return Reflect.apply(file.write, file, args);
      };
      return Object.assign(Object.create(file) as BlobFile, {
        write,
        read: file.read.bind(file),
        truncate: file.truncate.bind(file),
        stat: file.stat.bind(file),
        sync: file.sync.bind(file),
        close: file.close.bind(file),
      });
    };
    const attempt = find({}, { ...FAST, openFile });
    await expectCode(attempt, "ERR_DISK_FULL");
    await expect(attempt).rejects.toMatchObject({ remedy: expect.stringContaining("HF_HUB_CACHE") });
    const sent = fixture.hub.cdnBytes;
    await expectContent(join((await find()).path, "model.safetensors"), weights);
    expect(fixture.hub.cdnBytes - sent).toBeLessThan(weights.length - 900_000);
  });

  it("that is too small is noticed before the download", async (context) => {
    const disk = join(fixture.cache, "..", "..", "disk");
    await mkdir(disk);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], { stdio: "ignore" });
    } catch {
      context.skip("a small disk needs the right to mount one");
    }
    try {
      fixture.hub.repositories.set(MODEL, { commit: COMMIT, files: modelFiles(noise(2_000_000)) });
      const attempt = find({ cache_dir: join(disk, "hub") });
      await expectCode(attempt, "ERR_DISK_FULL");
      await expect(attempt).rejects.toThrow(/needs 3 MB, the disk has \d MB free|needs 2 MB, the disk has \d MB free/);
      // Room for the model, until somebody else takes it.
      const weights = noise(900_000);
      fixture.hub.repositories.set(MODEL, { commit: COMMIT, files: modelFiles(weights) });
      fixture.hub.delay = 10;
      let isTaken = false;
      const fills = find({
        cache_dir: join(disk, "hub"),
        onProgress: ({ file, status }) => {
          if (file === "model.safetensors" && status === "download" && !isTaken) {
            isTaken = true;
            spawnSync("sh", ["-c", `head -c 600000 /dev/zero > ${disk}/other`]);
          }
        },
      });
      await expectCode(fills, "ERR_DISK_FULL");
      await rm(join(disk, "other"));
      const { path } = await find({ cache_dir: join(disk, "hub") });
      await expectContent(join(path, "model.safetensors"), weights);
    } finally {
      execFileSync("umount", [disk]);
    }
  });

  it("that may not be written serves what it has, and nothing else", async (context) => {
    const root = join(fixture.cache, "..", "..");
    const { path } = await find();
    await chmod(root, 0o755);
    execFileSync("chmod", ["-R", "a-w,a+rX", root]);
    const isRoot = process.geteuid?.() === 0;
    if (process.geteuid === undefined || process.seteuid === undefined) {
      return context.skip("this system has no users that could lack rights");
    }
    try {
      if (isRoot) {
        process.seteuid(65_534);
      }
      const warnings: string[] = [];
      expect((await find({ onWarning: (message) => warnings.push(message) })).path).toBe(path);
      expect((await find({ local_files_only: true })).path).toBe(path);
      expect(warnings).toEqual([]);
      fixture.hub.repositories.set(MODEL, { commit: OTHER_COMMIT, files: modelFiles(noise(700, 8)) });
      const attempt = find();
      await expectCode(attempt, "ERR_FILE_ACCESS");
      await expect(attempt).rejects.toMatchObject({ remedy: expect.stringContaining("HF_HUB_CACHE") });
    } finally {
      if (isRoot) {
        process.seteuid(0);
      }
      execFileSync("chmod", ["-R", "u+w", root]);
    }
  });

  it("on which the cache is a file", async () => {
    await mkdir(dirname(fixture.cache), { recursive: true });
    await writeFile(fixture.cache, "");
    await expectCode(find(), "ERR_FILE_ACCESS");
    expect(await listCachedModels()).toEqual([]);
  });
});

describe("removing", () => {
  it("one revision keeps the files that another has", async () => {
    await find();
    const files = { ...modelFiles(), "tokenizer.json": noise(333, 4) };
    fixture.hub.repositories.set(MODEL, { commit: OTHER_COMMIT, refs: { v2: OTHER_COMMIT }, files });
    await find({ revision: "v2" });
    const freed = await removeCachedModel(`${MODEL}@v2`);
    expect(freed).toBe(333 + OTHER_COMMIT.length);
    const [model] = await listCachedModels();
    expect(model?.revisions.map(({ commit }) => commit)).toEqual([COMMIT]);
    for (const name of NEEDED) {
      await expectContent(join((await find({ local_files_only: true })).path, name), modelFiles()[name]);
    }
    await expectCode(removeCachedModel(`${MODEL}@v2`), "ERR_HUB_NOT_FOUND");
    await removeCachedModel(`${MODEL}@${COMMIT}`);
    expect(await listCachedModels()).toEqual([]);
    expect((await readdir(fixture.cache)).filter((name) => name !== ".locks")).toEqual([]);
  });

  it("counts and frees what cut downloads left", async () => {
    await mkdir(join(folder(), "blobs"), { recursive: true });
    await writeFile(join(folder(), "blobs", `${"0".repeat(40)}.kstt.incomplete`), noise(1000));
    expect(await listCachedModels()).toMatchObject([{ size: 1000, incomplete: 1000, revisions: [] }]);
    expect(await removeCachedModel(MODEL)).toBe(1000);
    expect(await listCachedModels()).toEqual([]);
  });

  it("is refused while the model is downloaded", async () => {
    fixture.hub.repositories.set(MODEL, { commit: COMMIT, files: modelFiles(noise(2_000_000)) });
    fixture.hub.delay = 20;
    let refusal: Promise<unknown> | undefined;
    await find({
      onProgress: ({ file, status }) => {
        if (file === "model.safetensors" && status === "download") {
          refusal = expectCode(removeCachedModel(MODEL), "ERR_BUSY");
        }
      },
    });
    expect(refusal).toBeDefined();
    await refusal;
  });

  it("does not follow links that lead out of the model's folder", async () => {
    await find();
    const outside = join(fixture.cache, "..", "precious");
    await writeFile(outside, "mine");
    fixture.hub.repositories.set(MODEL, { commit: OTHER_COMMIT, files: modelFiles() });
    const { path } = await find();
    await symlink(outside, join(path, "link"));
    await removeCachedModel(`${MODEL}@main`);
    await stat(outside);
    await removeCachedModel(MODEL);
    await stat(outside);
  });
});
