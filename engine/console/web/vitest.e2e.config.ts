// The tests in a browser: one engine for all of them, so one file after the other.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['e2e/**/*.e2e.ts'],
    globalSetup: 'e2e/stage/start.ts',
    fileParallelism: false,
    // Generous: a slow machine is no failure.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
