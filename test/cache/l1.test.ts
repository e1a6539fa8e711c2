import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { beforeEach, describe, expect, it } from 'vitest';
import { startRedis, type RedisServer } from '../harness/redis.js';
import { track } from '../harness/registry.js';
import { startProxy } from '../harness/tcp-proxy.js';
import { waitFor } from '../harness/wait.js';
import { Budget } from '../../src/cache/cache.js';
import { counters, openPod, type Pod, PREFIX } from './pods.js';
import { DEVICES, Source } from './source.js';

let redis: RedisServer;
let client: Redis;
let source: Source;

beforeEach(async () => {
  redis = await startRedis();
  client = new Redis(redis.url);
  track({ name: 'Redis client of the test', close: () => Promise.resolve(client.disconnect()) });
  source = new Source();
});

const IDS = Array.from({ length: 50 }, (_, i) => `sensor-${i}`);
const l1Hits = async ({ cache }: Pod) => (await counters(cache, 'device_meta')).l1Hits;

/** Loads ids in a pod until they are stored, and has them in the memory of all pods. */
async function warm(pods: readonly Pod[], ids: readonly string[], namespace = DEVICES): Promise<void> {
  for (const { cache } of pods) {
    await source.read(cache, ids, { namespace });
    for (const id of ids) await waitFor(() => client.exists(`${PREFIX}device_meta:${id}`));
  }
  source.questions.length = 0;
}

/** How often Redis was asked for values while `action` ran. */
async function readsDuring(action: () => Promise<unknown>): Promise<number> {
  await client.config('RESETSTAT');
  await action();
  return Number(/cmdstat_mget:calls=(\d+)/.exec(await client.info('commandstats'))?.[1] ?? 0);
}

describe('the memory of a pod in front of Redis', () => {
  it('asks Redis nothing for what it holds, and only for the rest of a batch', async () => {
    const [a, b] = [await openPod('a', redis.url), await openPod('b', redis.url)];
    source.remove('sensor-0'); // an absence is held like anything else
    await warm([a, b], IDS);
    expect(await readsDuring(() => source.read(a.cache, IDS))).toBe(0);
    expect(await readsDuring(() => source.read(b.cache, IDS))).toBe(0);
    expect(source.questions).toEqual([]);
    expect(await l1Hits(b)).toBe(IDS.length);

    await warm([a], ['new']);
    const before = await counters(b.cache, 'device_meta');
    expect(await readsDuring(() => source.read(b.cache, [...IDS, 'new']))).toBe(1);
    const { l1Hits: l1, l2Hits: l2 } = await counters(b.cache, 'device_meta');
    expect([l1 - before.l1Hits, l2 - before.l2Hits]).toEqual([IDS.length, 1]);
  });

  it.each([
    ['by tag', ({ cache }: Pod) => cache.invalidate(['device:sensor-7'])],
    ['by key', ({ cache }: Pod) => cache.invalidate(['device_meta:sensor-7'])],
    ['by pattern', ({ cache }: Pod) => cache.invalidatePattern('device_meta:*-7')],
    ['with everything', ({ cache }: Pod) => cache.invalidatePattern('*')],
  ])('serves nothing that another pod has invalidated %s', async (how, invalidate) => {
    const [a, b] = [await openPod('a', redis.url), await openPod('b', redis.url)];
    await warm([a, b], IDS);
    source.change('sensor-7');
    expect((await invalidate(a)).status).toBe('APPLIED');
    expect(await source.version(b.cache, 'sensor-7')).toBe(2);
    expect(await source.version(a.cache, 'sensor-7')).toBe(2);
    const others = IDS.filter((id) => id !== 'sensor-7');
    expect(await readsDuring(() => source.read(b.cache, others))).toBe(how === 'with everything' ? 1 : 0);
  });

  it('holds what is stale for as long as it may stand in, and no absence past its time', async () => {
    const short = { ...DEVICES, ttlSeconds: 0.3, negativeTtlSeconds: 0.3, graceSeconds: 0.5 };
    const pod = await openPod('a', redis.url);
    source.remove('absent');
    await warm([pod], ['there', 'absent'], short);
    source.failure = new Error('down');
    const found = () => pod.cache.getMany(short, ['there', 'absent'], new Budget(1_000), source.load);
    // Lifetimes are spread, so either may end first.
    await waitFor(async () => (await found()).get('there')?.staleAgeSeconds !== undefined);
    await waitFor(async () => (await client.exists(`${PREFIX}device_meta:absent`)) === 0);
    const answered = await found();
    expect(answered.get('there')).toMatchObject({ value: { version: 1 }, staleAgeSeconds: expect.any(Number) });
    expect(() => answered.get('absent')).toThrow('down');
    await waitFor(async () => (await client.exists(`${PREFIX}device_meta:there`)) === 0);
    await expect(found()).rejects.toThrow('down');
  });

  it('serves nothing without a lease, and what was not invalidated meanwhile when it has one again', async () => {
    const proxy = await startProxy(redis.port);
    const [a, b] = [await openPod('a', `redis://127.0.0.1:${proxy.port}`), await openPod('b', redis.url)];
    await warm([a, b], ['kept', 'changed']);
    proxy.blackhole();
    await waitFor(() => a.leases.at(-1) === false);
    for (const id of ['kept', 'changed']) source.change(id);
    await b.cache.invalidate(['device:changed']);
    expect(await source.version(a.cache, 'kept')).toBe(2);
    expect(await source.version(a.cache, 'changed')).toBe(2);

    await proxy.heal();
    await waitFor(() => a.cache.status === 'CONNECTED');
    expect(await source.version(a.cache, 'changed')).toBe(2);
    expect(await readsDuring(() => source.read(a.cache, ['kept']))).toBe(0);
  });

  it('serves nothing of another epoch', async () => {
    const pod = await openPod('a', redis.url);
    await warm([pod], IDS);
    for (const id of IDS) source.change(id);
    const epoch = await client.hget(`${PREFIX}{bus}`, 'epoch');
    await client.flushall();
    await waitFor(async () => ![null, epoch].includes(await client.hget(`${PREFIX}{bus}`, 'epoch')));
    await waitFor(() => pod.cache.invalidate(['nothing']));
    expect((await source.read(pod.cache, IDS)).map((value) => value!.version)).toEqual(IDS.map(() => 2));
  });
});

describe('its bound', () => {
  const run = promisify(execFile);
  const MAX_BYTES = 4 * 2 ** 20;

  it.each(['absent', 'wide', 'chain', 'mixed'])('is kept by the heap itself, of entries that are %s', async (shape) => {
    const args = ['--expose-gc', '--import', 'tsx', 'test/cache/l1-heap.ts', shape, String(MAX_BYTES)];
    const { grownBytes, bytes } = JSON.parse((await run(process.execPath, args)).stdout) as Record<string, number>;
    expect(bytes).toBeLessThanOrEqual(MAX_BYTES);
    expect(bytes).toBeGreaterThan(0.99 * MAX_BYTES);
    expect(grownBytes).toBeLessThan(1.1 * MAX_BYTES);
    expect(grownBytes).toBeGreaterThan(0.8 * MAX_BYTES); // else half of it would be given away
  });

  it('leaves out what is larger than all of it, and keeps the rest', async () => {
    const { cache } = await openPod('a', redis.url, { l1MaxBytes: 10_000 });
    await source.read(cache, ['small']);
    await source.read(cache, ['x'.repeat(20_000)]);
    expect((await cache.snapshot()).pods[0]).toMatchObject({ l1Entries: 1 });
    expect(await readsDuring(() => source.read(cache, ['small']))).toBe(0);
  });
});
