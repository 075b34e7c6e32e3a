import { defineConfig } from "vitest/config";

export default defineConfig({
  // two at once: much of the time is spent waiting for processes and timeouts
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
