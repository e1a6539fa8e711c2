/**
 * Two Redis servers with three Sentinels, set up as the documentation says: a primary without its replica takes no writes. Started here;
 * broken by `sentinel-faults.ts`.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { environment } from '../../harness/environment.js';
import { freePort } from '../../harness/ports.js';
import { startProcess } from '../../harness/process.js';
import { type RedisServer, startRedis } from '../../harness/redis.js';
import { waitFor } from '../../harness/wait.js';
import { connectToRedis } from './redis-client.js';

const MASTER = 'main';
const DOWN_AFTER_MS = 2_000;
/** Below `DOWN_AFTER_MS`: a primary that was cut off stops before another one begins. */
const AGAINST_SPLIT_BRAIN = ['--min-replicas-to-write', '1', '--min-replicas-max-lag', '1'];
const FAILOVER_TIMEOUT_MS = 3_000;

export interface SentinelTopology {
  readonly url: string;
  readonly servers: readonly RedisServer[];
  /** The server that the Sentinels name. */
  readonly primary: () => Promise<RedisServer>;
  /** Asks for a failover. Rejects while none is possible. */
  readonly failOver: () => Promise<void>;
  /** Resolves when the Sentinels name another server than this one. */
  readonly untilReplaced: (server: RedisServer) => Promise<void>;
  /** Resolves when the primary has its replica. */
  readonly untilReplicated: () => Promise<void>;
}

export async function startSentinels(): Promise<SentinelTopology> {
  const first = await startRedis({ args: AGAINST_SPLIT_BRAIN });
  const second = await startRedis({ args: [...AGAINST_SPLIT_BRAIN, '--replicaof', '127.0.0.1', String(first.port)] });
  const servers = [first, second];
  const ports = await Promise.all([0, 1, 2].map(() => startSentinel(first.port)));
  const sentinel = await connectToRedis(ports[0] as number);
  const call = (...args: string[]) => sentinel.call('SENTINEL', ...args);

  const primary = async (): Promise<RedisServer> => {
    const [, port] = (await call('get-master-addr-by-name', MASTER)) as [string, string];
    return servers.find((server) => server.port === Number(port)) as RedisServer;
  };
  const untilReplicated = async (): Promise<void> => {
    const client = await connectToRedis((await primary()).port);
    const isOnline = async () => /^slave0:.*state=online/m.test(await client.info('replication'));
    await waitFor(isOnline, { timeoutMs: 30_000, describe: 'the primary to have its replica' });
    client.disconnect();
  };
  const hasQuorum = async () => /^OK 3 usable/.test(String(await call('ckquorum', MASTER)));
  await waitFor(hasQuorum, { timeoutMs: 20_000, describe: 'the Sentinels to find each other' });
  await untilReplicated();
  return {
    url: `redis+sentinel://${ports.map((port) => `127.0.0.1:${port}`).join(',')}/${MASTER}`,
    servers,
    primary,
    failOver: async () => {
      await call('failover', MASTER);
    },
    untilReplaced: async (server) => {
      await waitFor(async () => (await primary()) !== server, { timeoutMs: 30_000, describe: 'another primary' });
    },
    untilReplicated,
  };
}

/** Answers its port. */
async function startSentinel(primaryPort: number): Promise<number> {
  const port = await freePort();
  const directory = mkdtempSync(join(environment().runDirectory, 'sentinel-'));
  const file = join(directory, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${directory}`,
    `sentinel monitor ${MASTER} 127.0.0.1 ${primaryPort} 2`,
    `sentinel down-after-milliseconds ${MASTER} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${MASTER} ${FAILOVER_TIMEOUT_MS}`,
  ];
  writeFileSync(file, lines.join('\n'));
  const options = {
    name: `Sentinel on port ${port}`,
    command: environment().redisServer,
    args: [file, '--sentinel'],
    isReady: (printed: readonly string[]) => printed.some((line) => /sentinel id is/i.test(line)),
  };
  await startProcess(options);
  return port;
}
