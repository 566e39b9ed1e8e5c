import { playwright } from "@vitest/browser-playwright";
import { defineConfig, type TestProjectConfiguration } from "vitest/config";
import { ARGUMENTS, chromiumPath } from "./test/browser/chromium.js";
import { NOTHING_TO_RUN, ROOT } from "./test/browser/lab.js";
import { answer } from "./test/browser/static-server.js";

// Tests import inner modules without the package's entry, which tells them what Node has.
const setupFiles = ["./ts/platform.node.ts"];

/** Tests that run inside a page of Chromium (vitest's browser mode), with shared memory or without. */
function page(name: string, executablePath: string, headers: Record<string, string>): TestProjectConfiguration {
  return {
    server: { headers },
    plugins: [
      {
        name: "package-as-it-is",
        // What was built, past Vite: what it makes of dynamic imports works in pages, not in workers.
        configureServer: ({ middlewares }) => {
          middlewares.use("/package", (request, response) => {
            response.setHeaders(new Map(Object.entries(headers)));
            answer(ROOT, request, response);
          });
        },
      },
    ],
    test: {
      name,
      include: ["test/page/**/*.test.ts"],
      testTimeout: 120_000,
      hookTimeout: 60_000,
      browser: {
        enabled: true,
        headless: true,
        screenshotFailures: false,
        provider: playwright({ launchOptions: { executablePath, args: [...ARGUMENTS] } }),
        instances: [{ browser: "chromium" }],
      },
    },
  };
}

const chromium = NOTHING_TO_RUN === undefined ? chromiumPath() : undefined;
const isolation = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
const pages = chromium === undefined ? [] : [page("page", chromium, {}), page("page-isolated", chromium, isolation)];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts"],
          setupFiles,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      // Own processes: these load the addon, and a crash there must not take the runner with it.
      {
        test: {
          name: "contract",
          include: ["test/contract/**/*.test.ts"],
          setupFiles,
          pool: "forks",
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: "parity",
          include: ["test/parity/**/*.test.ts"],
          setupFiles,
          pool: "forks",
          fileParallelism: false,
          testTimeout: 120_000,
        },
      },
      // Chromium, where there is one, with what was built for browsers.
      {
        test: {
          name: "browser",
          include: ["test/browser/**/*.test.ts"],
          pool: "forks",
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      ...pages,
    ],
  },
});
