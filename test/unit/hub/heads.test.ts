/** Models of the Hub without the numbers of their weights. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findHubModel } from "../../../ts/hub/hub-model.node.js";
import type { ModelHeads } from "../../../ts/hub/types.js";
import { expectCode } from "../../contract/subject.js";
import { expectContent, FAST, MODEL, modelFiles, noise, tree, useHub } from "./hub-fixture.js";
import { COMMIT } from "./hub-server.js";

const WEIGHTS = noise(3_000_000);
const WANTED = 1000;

describe("the heads of a model", () => {
  const fixture = useHub();
  const folders: { folder: string; remove: () => Promise<void> }[] = [];
  const heads: ModelHeads = {
    bytesOf: async (file) => {
      expect(file.size).toBe(WEIGHTS.length);
      expect(await file.read(5, 8)).toEqual(WEIGHTS.slice(5, 8));
      return WANTED;
    },
    onFolder: (folder, remove) => {
      folders.push({ folder, remove });
    },
  };

  function publish(): void {
    folders.length = 0;
    fixture.hub.repositories.set(MODEL, { commit: COMMIT, files: modelFiles(WEIGHTS) });
  }

  it("are all that is fetched of its weights", async () => {
    publish();
    const { path, source } = await findHubModel(MODEL, { heads }, FAST);
    expect(source.commit).toBe(COMMIT);
    expect(folders).toEqual([{ folder: path, remove: expect.any(Function) }]);
    const found = new Uint8Array(await readFile(join(path, "model.safetensors")));
    expect(found.length).toBe(WEIGHTS.length);
    expect(found.slice(0, WANTED)).toEqual(WEIGHTS.slice(0, WANTED));
    expect(found.slice(WANTED).every((byte) => byte === 0)).toBe(true);
    await expectContent(join(path, "tokenizer.json"), noise(300, 2));
    expect(fixture.hub.cdnBytes).toBeLessThan(10_000);
    await folders[0]?.remove();
    await expect(stat(path)).rejects.toThrow("ENOENT");
    expect((await tree(fixture.cache)).filter((name) => name.endsWith(".safetensors"))).toEqual([]);
    // Still not a complete model.
    await expectCode(findHubModel(MODEL, { local_files_only: true }, FAST), "ERR_HUB_OFFLINE");
  });

  it("are not needed of one that is here", async () => {
    publish();
    const { path: whole } = await findHubModel(MODEL, {}, FAST);
    expect((await findHubModel(MODEL, { heads }, FAST)).path).toBe(whole);
    expect(folders).toEqual([]);
  });

  it("come with the whole model from a server that knows no ranges", async () => {
    publish();
    fixture.hub.ignoresRanges = true;
    const { path } = await findHubModel(
      MODEL,
      { heads: { ...heads, bytesOf: (file) => file.read(0, 8).then(() => 8) } },
      FAST,
    );
    expect(folders).toEqual([]);
    await expectContent(join(path, "model.safetensors"), WEIGHTS);
  });

  it("leave nothing behind where they cannot be had", async () => {
    publish();
    const failure = new Error("no");
    const failing = { ...heads, bytesOf: () => Promise.reject(failure) };
    await expect(findHubModel(MODEL, { heads: failing }, FAST)).rejects.toThrow("no");
    expect(folders).toEqual([]);
  });
});
