/**
 * A real MongoDB server for a test, standalone, on a free port, with a data folder of its own. Called by tests; which program is run
 * was decided once, by `global-setup.ts`: MONGOMS_SYSTEM_BINARY, or what mongodb-memory-server has downloaded.
 */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { describe, inject, it } from 'vitest';
import { freePort } from './ports.js';
import { startProcess, type ManagedProcess } from './process.js';

export interface MongoServer extends ManagedProcess {
  /** `mongodb://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
}

/** Starts a MongoDB server and waits until it accepts connections. A restart keeps its data. */
export async function startMongoDb(): Promise<MongoServer> {
  const mongod = inject('mongod');
  if (!mongod.found) throw new Error(mongod.reason);
  const port = await freePort();
  const directory = mkdtempSync(join(inject('runDirectory'), 'mongodb-'));
  const server = await startProcess({
    name: `mongod on port ${String(port)}`,
    command: mongod.path,
    args: ['--port', String(port), '--dbpath', directory, '--bind_ip', '127.0.0.1'],
    isReady: (lines) => lines.some((line) => /waiting for connections/i.test(line)),
    readyTimeoutMs: 30_000,
  });
  return Object.assign(server, { port, url: `mongodb://127.0.0.1:${String(port)}` });
}

/**
 * A `describe` for tests that need MongoDB. Where it can't be had they are skipped, which `global-setup.ts` has said in one line;
 * with CI=true that is a failure, unless ALLOW_NO_MONGODB=1.
 */
export function describeWithMongoDb(name: string, tests: () => void): void {
  const mongod = inject('mongod');
  if (mongod.found) {
    describe(name, tests);
  } else if (mongod.required) {
    describe(name, () => {
      it('needs a MongoDB server', () => {
        throw new Error(mongod.reason);
      });
    });
  } else {
    describe.skip(name, tests);
  }
}
