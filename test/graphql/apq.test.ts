/** Automatic persisted queries over the Keyv that all pods share, on a real Redis that works, is silent and is gone. */
import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import { beforeAll, describe, expect, it } from 'vitest';
import { Budget, createCache, MemoryOutbox, type Cache } from '../../src/cache/cache.js';
import { openRedis } from '../../src/connections.js';
import { APQ_MAX_TEXT_BYTES, APQ_STORES_PER_MINUTE, APQ_TTL_SECONDS, ApqCache } from '../../src/graphql/apq-cache.js';
import { startRedis, type RedisServer } from '../harness/redis.js';
import { track } from '../harness/registry.js';
import { waitFor } from '../harness/wait.js';
import { startApollo, type TestApollo } from './apollo.js';

const PREFIX = 'test:';
const BUDGET_MS = 50;
const QUERY = '{ viewer { id } }';
const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');
const persisted = (sha256Hash: unknown) => ({ extensions: { persistedQuery: { version: 1, sha256Hash } } });

function trackClient(name: string, disconnect: () => void): void {
  track({ name, close: () => Promise.resolve().then(disconnect) });
}

async function startCache(redisUrl?: string): Promise<Cache> {
  const clients = redisUrl === undefined ? undefined : await openRedis({ kind: 'single', urls: [redisUrl] }, () => {});
  if (clients !== undefined) trackClient('Redis clients', () => clients.close());
  const cache = await createCache({
    redis: clients,
    prefix: PREFIX,
    namespaces: ['apq'],
    l1MaxBytes: 2 ** 20,
    outbox: new MemoryOutbox(),
    onInvalidation: () => undefined,
    podName: 'pod',
    version: '1',
    onLease() {},
    onError() {},
  });
  track({ name: 'cache', close: () => cache.close() });
  await cache.start();
  return cache;
}

async function startWith(cache: Cache): Promise<TestApollo> {
  return startApollo({ apqCache: new ApqCache(cache, BUDGET_MS) });
}

/** Registers a text as clients do: by hash, which is unknown, then in full. */
async function register(apollo: TestApollo, query: string): Promise<void> {
  const unknown = await apollo.post(persisted(hashOf(query)));
  expect(unknown.body.errors?.[0]).toMatchObject({
    message: 'PersistedQueryNotFound',
    extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' },
  });
  const { status, body } = await apollo.post({ query, ...persisted(hashOf(query)) });
  expect([status, body.errors]).toEqual([200, undefined]);
}

const isKnown = async (apollo: TestApollo, query: string) =>
  (await apollo.post(persisted(hashOf(query)))).body.errors === undefined;

describe('with Redis', () => {
  let redis: RedisServer;
  let client: Redis;
  beforeAll(async () => {
    redis = await startRedis();
    client = new Redis(redis.url);
    trackClient('client of the test', () => client.disconnect());
  });

  it('keeps a text under its hash for an hour, for every pod', async () => {
    const [one, other] = [await startWith(await startCache(redis.url)), await startWith(await startCache(redis.url))];
    await register(one, QUERY);
    await waitFor(() => isKnown(other, QUERY), { describe: 'the other pod to know the text' });
    const key = `${PREFIX}apq:${hashOf(QUERY)}`;
    const ttl = await client.ttl(key);
    expect(ttl).toBeGreaterThan(APQ_TTL_SECONDS - 60);
    expect(ttl).toBeLessThanOrEqual(APQ_TTL_SECONDS);
  });

  it('is paid by the request that asks', async () => {
    const query = '{ viewer { permissions } }';
    const cache = await startCache(redis.url);
    await register(await startWith(cache), query);
    const texts = new ApqCache(cache, BUDGET_MS);
    const get = () => texts.get(`apq:${hashOf(query)}`);
    await waitFor(async () => (await get()) === query);
    const asking = { request: persisted(hashOf(query)), contextValue: { request: { cacheBudget: new Budget(0) } } };
    await texts.plugin().requestDidStart?.(asking as never);
    expect(await get()).toBe(undefined);
    expect(await get()).toBe(query);
  });

  it('never runs a text that is not the one its hash names', async () => {
    const apollo = await startWith(await startCache(redis.url));
    const query = '{ viewer { kind } }';
    await register(apollo, query);
    await waitFor(() => isKnown(apollo, query), { describe: 'the text to be stored' });
    for (const planted of [JSON.stringify('mutation { clearCache { id } }'), '{"a":1}', 'not json', '""', 'null']) {
      await client.set(`${PREFIX}apq:${hashOf(query)}`, planted, 'EX', 60);
      expect(await isKnown(apollo, query)).toBe(false);
    }
    expect(apollo.resolved).not.toContain('clearCache');
  });

  it.each([
    ['too short', 'abc'],
    ['in capitals', hashOf(QUERY).toUpperCase()],
    ['a glob', '*'],
    ['another key', '../device_meta:x'],
    ['with a line break', `${hashOf(QUERY)}\n`],
    ['a number', 7],
    ['nothing', null],
    ['an object', { toString: 'x' }],
    ['very long', 'a'.repeat(100_000)],
  ])('does not look up what is no hash: %s', async (_name, hash) => {
    const apollo = await startWith(await startCache(redis.url));
    const gets = async () => Number(/cmdstat_get:calls=(\d+)/.exec(await client.info('commandstats'))?.[1] ?? 0);
    const count = await gets();
    const { status, body } = await apollo.post(persisted(hash));
    expect(status).toBe(200);
    expect(body.errors?.[0]?.extensions.code).toBe('PERSISTED_QUERY_NOT_FOUND');
    const refused = await apollo.post({ query: QUERY, ...persisted(hash) });
    expect(refused.body.errors?.[0]?.extensions.code).toBe('BAD_REQUEST');
    expect(await gets()).toBe(count);
  });

  it('answers in time while Redis is silent or gone, and remembers again afterwards', async () => {
    const own = await startRedis();
    const apollo = await startWith(await startCache(own.url));
    await register(apollo, QUERY);
    await waitFor(() => isKnown(apollo, QUERY), { describe: 'the text to be stored' });

    const inTime = async () => {
      const start = performance.now();
      expect(await isKnown(apollo, QUERY)).toBe(false);
      const { body } = await apollo.post({ query: QUERY, ...persisted(hashOf(QUERY)) });
      expect(body.errors).toBeUndefined();
      return performance.now() - start;
    };
    await own.pause();
    expect(await inTime()).toBeLessThan(BUDGET_MS + 150);
    expect(await inTime()).toBeLessThan(BUDGET_MS + 150);
    own.resume();
    await own.kill();
    expect(await inTime()).toBeLessThan(BUDGET_MS + 150);

    await own.restart();
    await waitFor(
      async () => {
        await apollo.post({ query: QUERY, ...persisted(hashOf(QUERY)) });
        return isKnown(apollo, QUERY);
      },
      { timeoutMs: 10_000, describe: 'the text to be stored again' },
    );
    expect(apollo.logs).toEqual([]);
  });
});

describe('in this process alone', () => {
  it('stores no more than so many new texts a minute, and serves all the same', async () => {
    const cache = await startCache();
    const apollo = await startWith(cache);
    const queries = Array.from({ length: 3 * APQ_STORES_PER_MINUTE }, (_, index) => `{ viewer { id } } # ${index}`);
    for (const query of queries) await register(apollo, query);
    const known = [];
    for (const query of queries) if (await isKnown(apollo, query)) known.push(query);
    // The minute may end in between.
    expect(known.length).toBeGreaterThanOrEqual(APQ_STORES_PER_MINUTE);
    expect(known.length).toBeLessThanOrEqual(2 * APQ_STORES_PER_MINUTE);
  });

  it('stores no text that is very long, and none that is not valid', async () => {
    const apollo = await startWith(await startCache());
    const padded = (bytes: number) => `{ viewer { id } }`.padEnd(bytes, ' ');
    await register(apollo, padded(APQ_MAX_TEXT_BYTES));
    await register(apollo, padded(APQ_MAX_TEXT_BYTES + 1));
    expect(await isKnown(apollo, padded(APQ_MAX_TEXT_BYTES))).toBe(true);
    expect(await isKnown(apollo, padded(APQ_MAX_TEXT_BYTES + 1))).toBe(false);

    const invalid = '{ nothing }';
    await apollo.post({ query: invalid, ...persisted(hashOf(invalid)) });
    expect(await isKnown(apollo, invalid)).toBe(false);
  });
});
