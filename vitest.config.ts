/** How the tests run: against real servers and the built product. `test/harness/` starts and stops these. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Without it vitest loads two copies of graphql, and type-graphql's schema belongs to the other one.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/harness/global-setup.ts',
    setupFiles: 'test/harness/setup.ts',
    pool: 'forks',
    // Each file may run a server, a Redis and a MongoDB beside it.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 30_000,
    // On a shared machine a stall of a second can fail a test about milliseconds. `.ci/run` names those that passed the second time only.
    retry: process.env.CI === 'true' ? 1 : 0,
  },
});
