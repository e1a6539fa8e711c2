/** Finds the programs that tests run beside the server itself, once per run. Called by `prepare.ts` only. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { MongoBinary } from 'mongodb-memory-server-core';

/** `reason` says what is missing and what to do. */
export type Finding = { readonly found: true; readonly path: string } | { readonly found: false; readonly reason: string };

/** A download that makes no end is given up after this. */
const MONGODB_DOWNLOAD_TIMEOUT_MS = 600_000;

/** redis-server from REDIS_SERVER_BINARY or PATH; as root on Debian installed when it is neither. Throws when there is none. */
export function findRedisServer(): string {
  const named = process.env.REDIS_SERVER_BINARY;
  if (named !== undefined && named !== '') return named;
  const found = onPath(['redis-server']);
  if (found !== undefined) return found;
  if (process.getuid?.() === 0 && onPath(['apt-get']) !== undefined) {
    console.warn('\n  Installing redis-server with apt-get, because the tests need it and it is not on PATH.\n');
    try {
      apt('update');
      apt('install', '--yes', '--no-install-recommends', 'redis-server');
    } catch (error) {
      throw new Error('redis-server is not on PATH, and apt-get could not install it. Install Redis 7 or newer.', {
        cause: error,
      });
    }
    const installed = onPath(['redis-server']);
    if (installed !== undefined) return installed;
  }
  throw new Error(
    'The tests need redis-server (7.0 or newer), which is not on PATH. Install it (Debian, Ubuntu: `sudo apt-get install redis-server`; ' +
      'macOS: `brew install redis`), or say where it is in REDIS_SERVER_BINARY.',
  );
}

function apt(...args: string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  execFileSync('apt-get', ['-qq', ...args], { env, stdio: ['ignore', 'inherit', 'inherit'] });
}

/** mongod from MONGOMS_SYSTEM_BINARY, or mongodb-memory-server's, downloaded the first time. */
export async function findMongod(): Promise<Finding> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`the download took more than ${String(MONGODB_DOWNLOAD_TIMEOUT_MS / 1000)} s`));
    }, MONGODB_DOWNLOAD_TIMEOUT_MS);
  });
  try {
    return { found: true, path: await Promise.race([MongoBinary.getPath(), timeout]) };
  } catch (error) {
    const why = (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, ' ');
    return {
      found: false,
      reason: `There is no MongoDB server, and none could be downloaded: ${why} Say where mongod (5.0 or newer) is in MONGOMS_SYSTEM_BINARY.`,
    };
  } finally {
    clearTimeout(timer);
  }
}

/** Chromium or Chrome from CHROMIUM_BINARY or PATH. */
export function findChromium(): Finding {
  const named = process.env.CHROMIUM_BINARY;
  const path = named !== undefined && named !== '' ? named : onPath(['chromium', 'chromium-browser', 'google-chrome']);
  if (path !== undefined) return { found: true, path };
  return { found: false, reason: 'There is no Chromium on PATH. Install it, or say where it is in CHROMIUM_BINARY.' };
}

/** Prometheus from PROMETHEUS_BINARY or PATH. */
export function findPrometheus(): Finding {
  const named = process.env.PROMETHEUS_BINARY;
  const path = named !== undefined && named !== '' ? named : onPath(['prometheus']);
  if (path !== undefined) return { found: true, path };
  return { found: false, reason: 'There is no Prometheus on PATH. Install it, or say where it is in PROMETHEUS_BINARY.' };
}

function onPath(names: readonly string[]): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // Not there, or not for us: either way the next one is looked at.
  }
}
