import { defineConfig } from "vitest/config";

export default defineConfig({
  // two at once: much of the time is spent waiting for processes and timeouts
  test: {
    // the hostile logs take minutes: SLOW=1 npx vitest run test/shadow/hostile-logs
    include: process.env.SLOW === undefined ? ["test/**/*.test.ts"] : ["test/**/*.slow.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
