/**
 * Faults of a single Redis server, which all pods feel. None of them excuses a request that fails. Commands go to Redis itself, past
 * every proxy.
 */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { RedisServer } from '../../harness/redis.js';
import type { Fault, FaultContext } from './faults.js';
import { PREFIX } from '../fleet/fleet.js';
import type { Breakage } from '../checker/history.js';
import { connectToRedis } from '../fleet/redis-client.js';

const BREAKS: Breakage = { redis: 'all' };
const BREAKS_AND_FORGETS: Breakage = { redis: 'all', losesData: true };

/** A fault of the server, told by commands through a client of its own. */
function fault(
  name: string,
  lasts: readonly [number, number],
  breaks: Breakage,
  run: (redis: RedisServer, client: Redis, context: FaultContext) => Promise<number>,
): Fault {
  return {
    name,
    lane: 'redis',
    lasts,
    breaks: () => breaks,
    run: async (context) => {
      const redis = context.fleet.topology.single as RedisServer;
      const client = await connectToRedis(redis.port);
      try {
        return await run(redis, client, context);
      } finally {
        client.disconnect();
      }
    },
  };
}

export const REDIS_FAULTS: readonly Fault[] = [
  fault('Redis frozen', [100, 2_500], BREAKS, async (redis, _client, { last }) => {
    await redis.pause();
    await last();
    redis.resume();
    return 1;
  }),

  fault('Redis killed, back empty', [0, 2_500], BREAKS_AND_FORGETS, async (redis, _client, { last }) => {
    await redis.kill();
    await last();
    await redis.restart();
    return 1;
  }),

  // What a failover to a replica that lagged behind does: another history that continues from an earlier state.
  fault('Redis killed, back from an older snapshot', [200, 2_000], BREAKS_AND_FORGETS, async (redis, client, { last }) => {
    await client.save();
    await last();
    const snapshot = join(redis.directory, 'dump.rdb');
    const hasSnapshot = existsSync(snapshot);
    await redis.kill();
    await redis.restart();
    rmSync(snapshot);
    return hasSnapshot ? 1 : 0;
  }),

  fault('everything flushed', [0, 0], BREAKS_AND_FORGETS, async (_redis, client) => {
    await client.flushall();
    return 1;
  }),

  fault('bookkeeping lost', [0, 0], BREAKS_AND_FORGETS, async (_redis, client, { random }) => {
    const keys = await client.keys(`${PREFIX}{bus}*`);
    const chosen = random.pick([keys, [`${PREFIX}{bus}`], [`${PREFIX}{bus}log`]]);
    return chosen.length === 0 ? 0 : client.del(...chosen);
  }),

  fault('Redis full', [300, 2_500], BREAKS, async (_redis, client, { last }) => {
    await client.config('SET', 'maxmemory-policy', 'noeviction', 'maxmemory', '1');
    const refusedBefore = await errorsOf(client, 'OOM');
    await last();
    const refused = (await errorsOf(client, 'OOM')) - refusedBefore;
    await client.config('SET', 'maxmemory', '0');
    return refused;
  }),

  fault('Redis evicts', [300, 2_500], BREAKS_AND_FORGETS, async (_redis, client, { last }) => {
    const figures = await client.info('memory', 'stats');
    const limit = figure(figures, 'used_memory') - Math.floor(figure(figures, 'used_memory_dataset') / 4);
    await client.config('SET', 'maxmemory-policy', 'allkeys-random', 'maxmemory', String(limit));
    await last();
    const evicted = figure(await client.info('stats'), 'evicted_keys') - figure(figures, 'evicted_keys');
    await client.config('SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction');
    return evicted;
  }),

  // A replica of nobody that can be reached. Promoted again it has another history.
  fault('Redis read-only', [300, 2_500], BREAKS, async (_redis, client, { last }) => {
    const refusedBefore = await errorsOf(client, 'READONLY');
    await client.replicaof('127.0.0.1', 1);
    await last();
    const refused = (await errorsOf(client, 'READONLY')) - refusedBefore;
    await client.replicaof('NO', 'ONE');
    return refused;
  }),

  {
    name: 'Redis loading',
    lane: 'redis',
    lasts: [300, 2_000],
    breaks: () => BREAKS,
    run: async ({ fleet, last }) => {
      const rules = fleet.targets.map(({ redis }) =>
        redis?.add({ on: 'command', action: { kind: 'answer', reply: '-LOADING Redis is loading the dataset in memory\r\n' } }),
      );
      await last();
      for (const rule of rules) rule?.end();
      return rules.reduce((sum, rule) => sum + (rule?.struck ?? 0), 0);
    },
  },
];

async function errorsOf(client: Redis, code: string): Promise<number> {
  const text = await client.info('errorstats');
  return Number(new RegExp(`errorstat_${code}:count=(\\d+)`).exec(text)?.[1] ?? 0);
}

function figure(info: string, name: string): number {
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
}
