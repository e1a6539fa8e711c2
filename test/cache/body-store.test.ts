import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { bodyEntry } from '../../src/cache/body.js';
import { BodyStore } from '../../src/cache/tiers/body-store.js';
import { RedisStore } from '../../src/cache/tiers/redis-store.js';
import { openRedis } from '../../src/connections.js';
import { startRedis } from '../harness/redis.js';
import { track } from '../harness/registry.js';
import { waitFor } from '../harness/wait.js';

const entry = (key: string) =>
  bodyEntry({ meta: { etag: key }, bytes: Buffer.from(`{"data":"${key}"}`) }, [key], {
    e: 'epoch',
    s: 1,
    t: Date.now(),
    f: 60,
    w: 0,
  });

it('asks Redis once, and for each key once, for all who ask in one turn', async () => {
  const redis = await startRedis();
  const connections = await openRedis({ kind: 'single', urls: [redis.url] }, () => undefined);
  track({ name: 'Redis connections', close: () => Promise.resolve(connections.close()) });
  const client = new Redis(redis.url);
  track({ name: 'Redis client of the test', close: () => Promise.resolve(client.disconnect()) });
  const store = new BodyStore(new RedisStore(connections.values), 'test:');
  await waitFor(async () => {
    for (const key of ['a', 'b', 'c']) await store.set(key, entry(key), 60_000);
    return true;
  });

  await client.config('RESETSTAT');
  const asked = [['a', 'nowhere'], ['b', 'a'], ['a'], ['nowhere', 'c'], ['a', 'nowhere'], []];
  const found = await Promise.all(asked.map((keys) => store.getMany(keys)));
  expect(found.map((entries) => entries.map((each) => each?.x.content))).toEqual(
    asked.map((keys) => keys.map((key) => (key === 'nowhere' ? undefined : `{"data":"${key}"}`))),
  );
  expect(await client.info('commandstats')).toContain('cmdstat_mget:calls=1,');
  expect(await client.info('stats')).toMatch(/keyspace_hits:3\r\nkeyspace_misses:1\r/);
});
