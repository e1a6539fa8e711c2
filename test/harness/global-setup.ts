/**
 * Runs once, before the first test file and after the last (vitest's `globalSetup`): builds the server when its sources are newer,
 * finds the programs that tests run, and at the end fails the run if a process that it started is left.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { findChromium, findMongod, findRedisServer, type Finding } from './programs.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Holds data folders and one `<pid>.pid` for each living process of the run; removed at the end. */
    readonly runDirectory: string;
    readonly redisServer: string;
    readonly mongod: Finding & { readonly required: boolean };
    readonly chromium: Finding;
    /** Why there is no up-to-date server to run; empty when there is. */
    readonly buildError: string;
  }
}

export default async function setup(project: TestProject): Promise<() => void> {
  const runDirectory = mkdtempSync(join(tmpdir(), 'opensensor-test-'));
  const mongod = await findMongod();
  const chromium = findChromium();
  for (const finding of [mongod, chromium]) {
    if (!finding.found) console.warn(`\n  SOME TESTS CAN'T RUN: ${finding.reason}\n`);
  }
  project.provide('runDirectory', runDirectory);
  project.provide('redisServer', findRedisServer());
  project.provide('mongod', { ...mongod, required: process.env.CI === 'true' && process.env.ALLOW_NO_MONGODB !== '1' });
  project.provide('chromium', chromium);
  project.provide('buildError', buildServer());
  return () => {
    const left = endProcesses(runDirectory);
    rmSync(runDirectory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    if (left.length === 0) return;
    console.error(`Left running after the tests, and ended now: ${left.join(', ')}`);
    process.exitCode = 1; // An error thrown here would be printed only.
  };
}

/** Kills what a crashed worker has left, and says what that was. */
function endProcesses(runDirectory: string): string[] {
  const records = readdirSync(runDirectory).filter((file) => file.endsWith('.pid'));
  return records.map((file) => {
    const pid = Number.parseInt(file, 10);
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended in between.
    }
    return `${readFileSync(join(runDirectory, file), 'utf8')} (pid ${String(pid)})`;
  });
}

/** What went wrong, or nothing. Tests that need no built server can run all the same. */
function buildServer(): string {
  const build = spawnSync(process.execPath, ['tools/build.mjs'], { encoding: 'utf8' });
  return build.status === 0 ? '' : `The server could not be built:\n${build.stdout}${build.stderr}`;
}
