/** From an id on the Hub to tokens: every published layout, the compiled program, the addon. */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";
import { COMMIT, HubServer, OTHER_COMMIT } from "../unit/hub/hub-server.js";

const program = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const layouts = fileURLToPath(new URL("../fixtures/layouts", import.meta.url));
const sample = fileURLToPath(new URL("../../models/digits-en/sample.wav", import.meta.url));

let hub: HubServer;
let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "kstt-hub-"));
  hub = await HubServer.start();
});
afterEach(async () => {
  await hub.stop();
  await rm(home, { recursive: true });
});

async function filesOf(layout: string): Promise<Record<string, Uint8Array>> {
  const folder = join(layouts, layout);
  const names = await readdir(folder);
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, new Uint8Array(await readFile(join(folder, name)))])),
  );
}

/** The tokens of the sample by this model, and what was said on the way. */
async function generate(model: string): Promise<{ tokens: number[]; err: string }> {
  const env = { PATH: process.env["PATH"], HF_HOME: home, HF_ENDPOINT: hub.endpoint };
  const argv = [program, "generate", sample, "--model", model];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, argv, { env });
  return { tokens: JSON.parse(stdout).tokens, err: stderr };
}

it.each(["original-bf16", "mlx-q8", "mlx-q4", "moshi.cpp-bf16"])("%s", async (layout) => {
  hub.repositories.set("tests/model", { commit: COMMIT, files: await filesOf(layout) });
  const { tokens, err } = await generate("tests/model");
  expect(err).toBe("");
  expect(tokens.length).toBeGreaterThan(10);
  expect(tokens).toEqual((await generate(join(layouts, layout))).tokens);
});

it("the documented id of the 1b", async () => {
  hub.repositories.set("kyutai/stt-1b-en_fr-candle", { commit: COMMIT, files: await filesOf("candle-f32") });
  const { tokens, err } = await generate("kyutai/stt-1b-en_fr");
  expect(err).toMatch(/^kyutai\/stt-1b-en_fr: kyutai\/stt-1b-en_fr-candle is used \(.+\)\n$/);
  expect(tokens).toEqual((await generate(join(layouts, "candle-f32"))).tokens);
});

async function info(model: string): Promise<Record<string, unknown>> {
  const env = { PATH: process.env["PATH"], HF_HOME: home, HF_ENDPOINT: hub.endpoint };
  const { stdout } = await promisify(execFile)(process.execPath, [program, "info", model, "--json"], { env });
  return JSON.parse(stdout);
}

/** What info says apart from where the files are. */
function withoutPlaces({ path: _, files, tokenizer, ...facts }: Record<string, unknown>): object {
  const names = (files as { path: string }[]).map(({ path }) => basename(path));
  return { ...facts, names, kind: Object(tokenizer).kind };
}

it("info of a model that is not here fetches no weights", async () => {
  const folder = fileURLToPath(new URL("../../models/digits-en", import.meta.url));
  const entries = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isFile());
  const read = async (name: string): Promise<[string, Uint8Array]> => [name, await readFile(join(folder, name))];
  const files = Object.fromEntries(await Promise.all(entries.map(({ name }) => read(name))));
  hub.repositories.set("tests/model", { commit: COMMIT, files });
  const found = await info("tests/model");
  expect(withoutPlaces(found)).toEqual(withoutPlaces(await info(folder)));
  expect(found).toMatchObject({ path: "hf://tests/model" });
  // A megabyte is read at least, twice.
  expect(files["model.safetensors"]?.length).toBeGreaterThan(3e6);
  expect(hub.cdnBytes).toBeLessThan(2.5e6);
  expect((await readdir(home, { recursive: true })).filter((name) => name.endsWith(".safetensors"))).toEqual([]);
  // With the model here it is described from there.
  await generate("tests/model");
  const cached = await info("tests/model");
  expect(withoutPlaces(cached)).toEqual(withoutPlaces(found));
  expect(String(cached["path"]).startsWith(home)).toBe(true);
});

it("a codec in another repository", async () => {
  const {
    "mimi-pytorch-e351c8d8@125.safetensors": codec,
    "config.json": config,
    ...files
  } = await filesOf("original-f32");
  const changed = {
    ...JSON.parse(new TextDecoder().decode(config)),
    mimi_name: "hf://tests/codec/sub/mimi.safetensors",
  };
  hub.repositories.set("tests/codec", {
    commit: OTHER_COMMIT,
    files: { "sub/mimi.safetensors": codec ?? new Uint8Array() },
  });
  hub.repositories.set("tests/model", {
    commit: COMMIT,
    files: { ...files, "config.json": new TextEncoder().encode(JSON.stringify(changed)) },
  });
  const local = await info(join(layouts, "original-f32"));
  const { names, ...facts } = withoutPlaces(await info("tests/model")) as { names: string[] };
  expect(names).toContain("mimi.safetensors");
  expect(withoutPlaces(local)).toMatchObject(facts);
  expect((await generate("tests/model")).tokens).toEqual((await generate(join(layouts, "original-f32"))).tokens);
});
