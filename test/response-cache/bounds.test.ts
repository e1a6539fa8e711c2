/** Whole responses are bounded in memory and in Redis, and what is asked for once pushes out nothing that is asked for again (P5). */
import { readFileSync } from 'node:fs';
import { LRUCache } from 'lru-cache';
import { describe, expect, it } from 'vitest';
import { ANONYMOUS } from '../../src/auth/principal.js';
import { type Cache, createCache, MemoryOutbox } from '../../src/cache/cache.js';
import { HttpRequestScope } from '../../src/http/request-scope.js';
import { type FinishedAnswer } from '../../src/response-cache/attempt.js';
import { ResponseCache } from '../../src/response-cache/response-cache.js';
import { describeWithMongoDb, startMongoDb } from '../harness/mongodb.js';
import { startRedis } from '../harness/redis.js';
import { track } from '../harness/registry.js';
import { startServer } from '../harness/server.js';
import { waitFor } from '../harness/wait.js';
import { connectRedis, PREFIX, stats } from '../promises/real-pods.js';
import { knowEachOther, L1_HIT, startPod } from './answering-pods.js';
import { cacheStatus, exchange, keepAliveAgent, post } from './exchange.js';

/** The product's cache and response cache without a server around them. */
async function openResponses(l1MaxBytes: number): Promise<{ cache: Cache; responses: ResponseCache }> {
  const cache = await createCache({
    redis: undefined,
    prefix: 'test:',
    namespaces: ['response'],
    l1MaxBytes,
    outbox: new MemoryOutbox(),
    onInvalidation: () => undefined,
    podName: 'test',
    version: '0',
    onLease() {},
    onError() {},
  });
  track({ name: 'cache', close: () => cache.close() });
  await cache.start();
  const counts = cache.countersOf('response');
  return { cache, responses: new ResponseCache({ bodies: cache.bodies, counts, ttlSeconds: 600, version: 'test' }) };
}

/** Asks as a request would whose execution gives this body, having touched so much. Says whether it was a hit, or is stored. */
async function request(
  responses: ResponseCache,
  name: string,
  body: string,
  deps: readonly string[] = [],
): Promise<'hit' | 'stored' | 'not stored'> {
  const scope = new HttpRequestScope('a', 50);
  scope.authenticated(ANONYMOUS);
  scope.touched(deps, Infinity);
  const attempt = responses.attempt(scope, {
    directives: { noCache: false, noStore: false },
    aliasName: undefined,
    missed: undefined,
    isDebugged: false,
  });
  const hint = { maxAgeSeconds: Infinity, isPrivate: false, staleWhileRevalidateSeconds: 0 };
  const operation = { type: 'query', documentHash: name, name: undefined, variables: {}, extensions: undefined } as const;
  if (await attempt.find({ ...operation, hint: () => hint })) return 'hit';
  const answer: FinishedAnswer = { status: 200, contentType: 'application/json', body };
  attempt.end(answer);
  return (attempt.forwarded as { stored: boolean }).stored ? 'stored' : 'not stored';
}

describe('one response', () => {
  it('of 1 MiB is stored, and not of a byte more', async () => {
    const { responses } = await openResponses(2 ** 26);
    for (const [bytes, first, second] of [
      [2 ** 20, 'stored', 'hit'],
      [2 ** 20 + 1, 'not stored', 'not stored'],
    ] as const) {
      const body = 'ü'.repeat(bytes / 2) + 'a'.repeat(bytes % 2);
      expect([await request(responses, `${bytes}`, body), await request(responses, `${bytes}`, body)]).toEqual([first, second]);
    }
  });

  it('made from 10,000 keys and tags is stored, and not of one more', async () => {
    const { responses } = await openResponses(2 ** 26);
    const deps = (count: number) => Array.from({ length: count }, (_, i) => `device:${i}`);
    expect(await request(responses, 'some', '{}', deps(10_000))).toBe('stored');
    expect(await request(responses, 'more', '{}', deps(10_001))).toBe('not stored');
  });

  it('that there is no room for is not said to be stored', async () => {
    const { cache, responses } = await openResponses(1_000_000);
    for (let i = 0; i < 3; i++) expect(await request(responses, 'large', 'a'.repeat(100_000))).toBe('not stored');
    expect(await request(responses, 'small', 'a'.repeat(90_000))).toBe('stored');
    expect(cache.bodies.probation).toMatchObject({ entries: 1 });
  });

  it('keeps no more memory alive than its own', async () => {
    const { cache, responses } = await openResponses(2 ** 20);
    for (const name of ['a', 'b']) for (let i = 0; i < 2; i++) await request(responses, name, '{"data":"ä"}');
    const { entries } = (await cache.entries('response:*', 10, undefined))!;
    expect(entries).toHaveLength(2);
    for (const { key } of entries) {
      const content = cache.bodies.inMemory([key])!.entry.x.content as Buffer;
      expect(content.buffer.byteLength).toBe(content.length);
    }
  });
});

describe('what is asked for once', () => {
  it('is remembered for longer than its answer is kept', async () => {
    const { cache, responses } = await openResponses(1_000_000);
    const ask = (name: string) => request(responses, name, 'a'.repeat(1_000));
    expect(await ask('again')).toBe('stored');
    for (let i = 0; i < 100; i++) await ask(`once ${i}`); // twice as much as is kept
    const { entries } = cache.bodies.probation;
    expect(await ask('again')).toBe('stored');
    expect(cache.bodies.probation.entries).toBe(entries); // it is in the main part now
    for (let i = 0; i < 1_000; i++) await ask(`once more ${i}`);
    expect(await ask('again')).toBe('hit');
    expect(await ask('once 1')).toBe('stored'); // forgotten
  });

  /** Numbers below `count`, the first ones most often: the n-th as often as 1/n^skew. */
  function zipf(count: number, skew: number, random: () => number): () => number {
    const sums: number[] = [];
    for (let i = 0, sum = 0; i < count; i++) sums.push((sum += 1 / (i + 1) ** skew));
    return () => {
      const wanted = random() * sums[count - 1]!;
      let [low, high] = [0, count - 1];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (sums[middle]! < wanted) low = middle + 1;
        else high = middle;
      }
      return low;
    };
  }

  /** Of [0, 1), always the same. */
  function seededRandom(seed: number): () => number {
    let state = seed;
    return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  }

  it.each([
    ['a Zipf trace', 0.8, 0],
    ['a flatter one', 0.6, 0],
    ['a Zipf trace, every other request unique', 0.8, 0.5],
  ])('pushes out less than in a plain LRU of the same size: %s', async (_what, skew, uniqueShare) => {
    const [MAX_BYTES, BODY_BYTES, REQUESTS] = [1_000_000, 1_000, 40_000];
    const { responses } = await openResponses(MAX_BYTES);
    const plain = new LRUCache<string, true>({ maxSize: MAX_BYTES, sizeCalculation: () => BODY_BYTES + 900 });
    const random = seededRandom(7);
    const next = zipf(10_000, skew, random);
    const hits = { ours: 0, plain: 0 };
    const body = 'a'.repeat(BODY_BYTES);
    for (let i = 0; i < REQUESTS; i++) {
      const name = random() < uniqueShare ? `once ${i}` : `${next()}`;
      if ((await request(responses, name, body)) === 'hit') hits.ours++;
      if (plain.get(name) === true) hits.plain++;
      else plain.set(name, true);
    }
    expect(hits.ours).toBeGreaterThan(1.15 * hits.plain);
  });
});

describeWithMongoDb('20,000 unique queries', () => {
  it('leave memory and Redis flat, and what is asked for again in place', { timeout: 180_000 }, async () => {
    const [redis, mongodb] = await Promise.all([startRedis(), startMongoDb()]);
    const MAX_BYTES = 2_000_000;
    const pod = await startPod(
      { redis: redis.port, mongodb: mongodb.port },
      {
        CACHE_L1_MAX_BYTES: String(MAX_BYTES),
        CACHE_RESPONSE_TTL_SECONDS: '600',
        LOG_LEVEL: 'warn',
        // Left to itself V8 collects so late that a leak could not be told from what is to be collected; this much it needs.
        NODE_OPTIONS: '--max-old-space-size=112 --max-semi-space-size=2',
      },
    );
    await knowEachOther([pod]);
    const client = connectRedis(redis);
    const agent = keepAliveAgent();
    const query = (x: number | string) => post({ query: '{ __typename }', variables: { x } });
    const statusOf = async (x: number | string) => cacheStatus(await exchange(agent, pod.url, query(x)));
    const stored = () => client.keys(`${PREFIX}response:*`);
    const rssBytes = () => 1_024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pod.pid}/status`, 'utf8'))![1]);

    const startedAt = performance.now();
    expect([await statusOf('hot'), (await stored()).length]).toEqual(['fwd=miss; stored', 0]);
    expect(await statusOf('hot')).toBe(L1_HIT);
    await waitFor(async () => (await stored()).length === 1); // the second sight
    const [hotKey] = await stored();
    expect(await client.pttl(hotKey!)).toBeGreaterThan(500_000);

    const flood = async (from: number, to: number) => {
      const statuses: Record<string, number> = {};
      let i = from;
      const oneAfterTheOther = async () => {
        while (i < to) {
          const status = (await statusOf(i++)) ?? 'none';
          statuses[status] = (statuses[status] ?? 0) + 1;
        }
      };
      await Promise.all(Array.from({ length: 16 }, oneAfterTheOther));
      expect(statuses).not.toHaveProperty(L1_HIT);
      expect(statuses['fwd=miss; stored']).toBeGreaterThan(0.8 * (to - from)); // a busy machine costs a lease now and then
      const { pods } = await stats(pod);
      expect(pods[0].l1Bytes).toBeLessThanOrEqual(MAX_BYTES);
      expect(await stored()).toEqual([hotKey]);
      expect(await client.dbsize()).toBeLessThan(16 + 20);
    };
    await flood(0, 20_000); // by then it knows as many requests by their bytes as it ever will
    const before = rssBytes();
    await flood(20_000, 30_000);
    expect(rssBytes() - before).toBeLessThan(15_000_000);
    const hot = await exchange(agent, pod.url, query('hot'));
    expect(cacheStatus(hot)).toBe(L1_HIT);
    await client.del(hotKey!);
    expect(await statusOf('hot')).toBe(L1_HIT); // from memory, and not by way of Redis
    // Twice in this test, whatever came in between: it was never executed again.
    expect(Number(hot.headers.age)).toBeGreaterThanOrEqual(Math.floor((performance.now() - startedAt) / 1_000) - 1);
  });
});

it('without Redis they are counted and listed with all other entries once they were asked for again', async () => {
  const server = await startServer();
  const admin = { authorization: `Bearer ${server.demoToken('admin')}` };
  const responses = async () => {
    const { body } = await server.graphql(
      '{ cacheEntries(pattern: "response:*") { edges { node { key namespace bytes ttlSeconds } } } }',
      {},
      admin,
    );
    return body.data!.cacheEntries.edges.map(({ node }: any) => node);
  };
  const ask = () => server.graphql('{ device(id: "well-01") { id } }');
  await ask();
  expect(await responses()).toEqual([]);
  await ask();
  const [entry, ...others] = await responses();
  expect(others).toEqual([]);
  expect(entry).toMatchObject({ key: expect.stringMatching(/^response:[0-9a-f]{64}$/), namespace: 'response' });
  expect(entry.bytes).toBeGreaterThan(40);
  expect(entry.ttlSeconds).toBeGreaterThan(50);
  const { body } = await server.graphql('{ cacheStats { keys } cacheEntries { edges { node { key } } } }', {}, admin);
  expect(body.data!.cacheStats.keys).toBe(body.data!.cacheEntries.edges.length);
  const purged = await server.graphql('mutation { invalidateCache(pattern: "response:*") { matched removed } }', {}, admin);
  expect(purged.body.data!.invalidateCache).toEqual({ matched: 1, removed: 1 });
  expect(await responses()).toEqual([]);
});
