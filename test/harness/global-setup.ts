/**
 * Runs once, before the first test file and after the last (vitest's `globalSetup`): begins a run, hands it to the workers, and at the
 * end fails the run if a process that it started is left.
 */
import type { TestProject } from 'vitest/node';
import type { Environment } from './environment.js';
import { beginRun } from './prepare.js';

declare module 'vitest' {
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- an interface of vitest's can only be widened by another
  interface ProvidedContext extends Environment {}
}

export default async function setup(project: TestProject): Promise<() => void> {
  const { environment, end } = await beginRun();
  for (const finding of [environment.mongod, environment.chromium, environment.prometheus]) {
    if (!finding.found) console.warn(`\n  SOME TESTS CAN'T RUN: ${finding.reason}\n`);
  }
  for (const name of ['runDirectory', 'redisServer', 'mongod', 'chromium', 'prometheus', 'buildError'] as const) {
    project.provide(name, environment[name]);
  }
  return () => {
    const left = end();
    if (left.length === 0) return;
    console.error(`Left running after the tests, and ended now: ${left.join(', ')}`);
    process.exitCode = 1; // An error thrown here would be printed only.
  };
}
