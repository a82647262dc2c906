// The tests in a browser. Each file has an engine and a browser of its own; two files at a time, for they are heavy.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['e2e/**/*.e2e.ts'],
    maxWorkers: 2,
    // Above all that a test may wait for, so that what never comes is named: a slow machine is no failure.
    testTimeout: 900_000,
    hookTimeout: 900_000,
  },
});
