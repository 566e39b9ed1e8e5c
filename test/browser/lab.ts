/** A page that has the package as `stt`, with the whole repository on its server: models and fixtures have URLs. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import type { Page } from "playwright";
import { chromiumPath, NO_CHROMIUM } from "./chromium.js";
import { type StaticServer, serveFolder } from "./static-server.js";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const LAB = join(ROOT, "build", "lab");

/** The package as the page's scripts see it. */
export type Stt = typeof import("../../ts/index.browser.js");

/** Why nothing can be tested in a browser here; undefined: it can. */
export const NOTHING_TO_RUN: string | undefined =
  ["single", "threads"].find((build) => !existsSync(join(ROOT, `dist/backend/wasm/core/kstt-${build}.wasm`))) !==
  undefined
    ? 'the package was built without its WebAssembly core (Emscripten, "node tools/build-wasm.mjs", "npm run build")'
    : chromiumPath() === undefined
      ? NO_CHROMIUM
      : undefined;

export async function buildLab(): Promise<void> {
  mkdirSync(LAB, { recursive: true });
  await esbuild.build({
    stdin: {
      contents: 'import * as stt from "./dist/index.browser.js"; globalThis.stt = stt; stt.setAssetBase("/");',
      resolveDir: ROOT,
    },
    outfile: join(LAB, "lab.js"),
    bundle: true,
    format: "esm",
    platform: "browser",
    logLevel: "error",
  });
  writeFileSync(
    join(LAB, "index.html"),
    '<!doctype html><link rel="icon" href="data:,"><input type="file" multiple><script type="module" src="lab.js"></script>',
  );
}

export function serveLab(isolated: boolean): Promise<StaticServer> {
  return serveFolder(ROOT, isolated);
}

export async function openLab(page: Page, server: StaticServer): Promise<void> {
  await page.goto(`${server.url}build/lab/index.html`);
  await page.waitForFunction("globalThis.stt !== undefined");
}
