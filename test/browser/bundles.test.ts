/** A small app in each of the common bundlers: it must build, take nothing of Node along, and run. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as commonjsModule from "@rollup/plugin-commonjs";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import * as esbuild from "esbuild";
import type { Browser } from "playwright";
import { type Plugin, rollup } from "rollup";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumPath, launch, NO_CHROMIUM } from "./chromium.js";
import { serveFolder } from "./static-server.js";

// Its declarations are those of a CommonJS module, which it is not when imported.
const commonjs = commonjsModule.default as unknown as () => Plugin;

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const WORK = join(ROOT, "build", "bundles");
const MODEL = join(ROOT, "models", "digits-en");

const APP = `
import { setAssetBase, SpeechToText } from "kyutai-stt";
if (globalThis.ASSETS) setAssetBase(globalThis.ASSETS);
async function run() {
  const stt = await SpeechToText.load();
  const { text, backend } = await stt.transcribe("sample.wav");
  await stt.dispose();
  return { text, tried: backend.tried, kernels: backend.kernels };
}
globalThis.result = run().catch((error) => ({ error: error.code + ": " + error.message }));
`;

/** Why the tests cannot run. */
const NO_CORE = ["single", "single-relaxed", "threads", "threads-relaxed"].every((build) =>
  existsSync(join(ROOT, `dist/backend/wasm/core/kstt-${build}.wasm`)),
)
  ? undefined
  : 'the package was built without its WebAssembly core (Emscripten, "node tools/build-wasm.mjs", "npm run build")';

interface Bundler {
  /** Whether it takes files named by new URL(..., import.meta.url) along. */
  readonly takesAssets: boolean;
  bundle(entry: string, output: string): Promise<void>;
}

const BUNDLERS: Readonly<Record<string, Bundler>> = {
  vite: {
    takesAssets: true,
    bundle: async (entry, outDir) => {
      const { build } = await import("vite");
      await build({
        configFile: false,
        root: join(entry, ".."),
        logLevel: "error",
        build: { outDir, emptyOutDir: true, rollupOptions: { input: entry, output: { entryFileNames: "app.js" } } },
      });
    },
  },
  webpack: {
    takesAssets: true,
    bundle: async (entry, path) => {
      const { default: webpack } = await import("webpack");
      const compiler = webpack({
        mode: "production",
        entry,
        context: join(entry, ".."),
        output: { path, filename: "app.js", module: true, publicPath: "auto" },
        experiments: { outputModule: true },
        performance: false,
        // Names of modules are looked for in the output, and minifying takes most of the time.
        optimization: { minimize: false },
      });
      await new Promise<void>((resolve, reject) => {
        compiler.run((error, stats) => {
          const failed = error ?? (stats?.hasErrors() ? new Error(stats.toString("errors-only")) : undefined);
          compiler.close(() => (failed ? reject(failed) : resolve()));
        });
      });
    },
  },
  esbuild: {
    takesAssets: false,
    bundle: async (entry, output) => {
      const { warnings } = await esbuild.build({
        entryPoints: [entry],
        outfile: join(output, "app.js"),
        bundle: true,
        format: "esm",
        platform: "browser",
        logLevel: "silent",
      });
      expect(warnings).toEqual([]);
    },
  },
  rollup: {
    takesAssets: false,
    bundle: async (entry, dir) => {
      const warnings: string[] = [];
      const bundle = await rollup({
        input: entry,
        plugins: [nodeResolve({ browser: true }), commonjs()],
        onwarn: ({ code, message }) => {
          // Circular imports inside libraries are none of ours.
          if (code !== "CIRCULAR_DEPENDENCY" && code !== "THIS_IS_UNDEFINED") warnings.push(message);
        },
      });
      await bundle.write({ dir, format: "esm", entryFileNames: "app.js" });
      await bundle.close();
      expect(warnings).toEqual([]);
    },
  },
};

let browser: Browser | undefined;
beforeAll(async () => {
  browser = chromiumPath() === undefined ? undefined : await launch();
});
afterAll(() => browser?.close());

describe.each(Object.entries(BUNDLERS))("%s", (name, { takesAssets, bundle }) => {
  const app = join(WORK, name, "app");
  const output = join(WORK, name, "out");

  test("bundles the package, and nothing of Node", async (context) => {
    if (NO_CORE !== undefined) {
      context.skip(NO_CORE);
    }
    rmSync(join(WORK, name), { recursive: true, force: true });
    mkdirSync(join(app, "node_modules"), { recursive: true });
    symlinkSync(ROOT, join(app, "node_modules", "kyutai-stt"), "junction");
    writeFileSync(join(app, "package.json"), '{ "name": "app", "private": true, "type": "module" }\n');
    writeFileSync(join(app, "app.js"), APP);
    await bundle(join(app, "app.js"), output);
    const scripts = readdirSync(output, { recursive: true, encoding: "utf8" }).filter((file) => /\.m?js$/.test(file));
    expect(scripts.length).toBeGreaterThan(0);
    for (const script of scripts) {
      expect(readFileSync(join(output, script), "utf8"), script).not.toMatch(/["'`]node:/);
    }
  }, 120_000);

  for (const isolated of [true, false]) {
    test(`runs in a page that is ${isolated ? "" : "not "}isolated`, async (context) => {
      if (NO_CORE !== undefined || browser === undefined) {
        context.skip(NO_CORE ?? NO_CHROMIUM);
        return;
      }
      writeFileSync(join(output, "index.html"), '<!doctype html><script type="module" src="app.js"></script>');
      cpSync(join(MODEL, "sample.wav"), join(output, "sample.wav"));
      if (!takesAssets) {
        for (const folder of ["dist", "models"]) {
          cpSync(join(ROOT, folder), join(output, "kyutai-stt", folder), { recursive: true });
        }
        writeFileSync(
          join(output, "index.html"),
          '<!doctype html><script>ASSETS = "kyutai-stt/"</script><script type="module" src="app.js"></script>',
        );
      }
      const server = await serveFolder(output, isolated);
      const page = await browser.newPage();
      try {
        await page.goto(server.url);
        const result = (await page.evaluate("result")) as Outcome;
        expect(result).toMatchObject({ text: readFileSync(join(MODEL, "sample.txt"), "utf8").trim() });
        expect(result.tried.at(-1)).toEqual({ kind: "wasm", variant: isolated ? "threads" : "single", ok: true });
      } finally {
        await page.close();
        await server.close();
      }
    }, 60_000);
  }
});

interface Outcome {
  readonly text: string;
  readonly tried: readonly { readonly kind: string; readonly variant?: string; readonly ok: boolean }[];
}
