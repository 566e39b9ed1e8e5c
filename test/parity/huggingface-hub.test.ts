/** The cache is shared with Python's huggingface_hub: each side finds what the other has downloaded. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, type TestContext } from "vitest";
import { listCachedModels } from "../../ts/hub/cache-contents.node.js";
import { findHubModel } from "../../ts/hub/hub-model.node.js";
import { expectContent, MODEL, modelFiles, NEEDED, noise, tree, useHub } from "../unit/hub/hub-fixture.js";
import { COMMIT } from "../unit/hub/hub-server.js";
import { noPython, ORACLE_PYTHON } from "./oracle-python.js";

/** Runs `script` with huggingface_hub; what it prints. */
async function runPython(context: TestContext, script: string): Promise<string> {
  if (ORACLE_PYTHON === undefined) {
    return context.skip(noPython("huggingface_hub"));
  }
  const { stdout } = await promisify(execFile)(ORACLE_PYTHON, ["-c", script], { encoding: "utf8" });
  return stdout;
}

describe("huggingface_hub", () => {
  const fixture = useHub();

  it("uses offline what was downloaded here, and finds nothing wrong with the cache", async (context) => {
    const weights = noise(3_000_000);
    fixture.hub.repositories.set(MODEL, { commit: COMMIT, files: modelFiles(weights) });
    const { path } = await findHubModel(MODEL);
    const out = await runPython(
      context,
      `
import json, os
os.environ["HF_HUB_OFFLINE"] = "1"
from huggingface_hub import hf_hub_download, scan_cache_dir, snapshot_download
info = scan_cache_dir()
print(json.dumps({
    "snapshot": snapshot_download("${MODEL}"),
    "weights": hf_hub_download("${MODEL}", "model.safetensors"),
    "warnings": [str(warning) for warning in info.warnings],
    "models": [[repo.repo_id, repo.nb_files, repo.size_on_disk, sorted(repo.refs)] for repo in info.repos],
}))`,
    );
    const size = NEEDED.reduce((sum, name) => sum + (modelFiles(weights)[name]?.length ?? 0), 0);
    expect(JSON.parse(out)).toEqual({
      snapshot: path,
      weights: join(path, "model.safetensors"),
      warnings: [],
      models: [[MODEL, NEEDED.length, size, ["main"]]],
    });
  });

  it("downloads what is used offline here", async (context) => {
    const out = await runPython(
      context,
      `
import os
from huggingface_hub import hf_hub_download
for name in ${JSON.stringify(NEEDED)}:
    path = hf_hub_download("${MODEL}", name)
print(os.path.dirname(path))`,
    );
    const { path } = await findHubModel(MODEL, { local_files_only: true });
    expect(path).toBe(out.trim());
    for (const name of NEEDED) {
      await expectContent(join(path, name), modelFiles()[name]);
    }
    const before = await tree(fixture.cache);
    fixture.hub.cdnBytes = 0;
    expect((await findHubModel(MODEL)).path).toBe(path);
    expect(fixture.hub.cdnBytes).toBe(0);
    expect(await tree(fixture.cache)).toEqual(before);
    expect(await listCachedModels()).toMatchObject([{ repository: MODEL, revisions: [{ revisions: ["main"] }] }]);
  });
});
