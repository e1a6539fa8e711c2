/**
 * A real redis-server for a test, on a free port, without persistence. Called by tests; which program is run was decided once, by
 * `prepare.ts`.
 */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { environment } from './environment.js';
import { freePort } from './ports.js';
import { startProcess, type ManagedProcess } from './process.js';

export interface RedisServer extends ManagedProcess {
  /** `redis://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  /** Where it keeps its snapshot, if it is told to make one. */
  readonly directory: string;
}

export interface RedisOptions {
  /** More of redis-server's options, `['--maxmemory', '1mb']`. */
  readonly args?: readonly string[];
  /** Default: a free one. */
  readonly port?: number;
}

/** Starts a Redis server and waits until it accepts connections. What it held is gone after a restart. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const { args = [], port = await freePort() } = options;
  const directory = mkdtempSync(join(environment().runDirectory, 'redis-'));
  const server = await startProcess({
    name: `redis-server on port ${String(port)}`,
    command: environment().redisServer,
    args: ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', '', '--appendonly', 'no', ...args],
    isReady: (lines) => lines.some((line) => /ready to accept connections|sentinel id is/i.test(line)),
  });
  return Object.assign(server, { port, directory, url: `redis://127.0.0.1:${String(port)}` });
}
