/**
 * A real MongoDB server, standalone, on a free port, with a data folder of its own. Called by tests and scripts; which program is run
 * was decided once, by `prepare.ts`: MONGOMS_SYSTEM_BINARY, or what mongodb-memory-server has downloaded.
 */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { environment } from './environment.js';
import { freePort } from './ports.js';
import { startProcess, type ManagedProcess } from './process.js';

export interface MongoServer extends ManagedProcess {
  /** `mongodb://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
}

/** Starts a MongoDB server and waits until it accepts connections. A restart keeps its data. */
export async function startMongoDb(): Promise<MongoServer> {
  const { mongod, runDirectory } = environment();
  if (!mongod.found) throw new Error(mongod.reason);
  const port = await freePort();
  const directory = mkdtempSync(join(runDirectory, 'mongodb-'));
  const server = await startProcess({
    name: `mongod on port ${String(port)}`,
    command: mongod.path,
    args: ['--port', String(port), '--dbpath', directory, '--bind_ip', '127.0.0.1'],
    isReady: (lines) => lines.some((line) => /waiting for connections/i.test(line)),
    readyTimeoutMs: 30_000,
  });
  return Object.assign(server, { port, url: `mongodb://127.0.0.1:${String(port)}` });
}
