import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], testTimeout: 60_000, hookTimeout: 60_000 } },
      // Own processes: these load the addon, and a crash there must not take the runner with it.
      { test: { name: "contract", include: ["test/contract/**/*.test.ts"], pool: "forks", testTimeout: 60_000 } },
      {
        test: {
          name: "parity",
          include: ["test/parity/**/*.test.ts"],
          pool: "forks",
          fileParallelism: false,
          testTimeout: 120_000,
        },
      },
    ],
  },
});
