/** Who purged what: what the pods remember of it, for how long, and that nothing waits for it. */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryOutbox } from '../../src/cache/cache.js';
import { HISTORY_KEPT_MS, type History, MAX_HISTORY } from '../../src/cache/history/history.js';
import { MemoryHistory } from '../../src/cache/history/memory-history.js';
import { RedisHistory } from '../../src/cache/history/redis-history.js';
import { type Invalidation, newInvalidation } from '../../src/cache/invalidation.js';
import { Counters } from '../../src/cache/stats/counters.js';
import { startRedis, type RedisServer } from '../harness/redis.js';
import { waitFor } from '../harness/wait.js';
import { connectRedis } from '../promises/real-pods.js';
import { openPod, type Pod, PREFIX } from './pods.js';

const KEY = `${PREFIX}{bus}history`;

let redis: RedisServer;
let client: Redis;
beforeEach(async () => {
  redis = await startRedis();
  client = connectRedis(redis);
});

const HISTORIES: readonly [string, () => History][] = [
  ['in Redis', () => new RedisHistory(client, PREFIX, new Counters([]))],
  ['in memory', () => new MemoryHistory()],
];

describe.each(HISTORIES)('a history %s', (_where, make) => {
  let history: History;
  beforeEach(() => {
    history = make();
  });

  const purge = (id: string, requestedAt: Date): Invalidation =>
    newInvalidation(id, requestedAt, [{ glob: `device_meta:${id}` }], { actor: 'somebody' });
  const ago = (ms: number) => new Date(Date.now() - ms);

  it('lists the newest first, each as it was last heard of', async () => {
    const [a, b, c] = [purge('a', ago(3_000)), purge('b', ago(2_000)), purge('c', ago(1_000))];
    for (const each of [b, c, a]) await history.put(each);
    expect(await history.list(10)).toEqual([c, b, a]);
    await history.put({ ...b, status: 'APPLIED', appliedAt: ago(0), matched: 3, removed: 3 });
    expect((await history.list(10)).map(({ id, removed }) => [id, removed])).toEqual([
      ['c', null],
      ['b', 3],
      ['a', null],
    ]);
    expect((await history.list(2)).map(({ id }) => id)).toEqual(['c', 'b']);
  });

  it('tells those apart that were asked for in the same millisecond', async () => {
    const at = ago(1_000);
    for (const id of ['a', 'ab', 'b']) await history.put(purge(id, at));
    expect((await history.list(10)).map(({ id }) => id).sort()).toEqual(['a', 'ab', 'b']);
  });

  it(`forgets the oldest beyond ${MAX_HISTORY}`, async () => {
    const start = Date.now() - 10_000;
    for (let i = 0; i <= MAX_HISTORY; i++) await history.put(purge(`purge-${i}`, new Date(start + i)));
    const listed = await history.list(MAX_HISTORY + 1);
    expect(listed).toHaveLength(MAX_HISTORY);
    expect([listed[0]!.id, listed.at(-1)!.id]).toEqual([`purge-${MAX_HISTORY}`, 'purge-1']);
  });
});

describe('in Redis', () => {
  const history = () => new RedisHistory(client, PREFIX, new Counters([]));

  it('what is older than a day is neither shown nor kept, and the rest ends by itself', async () => {
    const old = newInvalidation('old', new Date(Date.now() - HISTORY_KEPT_MS + 500), [], { actor: 'a' });
    const recent = newInvalidation('recent', new Date(), [], { actor: 'a' });
    await history().put(old);
    expect(await history().list(10)).toHaveLength(1);
    await waitFor(async () => (await history().list(10)).length === 0); // though it is still there
    expect(await client.zcard(KEY)).toBe(1);
    await history().put(recent);
    expect(await client.zcard(KEY)).toBe(1);
    expect(await history().list(10)).toEqual([recent]);
    const ttlMs = await client.pttl(KEY);
    expect(ttlMs).toBeGreaterThan(HISTORY_KEPT_MS - 60_000);
    expect(ttlMs).toBeLessThanOrEqual(HISTORY_KEPT_MS);
  });

  it('what another version, or anybody else, wrote is left out', async () => {
    const mine = newInvalidation('mine', new Date(), [], { actor: 'a' });
    await history().put(mine);
    const at = new Date().toISOString();
    await client.zadd(KEY, 0, `${at} x {"id":"x"}`, 0, `${at} y`, 0, `${at} z {"status":`, 0, 'zzz garbage');
    expect(await history().list(10)).toEqual([mine]);
  });

  it('what no later version knows any more is not needed to read one', async () => {
    const { actor: _actor, ids: _ids, ...older } = newInvalidation('older', new Date(), [{ glob: '*' }]);
    await client.zadd(KEY, 0, `${older.requestedAt.toISOString()} older ${JSON.stringify({ ...older, more: 1 })}`);
    expect(await history().list(10)).toEqual([{ ...older, actor: null, ids: null }]);
  });
});

describe('a fleet', () => {
  let pods: readonly [Pod, Pod];
  beforeEach(async () => {
    pods = [await openPod('a', redis.url), await openPod('b', redis.url)];
  });

  it('remembers what admins ask for, and nothing else', async () => {
    const [a, b] = pods;
    const one = await a.cache.invalidatePattern('device_meta:*', { actor: 'ann' });
    const two = await b.cache.invalidate(['device:x', 'devices', 'device_meta:x'], { actor: 'bob', ids: 1 });
    await a.cache.change(['device:x'], () => Promise.resolve());
    await a.cache.invalidate(['device:y']);
    await b.cache.dryRun('*');
    for (const { cache } of pods) {
      expect(await cache.history(10)).toMatchObject([
        { id: two.id, actor: 'bob', ids: 1, pattern: null, status: 'APPLIED' },
        { id: one.id, actor: 'ann', ids: null, pattern: 'device_meta:*', status: 'APPLIED', matched: 0, removed: 0 },
      ]);
    }
    expect(await b.cache.findInvalidation(one.id)).toMatchObject({ actor: 'ann' });
  });

  it('neither lists nor removes it as one of the keys', async () => {
    const [a, b] = pods;
    await a.cache.invalidatePattern('*', { actor: 'ann' });
    for (const pattern of ['*', '{bus}*', '\\{bus}history', '*history']) {
      expect(await b.cache.invalidatePattern(pattern, { actor: 'bob' })).toMatchObject({ matched: 0, removed: 0 });
      expect(await b.cache.entries(pattern, 500, undefined)).toEqual({ entries: [], next: undefined });
    }
    expect(await client.zcard(KEY)).toBe(5);
  });

  it('purges where it can not be remembered, and counts that', async () => {
    const [a] = pods;
    await client.set(KEY, 'another type', 'EX', 60);
    expect(await a.cache.invalidatePattern('*', { actor: 'ann' })).toMatchObject({ status: 'APPLIED', removed: 0 });
    expect(a.cache.figures().failures.record).toBeGreaterThan(0);
    await expect(a.cache.history(10)).rejects.toThrow(/WRONGTYPE/);
  });

  it.each(['can', 'can not'])('applies what is on record once, also where it %s be remembered', async (which) => {
    if (which === 'can not') await client.set(KEY, 'another type', 'EX', 60);
    const outbox = new MemoryOutbox();
    const { cache } = await openPod('c', redis.url, { outbox });
    const intent = { id: randomUUID(), deps: [{ glob: '*' }], changed: true, at: new Date(), actor: 'ann' };
    await outbox.record(intent);
    if (which === 'can') expect(await cache.history(10)).toMatchObject([{ id: intent.id, actor: 'ann', status: 'PENDING' }]);
    await waitFor(async () => (await outbox.read(1)).length === 0, { timeoutMs: 10_000 });
    expect(await client.xlen(`${PREFIX}{bus}log`)).toBe(1);
    if (which === 'can')
      expect(await pods[0].cache.history(10)).toMatchObject([{ id: intent.id, actor: 'ann', status: 'APPLIED' }]);
  });

  it('remembers it in a Redis that is full', async () => {
    await client.config('SET', 'maxmemory', '1');
    const [a] = pods;
    const { id } = await a.cache.invalidatePattern('*', { actor: 'ann' });
    await client.config('SET', 'maxmemory', '0');
    expect(await a.cache.history(10)).toMatchObject([{ id, actor: 'ann' }]);
  });
});
