import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Shared memory, and with it threads, takes these two headers. ISOLATED=0 shows the page as hosts without them do. */
const headers =
  process.env["ISOLATED"] === "0"
    ? {}
    : { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  // Inside its own repository the package is not in node_modules; an app that has installed it needs no alias.
  resolve: { alias: { "kyutai-stt": `${root}dist/index.browser.js` } },
  server: { headers, fs: { allow: [root] } },
  preview: { headers },
  build: { target: "es2022", outDir: `${root}build/page`, emptyOutDir: true, assetsInlineLimit: 0 },
});
