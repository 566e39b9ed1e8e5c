/** Downloads that go well, and what the cache looks like afterwards. */
import { lstat, readFile, readlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { findHubModel } from "../../../ts/hub/hub-model.node.js";
import type { DownloadProgress } from "../../../ts/hub/types.js";
import { expectCode } from "../../contract/subject.js";
import { expectContent, json, MODEL, modelFiles, NEEDED, noise, tree, useHub } from "./hub-fixture.js";
import { COMMIT, etagOf, OTHER_COMMIT } from "./hub-server.js";

describe("a download", () => {
  const fixture = useHub();

  it("fills an empty cache as huggingface_hub would, with the needed files only", async () => {
    const { hub, cache } = fixture;
    const { path, source } = await findHubModel(MODEL);
    expect(source).toEqual({ id: MODEL, repository: MODEL, revision: "main", commit: COMMIT, reason: undefined });
    const folder = join(cache, "models--tests--model");
    expect(path).toBe(join(folder, "snapshots", COMMIT));
    const files = modelFiles();
    const blobs = NEEDED.map((name) => `blobs/${etagOf(files[name] ?? new Uint8Array())}`);
    const links = NEEDED.map((name) => `snapshots/${COMMIT}/${name}`);
    expect(await tree(folder)).toEqual([...blobs, ...links, "refs/main"].sort());
    expect(await readFile(join(folder, "refs/main"), "utf8")).toBe(COMMIT);
    for (const name of NEEDED) {
      await expectContent(join(path, name), files[name]);
      expect(await readlink(join(path, name))).toBe(`../../blobs/${etagOf(files[name] ?? new Uint8Array())}`);
    }
    expect(await tree(join(cache, ".locks"))).toEqual([]);
    expect(hub.seen.every(({ headers }) => headers["accept-encoding"] === "identity")).toBe(true);
    expect(hub.seen.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });

  it("asks for the revision only when all is there, and for nothing offline or for a commit", async () => {
    const { hub } = fixture;
    const { path } = await findHubModel(MODEL);
    hub.seen.length = 0;
    expect((await findHubModel(MODEL)).path).toBe(path);
    expect(hub.seen.map(({ path: url }) => url)).toEqual([`/api/models/${MODEL}/revision/main`]);
    hub.seen.length = 0;
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    expect((await findHubModel(MODEL)).path).toBe(path);
    vi.stubEnv("HF_HUB_OFFLINE", "0");
    expect((await findHubModel(MODEL, { local_files_only: true })).path).toBe(path);
    expect((await findHubModel(`${MODEL}@${COMMIT}`)).path).toBe(path);
    expect((await findHubModel(MODEL, { revision: COMMIT })).source.commit).toBe(COMMIT);
    expect(hub.seen).toEqual([]);
  });

  it("takes up a new commit and shares what did not change", async () => {
    const { hub, cache } = fixture;
    await findHubModel(MODEL);
    hub.repositories.set(MODEL, { commit: OTHER_COMMIT, files: { ...modelFiles(), "tokenizer.json": noise(301, 9) } });
    hub.cdnBytes = 0;
    const { path } = await findHubModel(MODEL);
    expect(basename(path)).toBe(OTHER_COMMIT);
    await expectContent(join(path, "tokenizer.json"), noise(301, 9));
    await expectContent(join(path, "model.safetensors"), noise(10_000));
    expect(hub.cdnBytes).toBe(301);
    expect(await readFile(join(cache, "models--tests--model/refs/main"), "utf8")).toBe(OTHER_COMMIT);
  });

  it("follows branches and tags, also with a slash", async () => {
    const { hub, cache } = fixture;
    hub.repositories.set(MODEL, { commit: COMMIT, refs: { "refs/pr/1": COMMIT, "v1.0": COMMIT }, files: modelFiles() });
    expect((await findHubModel(`${MODEL}@refs/pr/1`)).source).toMatchObject({ revision: "refs/pr/1", commit: COMMIT });
    expect((await findHubModel(`hf://${MODEL}@refs%2Fpr%2F1`)).source.commit).toBe(COMMIT);
    expect((await findHubModel(MODEL, { revision: "v1.0" })).source.commit).toBe(COMMIT);
    expect((await tree(join(cache, "models--tests--model/refs"))).sort()).toEqual(["refs/pr/1", "v1.0"]);
    expect(hub.requests("GET", "hub").some(({ path }) => path.includes("main"))).toBe(false);
  });

  it("moves or copies where links are not wanted", async () => {
    vi.stubEnv("HF_HUB_DISABLE_SYMLINKS", "1");
    const { hub } = fixture;
    hub.repositories.set(MODEL, { commit: COMMIT, files: { ...modelFiles(), "tokenizer_config.json": json({}) } });
    const { path } = await findHubModel(MODEL);
    for (const name of [...NEEDED, "tokenizer_config.json"]) {
      const stats = await lstat(join(path, name));
      expect(stats.isFile()).toBe(true);
      expect(stats.size).toBe((hub.repositories.get(MODEL)?.files[name] ?? []).length);
    }
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    expect((await findHubModel(MODEL)).path).toBe(path);
  });

  it("reports every file, its bytes, and the whole", async () => {
    const { hub, cache } = fixture;
    hub.repositories.set(MODEL, { commit: COMMIT, files: modelFiles(noise(3 << 20)) });
    hub.delay = 20;
    const seen: DownloadProgress[] = [];
    await findHubModel(MODEL, { onProgress: (progress) => seen.push(progress), cache_dir: `${cache}2` });
    const weights = seen.filter(({ file }) => file === "model.safetensors");
    const total = seen.at(-1)?.overall.total ?? 0;
    expect(weights[0]).toMatchObject({ status: "initiate", model: MODEL, loaded: 0, total: 3 << 20 });
    expect(weights[1]?.status).toBe("download");
    expect(weights.at(-1)).toMatchObject({ status: "done", loaded: 3 << 20, eta: 0 });
    const moving = weights.filter(({ status }) => status === "progress");
    expect(moving.length).toBeGreaterThan(1);
    expect(moving.some(({ eta, overall }) => overall.rate > 0 && (eta ?? 0) > 0)).toBe(true);
    expect(
      seen
        .filter(({ status }) => status === "done")
        .map(({ file }) => file)
        .sort(),
    ).toEqual(NEEDED);
    expect(seen.at(-1)?.overall.loaded).toBe(total);
    expect(total).toBe(NEEDED.reduce((sum, name) => sum + (modelFiles(noise(3 << 20))[name]?.length ?? 0), 0));
    const loaded = seen.map(({ overall }) => overall.loaded);
    expect(loaded).toEqual([...loaded].sort((a, b) => a - b));
  });

  it("fetches a large file over several connections, each byte once", async () => {
    const { hub } = fixture;
    const weights = noise(9_000_001);
    hub.repositories.set(MODEL, { commit: COMMIT, files: modelFiles(weights) });
    const { path } = await findHubModel(MODEL);
    await expectContent(join(path, "model.safetensors"), weights);
    const ranges = hub.requests("GET").map(({ headers }) => headers.range);
    expect(ranges.filter((range) => range !== undefined).length).toBeGreaterThan(4);
    expect(hub.cdnBytes).toBeLessThan(weights.length + 2000);
  });

  it("refuses what is no name of a model", async () => {
    await expectCode(findHubModel("model"), "ERR_INVALID_ARGUMENT");
    await expectCode(findHubModel("../model"), "ERR_INVALID_ARGUMENT");
    await expectCode(findHubModel("a/b/c"), "ERR_INVALID_ARGUMENT");
    await expectCode(findHubModel(`${MODEL}@../../x`), "ERR_INVALID_ARGUMENT");
    await expectCode(findHubModel(MODEL, { revision: "/etc" }), "ERR_INVALID_ARGUMENT");
    await expectCode(findHubModel(`${MODEL}@v1`, { revision: "v2" }), "ERR_INVALID_ARGUMENT");
    await expectCode(findHubModel(`hf://${MODEL}/../x.gguf`), "ERR_DOWNLOAD");
    vi.stubEnv("HF_ENDPOINT", "ftp://example.org");
    await expectCode(findHubModel(MODEL), "ERR_INVALID_ARGUMENT");
    expect(fixture.hub.seen).toEqual([]);
  });
});
