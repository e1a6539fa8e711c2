/** Why a key is, or is not, served: each reason, what a look-up then does, and that asking changes nothing. */
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Cache, Explanation, Namespace } from '../../src/cache/cache.js';
import { startRedis, type RedisServer } from '../harness/redis.js';
import { startProxy, type TcpProxy } from '../harness/tcp-proxy.js';
import { waitFor } from '../harness/wait.js';
import { connectRedis } from '../promises/real-pods.js';
import { counters, openPod, type Pod, PREFIX } from './pods.js';
import { DEVICES, Source } from './source.js';

const KEY = 'device_meta:x';
const REDIS_KEY = PREFIX + KEY;

let redis: RedisServer;
let client: Redis;
let proxy: TcpProxy;
/** One holds x in its memory, the other has not looked it up. */
let holder: Pod;
let other: Pod;
let source: Source;

beforeEach(async () => {
  redis = await startRedis();
  client = connectRedis(redis);
  proxy = await startProxy(redis.port);
  holder = await openPod('holder', `redis://127.0.0.1:${proxy.port}`);
  other = await openPod('other', redis.url);
  source = new Source();
  await source.read(holder.cache, ['x']);
  await waitFor(() => client.exists(REDIS_KEY));
});

const explain = (cache: Cache, key = KEY, kind: Parameters<Cache['explain']>[1] = DEVICES) => cache.explain(key, kind);

/** What is said of it, and whether a look-up agrees: it asks the source exactly when the entry is not servable. */
async function explained(pod: Pod, namespace: Namespace = DEVICES): Promise<Explanation> {
  const explanation = await explain(pod.cache, KEY, namespace);
  const before = source.timesAsked('x');
  await source.read(pod.cache, ['x'], { namespace });
  expect({ ...explanation, asked: source.timesAsked('x') - before }).toEqual({
    ...explanation,
    asked: explanation.servable ? 0 : 1,
  });
  return explanation;
}

/** Stores what is there with some of it changed. */
async function tamper(change: object): Promise<void> {
  const entry = JSON.parse((await client.get(REDIS_KEY))!) as object;
  await client.set(REDIS_KEY, JSON.stringify({ ...entry, ...change }), 'KEEPTTL');
}

const ago = (seconds: number) => async () => {
  const [now] = await client.time();
  await tamper({ t: 1_000 * (Number(now) - 300 - seconds), f: 300 });
};

describe('what is servable', () => {
  it('is in the memory of the pod that has looked it up, and in Redis for the others', async () => {
    const size = await client.strlen(REDIS_KEY);
    const before = Date.now();
    const inMemory = await explained(holder);
    expect(inMemory).toMatchObject({ servable: true, inMemory: true, inRedis: true, absent: false, sizeBytes: size });
    expect(inMemory.tags).toEqual(['device:x']);
    expect(inMemory.reason).toMatch(/^It is in the memory of this pod, fresh for another \d+ s, and nothing that it depends on/);
    const inRedis = await explained(other);
    expect(inRedis).toMatchObject({ servable: true, inMemory: false, inRedis: true });
    expect(inRedis.reason).toMatch(/^It is in Redis, fresh/);
    for (const { storedAt, freshUntil, staleUntil } of [inMemory, inRedis]) {
      expect(Math.abs(storedAt!.getTime() - before)).toBeLessThan(5_000);
      expect(freshUntil!.getTime() - storedAt!.getTime()).toBeGreaterThan(0.9 * 300_000 - 100);
      expect(freshUntil!.getTime() - storedAt!.getTime()).toBeLessThanOrEqual(300_100);
      expect(staleUntil!.getTime() - freshUntil!.getTime()).toBe(600_000);
    }
  });

  it('may be an absence, which nothing stands in for', async () => {
    source.remove('gone');
    await source.read(holder.cache, ['gone']);
    expect(await explain(holder.cache, 'device_meta:gone')).toMatchObject({ servable: true, absent: true, staleUntil: null });
  });

  it('may be a text that its key names', async () => {
    const accepts = (key: string, text: string) => key === `apq:${text.length}`;
    await other.cache.values.set('apq:5', '{ a }', 60_000);
    await other.cache.values.set('apq:6', '{ a }', 60_000);
    expect(await explain(other.cache, 'apq:5', { accepts })).toMatchObject({
      servable: true,
      absent: null,
      storedAt: null,
      tags: [],
    });
    expect(await explain(other.cache, 'apq:6', { accepts })).toMatchObject({ servable: false, inRedis: true });
  });
});

describe.each<[string, () => unknown, RegExp, Partial<Explanation>]>([
  ['is not there', () => client.del(REDIS_KEY), /^Nothing is cached/, { inRedis: false, absent: null, storedAt: null, tags: [] }],
  ['has expired', ago(100), /^It expired 10\d s ago and is only kept for when the database is down\.$/, { inRedis: true }],
  ['has expired for longer than grace', ago(700), /^It expired 70\d s ago\.$/, { inRedis: true }],
  ['is of another version', () => tamper({ v: 2 }), /a version of the server whose values this one does not read/, {}],
  ['is of another epoch', () => tamper({ e: 'another' }), /another epoch/, {}],
  ['is under another key', () => tamper({ d: ['device_meta:y'] }), /written under another key/, {}],
  [
    'is cut short',
    () => client.set(REDIS_KEY, '{"v":3,', 'EX', 60),
    /nothing that this version can read/,
    { absent: null, sizeBytes: 7 },
  ],
])('what %s', (_what, break_, reason, more) => {
  it('is not servable', async () => {
    await break_();
    const explanation = await explained(other);
    expect(explanation).toMatchObject({ servable: false, inMemory: false, ...more });
    expect(explanation.reason).toMatch(reason);
  });
});

describe.each<[string, (cache: Cache) => Promise<unknown>, string]>([
  [
    'by its tag',
    (cache) => cache.invalidate(['device:x']),
    '`device:x`, which it depends on, was invalidated after it was read.',
  ],
  [
    'by a pattern among other things',
    (cache) => cache.invalidate([{ glob: 'device:[xy]' }, 'z']),
    '`device:[xy]`, which matches `device:x` that it depends on, was invalidated after it was read.',
  ],
  [
    'with all others',
    (cache) => cache.invalidate([{ glob: '*' }]),
    'It was read before everything was invalidated, or before the oldest invalidation that this pod remembers.',
  ],
])('what was invalidated %s', (_how, invalidate, reason) => {
  it.each(['holder', 'other'] as const)('is not servable, says the %s', async (which) => {
    await invalidate(other.cache);
    const pod = { holder, other }[which];
    expect(await explained(pod)).toMatchObject({ servable: false, inMemory: which === 'holder', inRedis: true, reason });
    expect(await explained(pod)).toMatchObject({ servable: true, inMemory: true });
  });
});

it('without a lease nothing is servable, and Redis is not asked', async () => {
  await proxy.cut();
  await waitFor(() => holder.cache.status === 'DEGRADED');
  for (const key of [KEY, 'device_meta:never']) {
    expect(await explain(holder.cache, key)).toMatchObject({
      servable: false,
      inMemory: key === KEY,
      inRedis: null,
      reason: expect.stringMatching(/^This pod holds no lease/),
    });
  }
});

it('what has expired is servable while the source is down, as a look-up finds', async () => {
  await ago(100)();
  source.failure = new Error('down');
  expect(await source.version(other.cache, 'x')).toBe(1); // which finds that out
  const explanation = await explain(other.cache);
  expect(explanation).toMatchObject({ servable: true });
  expect(explanation.reason).toMatch(/^It expired \d+ s ago and stands in while the database is down\.$/);
});

it('asking counts nothing and stores nothing', async () => {
  const { cache } = other;
  const before = [await counters(cache, 'device_meta'), (await cache.snapshot()).pods[0]!.l1Entries];
  for (const key of [KEY, 'device_meta:nothing']) await explain(cache, key);
  expect([await counters(cache, 'device_meta'), (await cache.snapshot()).pods[0]!.l1Entries]).toEqual(before);
  expect(source.questions).toHaveLength(1);
});

it('asking does not save an entry from being pushed out of memory', async () => {
  const small = await openPod('small', undefined, { l1MaxBytes: 3_000 });
  await source.read(small.cache, ['first']);
  const alive = async () => (await explain(small.cache, 'device_meta:first')).inMemory;
  let read = 0;
  while (read < 50 && (await alive())) await source.read(small.cache, [`more-${read++}`]);
  expect(read).toBeGreaterThan(1);
  expect(read).toBeLessThan(50);
});

it('without Redis everything is in memory', async () => {
  const { cache } = await openPod('alone', undefined);
  await source.read(cache, ['x']);
  expect(await explain(cache)).toMatchObject({ servable: true, inMemory: true, inRedis: false, tags: ['device:x'] });
  await cache.invalidate(['device:x']);
  expect(await explain(cache)).toMatchObject({ servable: false, reason: expect.stringMatching(/^`device:x`/) });
  expect(await explain(cache, 'device_meta:y')).toMatchObject({ servable: false, inMemory: false, sizeBytes: null });
});
