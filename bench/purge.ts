/**
 * A purge among 1,000,000 keys, of which a tenth are the server's own: how long its caller waits, what the slowest command of Redis was
 * meanwhile, by SLOWLOG, and what another client of the same Redis feels of it.
 */
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { timedAsk } from './latency.js';
import { ADMIN_ENVIRONMENT, adminHeaders, environment, type Parts, type Server, startRedis, startServer } from './parts.js';
import { type Aim, type Findings, number, type Row } from './report.js';
import { median, quantile } from './statistics.js';

const MUTATION = readFileSync(new URL('../schema/operations/invalidate-cache.graphql', import.meta.url), 'utf8');
const KEYS = 1_000_000;
const OWN_KEYS = KEYS / 10;
const KEYS_A_SCRIPT = 10_000;
/** How long the other client is watched without a purge. */
const CALM_MS = 3_000;
const MIN_MS = 1;
/** Microseconds: everything is logged. */
const SLOWER_THAN = 0;
const LOGGED = 1_000_000;
const AIM_SLOWEST_MS = 10;

const FILL = `for i = tonumber(ARGV[2]), tonumber(ARGV[3]) - 1 do redis.call('SET', ARGV[1] .. i, ARGV[4], 'EX', 3600) end`;

export async function measurePurge(parts: Parts, rounds: number): Promise<Findings> {
  const store = await startRedis(parts.cores);
  const redis = new Redis(store.port);
  const other = new Redis(store.port);
  const headers = await adminHeaders();
  let server: Server | undefined;
  const [seconds, slowest, calm, meanwhile]: [number[], number[], number[], number[]] = [[], [], [], []];
  let slowestName = '';
  try {
    const env = { ...environment(parts, { redisPort: store.port }), ...ADMIN_ENVIRONMENT, CACHE_PREFIX: 'purge:' };
    server = await startServer(parts.cores, { env, place: 'measured' });
    // With an embedded store it has a part that this process does not know.
    const stats = await timedAsk(server.url, JSON.stringify({ query: '{ cacheStats { prefix } }' }), headers);
    const { prefix } = (JSON.parse(stats.body) as { data: { cacheStats: { prefix: string } } }).data.cacheStats;
    await fill(redis, 'another program:', KEYS - OWN_KEYS);
    for (let round = 0; round < rounds; round++) {
      await fill(redis, `${prefix}device_meta:`, OWN_KEYS);
      calm.push(...(await watch(other, setTimeout(CALM_MS))).waits);
      await redis.config('SET', 'slowlog-max-len', LOGGED);
      await redis.config('SET', 'slowlog-log-slower-than', SLOWER_THAN);
      await redis.slowlog('RESET');
      const body = JSON.stringify({ query: MUTATION, variables: { pattern: 'device_meta:*' } });
      const { result, waits } = await watch(other, timedAsk(server.url, body, headers));
      const worst = await slowestCommand(redis);
      await redis.config('SET', 'slowlog-log-slower-than', -1);
      const { data } = JSON.parse(result.body) as { data: { invalidateCache: { status: string; matched: number } } };
      const { status, matched } = data.invalidateCache;
      if (status !== 'APPLIED' || matched < OWN_KEYS) throw new Error(`${status}, ${matched} keys of ${OWN_KEYS}`);
      if ((await redis.dbsize()) < KEYS - OWN_KEYS) throw new Error("The purge took another program's keys.");
      seconds.push(result.ms / 1_000);
      meanwhile.push(...waits);
      if (worst.ms >= Math.max(0, ...slowest)) slowestName = worst.name;
      slowest.push(worst.ms);
    }
  } finally {
    redis.disconnect();
    other.disconnect();
    await server?.stop();
    await store.process.stop();
  }
  const what = `purge of ${number(OWN_KEYS)} among ${number(KEYS)} keys`;
  const rows: Row[] = [
    { what: `${what}, s`, figure: number(median(seconds)) },
    { what: `${what}, slowest command (${slowestName}), ms`, figure: number(Math.max(...slowest)) },
    {
      what: `another client's GET meanwhile, p99 ms`,
      figure: number(quantile(meanwhile, 0.99)),
      against: { name: 'without a purge', figure: number(quantile(calm, 0.99)) },
    },
  ];
  const aims: Aim[] = [
    {
      what: `no command of a purge holds Redis up for ${AIM_SLOWEST_MS} ms`,
      figure: `${number(Math.max(...slowest))} ms`,
      isMet: Math.max(...slowest) < AIM_SLOWEST_MS,
    },
  ];
  return { rows, aims, notes: [] };
}

async function fill(redis: Redis, prefix: string, keys: number): Promise<void> {
  const value = JSON.stringify({ v: 1, e: '', s: 0, t: 0, f: 0, d: [], x: null });
  for (let from = 0; from < keys; from += KEYS_A_SCRIPT) {
    await redis.eval(FILL, 0, prefix, from, Math.min(keys, from + KEYS_A_SCRIPT), value);
  }
}

/** Asks for a key about once a millisecond as long as the work goes on. */
async function watch<T>(redis: Redis, work: Promise<T>): Promise<{ result: T; waits: number[] }> {
  const waits: number[] = [];
  const state = { isOver: false };
  const watching = (async () => {
    while (!state.isOver) {
      const startedAt = performance.now();
      await redis.get('another program:1');
      waits.push(performance.now() - startedAt);
      await setTimeout(MIN_MS);
    }
  })();
  try {
    return { result: await work, waits };
  } finally {
    state.isOver = true;
    await watching;
  }
}

/** Of all that SLOWLOG has but what this benchmark itself sends. */
async function slowestCommand(redis: Redis): Promise<{ name: string; ms: number }> {
  const entries = (await redis.slowlog('GET', LOGGED)) as [number, number, number, string[]][];
  const [worst] = entries
    .map(([, , microseconds, [name = '']]) => ({ name: name.toUpperCase(), ms: microseconds / 1_000 }))
    .filter(({ name }) => name !== 'SLOWLOG' && name !== 'CONFIG')
    .sort((a, b) => b.ms - a.ms);
  if (worst === undefined) throw new Error('SLOWLOG is empty.');
  return worst;
}
