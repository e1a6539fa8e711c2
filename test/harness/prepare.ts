/**
 * Begins and ends a run of real parts: builds the server when its sources are newer, finds the programs, makes the run's folder, and at
 * the end kills what is left. Called by `global-setup.ts` for vitest and by `script.ts` for scripts.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from './environment.js';
import { findChromium, findMongod, findPrometheus, findRedisServer } from './programs.js';

export interface Run {
  readonly environment: Environment;
  /** Kills the processes that are left, removes the folder, and says what those processes were. */
  readonly end: () => string[];
}

export async function beginRun(): Promise<Run> {
  const runDirectory = mkdtempSync(join(tmpdir(), 'opensensor-test-'));
  const required = process.env.CI === 'true' && process.env.ALLOW_NO_MONGODB !== '1';
  const environment: Environment = {
    runDirectory,
    redisServer: findRedisServer(),
    mongod: { ...(await findMongod()), required },
    chromium: findChromium(),
    prometheus: findPrometheus(),
    buildError: buildServer(),
  };
  return {
    environment,
    end: () => {
      const left = endProcesses(runDirectory);
      rmSync(runDirectory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
      return left;
    },
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
