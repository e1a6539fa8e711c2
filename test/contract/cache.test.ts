/** Runs the contract of the cache over its backends. */
import { Redis } from 'ioredis';
import { expect } from 'vitest';
import type { EmbeddedStore } from '../../src/cache/tiers/embedded-store.js';
import { NAMESPACES, openPod, PREFIX } from '../cache/pods.js';
import { expectInvariants, plantForeignKeys } from '../harness/invariants.js';
import { startRedis, type RedisServer } from '../harness/redis.js';
import { track } from '../harness/registry.js';
import type { CacheFixture, StoredTexts } from './cache-fixture.js';
import { cacheContract } from './cache.js';

cacheContract('the embedded cache', async () => {
  const { cache } = await openPod('alone', undefined);
  const store = cache.values.store as EmbeddedStore;
  const stored: StoredTexts = {
    keys: () => Promise.resolve([...store.keys()]),
    text: (key) => Promise.resolve(store.peek(key) as string | undefined),
    ttlMs: (key) => Promise.resolve(store.remainingTtlMs(key)),
    put: (key, text, ttlMs) => store.set(key, text, ttlMs),
  };
  const nothing = () => Promise.resolve();
  return {
    cache,
    another: cache,
    stored,
    pods: { live: 1, acknowledged: 1, expired: 0 },
    crowd: () => Promise.resolve(nothing),
    check: nothing,
  };
});

/** Of another application, beside ours in the same Redis. */
const FOREIGN_KEYS = 20_000;

async function connect(redis: RedisServer): Promise<Redis> {
  const client = new Redis(redis.url, { lazyConnect: true });
  track({ name: 'Redis client of the test', close: () => Promise.resolve(client.disconnect()) });
  await client.connect();
  return client;
}

cacheContract('the cache on Redis', () => fleetOfTwo(1)); // too little memory for any entry: every read asks Redis

cacheContract('the cache on Redis, with memory in front of it', () => fleetOfTwo(64 * 2 ** 20), { readsAskTheStore: false });

async function fleetOfTwo(l1MaxBytes: number): Promise<CacheFixture> {
  const redis = await startRedis();
  const client = await connect(redis);
  const foreignKeys = await plantForeignKeys(redis, PREFIX);
  const [one, two] = [await openPod('one', redis.url, { l1MaxBytes }), await openPod('two', redis.url, { l1MaxBytes })];
  const epoch = await client.hget(`${PREFIX}{bus}`, 'epoch');
  const ours = new RegExp(`^${PREFIX}(${NAMESPACES.join('|')}):`, 's');
  const stored: StoredTexts = {
    async keys() {
      return (await client.keys(`${PREFIX}*`)).filter((key) => ours.test(key)).map((key) => key.slice(PREFIX.length));
    },
    text: async (key) => (await client.get(PREFIX + key)) ?? undefined,
    ttlMs: (key) => client.pttl(PREFIX + key),
    put: (key, text, ttlMs = 60_000) => client.set(PREFIX + key, text, 'PX', ttlMs),
  };
  let crowded = false;
  const foreign = (command: string) =>
    client.eval(`local n = 0 for i = 1, ${FOREIGN_KEYS} do n = n + redis.call(${command}) end return n`, 0);
  const countForeign = () => foreign("'EXISTS', 'other:device_meta:' .. i");
  const crowd = async () => {
    await client.eval(`for i = 1, ${FOREIGN_KEYS} do redis.call('SET', 'other:device_meta:' .. i, 'theirs', 'EX', 3600) end`, 0);
    crowded = true;
    return async () => {
      expect(await foreign("'UNLINK', 'other:device_meta:' .. i")).toBe(FOREIGN_KEYS);
      crowded = false;
    };
  };
  const check = async () => {
    expect(await client.hget(`${PREFIX}{bus}`, 'epoch')).toBe(epoch);
    if (crowded) expect(await countForeign()).toBe(FOREIGN_KEYS);
    else await expectInvariants({ redis, prefix: PREFIX, foreignKeys });
  };
  const pods = { live: 2, acknowledged: 2, expired: 0 };
  return { cache: one.cache, another: two.cache, stored, pods, crowd, check };
}
