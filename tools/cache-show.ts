/** `npm run cache -- stats` and `entries`: what is asked for, the consequence first. */
import { CacheEntriesDocument, CacheStatsDocument, type CacheStatsQuery } from '../schema/operations.js';
import { type CacheClient, CommandError } from './cache-client.js';
import { ago, bytes, count, counted, percent, printable, table } from './cache-text.js';

export type Stats = NonNullable<CacheStatsQuery['cacheStats']>;

const PAGE = 500;

/** Rejects when the server has none to give. */
export async function askStats(client: CacheClient): Promise<Stats> {
  const { cacheStats } = await client.ask(CacheStatsDocument, {});
  if (!cacheStats) throw new CommandError('The server answered without statistics.');
  return cacheStats;
}

export async function showStats(client: CacheClient, { json }: { readonly json: boolean }): Promise<number> {
  const stats = await askStats(client);
  console.log(json ? JSON.stringify(stats) : describe(stats));
  return 0;
}

/** What the state of the cache means for whoever asks for devices. */
export function consequence({ status, pendingInvalidations: { length: pending }, pods }: Stats): string {
  const waiting = pending === 0 ? '' : ` ${counted(pending, 'invalidation')} ${pending === 1 ? 'waits' : 'wait'} for Redis.`;
  switch (status) {
    case 'CONNECTED':
      return `Connected: answers come from the cache that ${counted(pods.length, 'pod')} share${pods.length === 1 ? 's' : ''}.${waiting}`;
    case 'DEGRADED':
      return `Degraded: Redis can not be reached or trusted, answers come from the database.${waiting}`;
    case 'EMBEDDED':
      return `Embedded: there is no Redis, answers come from the memory of this one process.${waiting}`;
  }
}

function describe(stats: Stats): string {
  const { complete, keys, keysCountedAt, prefix, redis, namespaces, pods, pendingInvalidations: pending } = stats;
  const parts = [consequence(stats)];
  if (!complete) parts.push('Not every pod could be asked: these are the figures of the one that answered.');
  if (pending.length > 0) {
    const columns = [
      ['pending since', ({ requestedAt }: Pending) => ago(requestedAt)],
      ['asked by', ({ actor }: Pending) => actor ?? 'a device change'],
      ['what', ({ pattern, ids }: Pending) => pattern ?? (ids === null ? 'tags' : counted(ids, 'id'))],
      ['id', ({ id }: Pending) => id],
    ] as const;
    parts.push(table(pending, columns));
  }
  parts.push(
    keys === null
      ? 'Keys could not be counted.'
      : `${counted(keys, 'key')}${keysCountedAt ? `, counted ${ago(keysCountedAt)}` : ''}, under ${prefix}`,
  );
  if (redis) {
    const limit = redis.maxMemoryBytes === null ? 'without a limit' : `of ${bytes(redis.maxMemoryBytes)}`;
    const policy = redis.evictionPolicy === null ? '' : `, ${redis.evictionPolicy}`;
    parts.push(`Redis ${redis.version}: ${bytes(redis.usedMemoryBytes)} ${limit}${policy}, ${count(redis.evictedKeys)} evicted`);
  }
  parts.push(
    table(namespaces, [
      ['namespace', ({ name }) => name],
      ['hit ratio', ({ hitRatio }) => percent(hitRatio)],
      ['hits', ({ hits }) => hits],
      ['in memory', ({ l1Hits }) => l1Hits],
      ['misses', ({ misses }) => misses],
      ['loads', ({ loads }) => loads],
      ['stale', ({ staleServed }) => staleServed],
      ['bypassed', ({ bypassed }) => bypassed],
      ['errors', ({ errors }) => errors],
    ]),
    table(pods, [
      ['pod', ({ id }) => id],
      ['version', ({ version }) => version],
      ['started', ({ startedAt }) => ago(startedAt)],
      ['lease', ({ leaseHeld }) => (leaseHeld ? 'held' : 'lost')],
      ['breaker', ({ breaker }) => breaker.toLowerCase()],
      ['lag', ({ lagMs }) => (lagMs === null ? null : `${Math.round(lagMs)} ms`)],
      ['in memory', ({ l1Entries }) => l1Entries],
      ['bytes', ({ l1Bytes }) => bytes(l1Bytes)],
    ]),
  );
  return parts.join('\n\n');
}

type Pending = Stats['pendingInvalidations'][number];

/** Each once, as the walk meets them. */
export async function showEntries(
  client: CacheClient,
  { pattern, json }: { readonly pattern: string; readonly json: boolean },
): Promise<number> {
  const seen = new Set<string>();
  let after: string | null | undefined;
  do {
    const { cacheEntries } = await client.ask(CacheEntriesDocument, { pattern, first: PAGE, after });
    for (const { node } of cacheEntries?.edges ?? []) {
      if (seen.has(node.key)) continue;
      if (!json && seen.size === 0) console.log('fresh for      size  key');
      seen.add(node.key);
      const columns = [`${Math.round(node.ttlSeconds)} s`.padStart(9), bytes(node.bytes).padStart(10)];
      console.log(json ? JSON.stringify(node) : `${columns.join('')}  ${printable(node.key)}`);
    }
    after = cacheEntries?.pageInfo.hasNextPage ? cacheEntries.pageInfo.endCursor : undefined;
  } while (after);
  if (!json) console.log(`${counted(seen.size, 'key')} of ${printable(pattern)}`);
  return 0;
}
