import { defineConfig } from "vitest/config";

// Tests import inner modules without the package's entry, which tells them what Node has.
const setupFiles = ["./ts/platform.node.ts"];

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
    ],
  },
});
