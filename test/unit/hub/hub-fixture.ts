/** A Hub with one small model, an empty cache, and the environment set to both; all gone after each test. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, expect, vi } from "vitest";
import type { Tuning } from "../../../ts/hub/hub-model.node.js";
import { COMMIT, HubServer, sha256 } from "./hub-server.js";

export const MODEL = "tests/model";

/** Bytes without a pattern, the same each run. */
export function noise(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0, state = seed; index < length; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

export function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** A checkpoint in the transformers layout, with files that no model needs. */
export function modelFiles(weights: Uint8Array = noise(10_000)): Record<string, Uint8Array> {
  return {
    ".gitattributes": json("lfs"),
    "README.md": json("a model"),
    "config.json": json({ model_type: "kyutai_speech_to_text" }),
    "generation_config.json": json({}),
    "tokenizer.json": noise(300, 2),
    "model.safetensors": weights,
    "pytorch_model.bin": noise(500, 3),
  };
}

export const NEEDED = ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json"];

/** Retries without the waiting. */
export const FAST: Tuning = { retries: { attempts: 4, firstDelay: 1, maxDelay: 4, maxRetryAfter: 5000 } };

export interface HubFixture {
  readonly hub: HubServer;
  readonly cache: string;
}

const VARIABLES = [
  "HF_HOME",
  "HF_HUB_CACHE",
  "HUGGINGFACE_HUB_CACHE",
  "XDG_CACHE_HOME",
  "HF_TOKEN",
  "HUGGING_FACE_HUB_TOKEN",
  "HF_TOKEN_PATH",
  "HF_HUB_OFFLINE",
  "TRANSFORMERS_OFFLINE",
  "HF_HUB_DISABLE_SYMLINKS",
  "HF_HUB_DISABLE_IMPLICIT_TOKEN",
];

/** Call it in a describe block; the fields are valid inside tests. */
export function useHub(): HubFixture {
  const fixture = {} as { hub: HubServer; cache: string };
  let folder: string;
  vi.setConfig({ testTimeout: 120_000 });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "kstt-hub-"));
    fixture.hub = await HubServer.start();
    fixture.hub.repositories.set(MODEL, { commit: COMMIT, files: modelFiles() });
    fixture.cache = join(folder, "home", "hub");
    for (const name of VARIABLES) {
      vi.stubEnv(name, undefined);
    }
    vi.stubEnv("HF_HOME", join(folder, "home"));
    vi.stubEnv("HF_ENDPOINT", fixture.hub.endpoint);
    // Far beyond what a busy machine takes.
    vi.stubEnv("HF_HUB_DOWNLOAD_TIMEOUT", "60");
    vi.stubEnv("HF_HUB_ETAG_TIMEOUT", "60");
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await fixture.hub.stop();
    await rm(folder, { recursive: true });
  });
  return fixture;
}

/** Every file below a folder, relative, links included. */
export async function tree(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/** Compared as hashes: a difference of megabytes is nothing to print. */
export async function expectContent(path: string, expected: Uint8Array | undefined): Promise<void> {
  expect(sha256(await readFile(path))).toBe(sha256(expected ?? new Uint8Array()));
}
