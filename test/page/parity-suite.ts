/** Codes and tokens as transformers gives them, inside a page. */
/// <reference types="vite/client" />
import { describe, expect, test } from "vitest";
import * as api from "../../ts/index.browser.js";
import { type Fixture, idsReader, type Manifest } from "../parity/expected.js";
import { type Platform, testTokensAndCodes } from "../parity/tokens-suite.js";
import { type Kernels, named, PACKAGE, THREADS } from "./build.js";

api.setAssetBase(PACKAGE);

const FOLDER = "/test/fixtures/parity/";
const manifests = import.meta.glob<Manifest>("../fixtures/parity/*/manifest.json", { eager: true, import: "default" });

async function bytesOf(url: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url);
  expect(response.ok, url).toBe(true);
  return new Uint8Array(await response.arrayBuffer());
}

async function readFixture(path: string, manifest: Manifest): Promise<Fixture> {
  const name = path.split("/").at(-2) ?? "";
  const folder = new URL(`${FOLDER}${name}/`, location.href);
  const checkpoint = new URL(`${manifest.checkpoint ?? "checkpoint"}/`, folder).href;
  const ids = idsReader(await bytesOf(new URL("expected.safetensors", folder).href));
  return { name, checkpoint, manifest, ids };
}

const platform: Platform = {
  api,
  locate: (file) => new URL(`/${file}`, location.href).href,
  read: (model, file) => bytesOf(new URL(file, model).href),
};

const fixtures = await Promise.all(Object.entries(manifests).map(([path, manifest]) => readFixture(path, manifest)));

/** `kernels`: what the package must have chosen. */
export function testParity(kernels: Kernels): void {
  test(`the package computes with ${kernels} and ${THREADS} threads`, async () => {
    const stt = await api.SpeechToText.load(undefined, { threads: THREADS });
    expect(stt.backend).toMatchObject({ kind: "wasm", kernels: named(kernels), threads: THREADS });
    await stt.dispose();
  });

  test("there are fixtures", () => expect(fixtures.length).toBeGreaterThan(5));

  describe.each(fixtures)("$name", (fixture) => testTokensAndCodes(fixture, { threads: THREADS }, platform));
}
