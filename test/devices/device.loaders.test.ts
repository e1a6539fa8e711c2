/** Reading devices: one question for a batch, who is asked for when, what an answer depends on, and which listings are stored. */
import { describe, expect, it } from 'vitest';
import type { CacheReader } from '../../src/cache/cache.js';
import { deviceLoaders } from '../../src/devices/device.loaders.js';
import type { DeviceListingQuery, DeviceStore } from '../../src/devices/device.store.js';
import { Doorkeeper } from '../../src/devices/doorkeeper.js';
import { CodedError } from '../../src/errors.js';
import { ANNA, BERT, document, key } from '../contract/device-store-fixtures.js';
import { counting, embeddedStore, passingCache, requestBy, user } from './fakes.js';

const LIFETIMES = { ttlSeconds: 300, negativeTtlSeconds: 30, graceSeconds: 600 };

function setUp(store: DeviceStore = fleet()) {
  const counted = counting(store);
  const cache = passingCache();
  return { cache, calls: counted.calls, loadersFor: deviceLoaders({ store: counted.store, cache, lifetimes: LIFETIMES }) };
}

function fleet() {
  return embeddedStore(
    document(ANNA, key('a', 'Bed'), key('b', 'Bed'), key('p', 'Private', { private_data: true })),
    document(BERT, key('__proto__', 'Bed')),
  );
}

describe('devices', () => {
  it('are read in one batch per request, each id once, whatever asks for them', async () => {
    const { cache, calls, loadersFor } = setUp();
    const loaders = loadersFor(requestBy());
    const [one, many] = await Promise.all([loaders.device('a'), loaders.devices(['b|Bed', 'a', 'none', 'a', '__proto__'])]);
    expect(one).toMatchObject({ deviceId: 'a' });
    expect(many.map((device) => device?.deviceId ?? null)).toEqual(['b', 'a', null, 'a', '__proto__']);
    expect(cache.reads.map(({ ids }) => ids)).toEqual([['a', 'b|Bed', 'none', '__proto__']]);
    expect(cache.reads[0]?.namespace).toEqual({ name: 'device_meta', valueVersion: 1, ...LIFETIMES });
    expect(calls).toEqual(['findDevices']);
  });

  it('come in one batch however many they are', async () => {
    const { cache, loadersFor } = setUp();
    const ids = Array.from({ length: 5_000 }, (_, i) => String(i));
    expect(await loadersFor(requestBy()).devices(ids)).toEqual(ids.map(() => null));
    expect(cache.reads).toHaveLength(1);
  });

  it('are read anew in the next request', async () => {
    const { cache, loadersFor } = setUp();
    for (const request of [requestBy(), requestBy()]) await loadersFor(request).device('a');
    expect(cache.reads).toHaveLength(2);
  });

  it('that nobody can have cost nothing', async () => {
    const { cache, calls, loadersFor } = setUp();
    expect(await loadersFor(requestBy()).devices(['', 'x'.repeat(1_025), '\ud800|a'])).toEqual([null, null, null]);
    expect(await loadersFor(requestBy()).devices([])).toEqual([]);
    expect([cache.reads, calls]).toEqual([[], []]);
  });

  it('that are public are shown without asking who asks; all others, absent and impossible ones too, only after', async () => {
    const { loadersFor } = setUp();
    const isAsked = async (id: string) => {
      const request = requestBy();
      await loadersFor(request).device(id);
      return request.asked > 0;
    };
    expect(await isAsked('a')).toBe(false);
    for (const id of ['p', 'none', 'none|Bed', '', 'x'.repeat(2_000), '\ud800']) expect(await isAsked(id)).toBe(true);
  });

  it('that are private are shown to who may see them', async () => {
    const { loadersFor } = setUp();
    expect(await loadersFor(requestBy(user(ANNA))).device('p')).toMatchObject({ deviceId: 'p' });
    expect(await loadersFor(requestBy(user(BERT))).devices(['p', 'p|Private'])).toEqual([null, null]);
  });

  it('tell the request what its answer depends on, absence and hidden devices included', async () => {
    const { loadersFor } = setUp();
    const depsOf = async (id: string) => {
      const request = requestBy();
      await loadersFor(request).device(id);
      return [...request.deps].sort();
    };
    expect(await depsOf('a')).toEqual([`chain:${ANNA}|Bed`, 'device:a', 'device:b', 'device_meta:a']);
    expect(await depsOf('p|Private')).toEqual([`chain:${ANNA}|Private`, 'device:p', 'device_meta:p|Private']);
    expect(await depsOf('none|Bed')).toEqual(['device:none', 'device_meta:none|Bed']);
  });

  it('that are hidden live as long as absent ones would have, looked up at the same moment', async () => {
    const private_ = document(ANNA, key('p', 'Private', { private_data: true }));
    const freshForMs = async (times: { ageMs: number; freshForMs: number }) => {
      const value = await embeddedStore(private_).findDevices(['p']);
      const found = { value: value.get('p') ?? null, deps: [], ...times };
      const cache = { getMany: () => Promise.resolve(new Map([['p', found]])) } as unknown as CacheReader;
      const touched: number[] = [];
      const request = { ...requestBy(), touched: (_deps: Iterable<string>, ms: number) => touched.push(ms) };
      expect(await deviceLoaders({ store: fleet(), cache, lifetimes: LIFETIMES })(request as never).device('p')).toBe(null);
      return Math.min(...touched);
    };
    // 300 s of a device, 30 s of an absence: one is looked up ten times while the other is not.
    expect(await freshForMs({ ageMs: 0, freshForMs: 300_000 })).toBe(30_000);
    expect(await freshForMs({ ageMs: 10_000, freshForMs: 290_000 })).toBe(20_000);
    expect(await freshForMs({ ageMs: 100_000, freshForMs: 200_000 })).toBe(20_000);
    expect(await freshForMs({ ageMs: 295_000, freshForMs: 5_000 })).toBe(5_000);
    // The same with jitter.
    expect(await freshForMs({ ageMs: 0, freshForMs: 270_000 })).toBe(27_000);
    expect(await freshForMs({ ageMs: 37_000, freshForMs: 233_000 })).toBe(17_000);
    expect(await freshForMs({ ageMs: 0, freshForMs: 0 })).toBe(0);
  });

  it('fail as one, with what the store says', async () => {
    const failure = new CodedError('DATABASE_UNAVAILABLE', 'no');
    const cache: CacheReader = { getMany: () => Promise.reject(failure) };
    const loaders = deviceLoaders({ store: fleet(), cache, lifetimes: LIFETIMES })(requestBy());
    await expect(loaders.devices(['a', 'b'])).rejects.toBe(failure);
    await expect(loaders.device('a')).rejects.toBe(failure);
    expect(await loaders.devices(['', '\ud800'])).toEqual([null, null]);
  });
});

describe('listings', () => {
  const all: DeviceListingQuery = { scope: { kind: 'all' }, first: 10 };

  it('are read through the cache, a page without devices as an absence', async () => {
    const { cache, loadersFor } = setUp();
    const request = requestBy();
    const [page, none] = await Promise.all([
      loadersFor(request).listing({ ...all, first: 2 }),
      loadersFor(requestBy()).listing({ ...all, scope: { kind: 'ownedByUser', owner: 'f0000000-0000-4000-8000-000000000000' } }),
    ]);
    expect(page.devices.map(({ deviceId }) => deviceId)).toEqual(['__proto__', 'a']);
    expect(page.hasNextPage).toBe(true);
    expect(none).toEqual({ devices: [], hasNextPage: false });
    expect(cache.reads[0]?.namespace).toEqual({ ...LIFETIMES, name: 'device_listing', valueVersion: 1, graceSeconds: 0 });
    const tags = [`chain:${ANNA}|Bed`, `chain:${BERT}|Bed`, 'device:__proto__', 'device:a', 'device:b', 'devices'];
    expect([...request.deps].sort()).toEqual([...tags, `device_listing:${String(cache.reads[0]?.ids[0])}`].sort());
  });

  it('have a key for every scope, search, length and cursor', async () => {
    const { cache, loadersFor } = setUp();
    const after = { deviceId: 'a', name: 'b' };
    const device = { owner: ANNA, ...after };
    const queries: DeviceListingQuery[] = [
      all,
      { ...all, first: 11 },
      { ...all, scope: { kind: 'public' } },
      { ...all, scope: { kind: 'visibleToUser', owner: ANNA } },
      { ...all, scope: { kind: 'visibleToUser', owner: BERT } },
      { ...all, scope: { kind: 'ownedByUser', owner: ANNA } },
      { ...all, scope: { kind: 'device', device } },
      { ...all, scope: { kind: 'visibleToDevice', device } },
      { ...all, scope: { kind: 'visibleToDevice', device: { ...device, name: 'c' } } },
      { ...all, search: 'a' },
      { ...all, search: 'A' },
      { ...all, after },
      { ...all, after: { deviceId: 'a', name: 'c' } },
      { ...all, after, search: 'a' },
    ];
    for (let round = 0; round < 2; round++) for (const query of queries) await loadersFor(requestBy()).listing(query);
    const asked = cache.reads.flatMap(({ ids }) => ids);
    expect(new Set(asked).size).toBe(queries.length);
    for (const id of asked) expect(id).toMatch(/^[0-9a-f]{64}$/);
  });

  it('with a search or a cursor are stored only when asked for again', async () => {
    const { cache, calls, loadersFor } = setUp();
    for (const query of [
      { ...all, search: 'bed' },
      { ...all, after: { deviceId: 'a', name: 'Bed' } },
    ]) {
      const first = requestBy();
      const page = await loadersFor(first).listing(query);
      expect(cache.reads).toHaveLength(0);
      expect(first.deps).toContain('devices');
      expect(first.deps).toContain('device:b');
      expect(await loadersFor(requestBy()).listing({ ...query })).toEqual(page);
      expect(cache.reads.splice(0)).toHaveLength(1);
    }
    expect(calls).toHaveLength(4);
  });

  it('that are ever new never reach the cache', async () => {
    const { cache, loadersFor } = setUp(embeddedStore());
    for (let i = 0; i < 10_000; i++) await loadersFor(requestBy()).listing({ ...all, search: String(i) });
    expect(cache.reads).toEqual([]);
  });

  it('of one request are asked for together, the same one once', async () => {
    const { cache, calls, loadersFor } = setUp();
    const loaders = loadersFor(requestBy());
    await Promise.all([loaders.listing(all), loaders.listing({ ...all }), loaders.listing({ ...all, first: 1 })]);
    expect(cache.reads.map(({ ids }) => ids.length)).toEqual([2]);
    expect(calls).toEqual(['listDevices', 'listDevices']);
  });
});

describe('the doorkeeper', () => {
  it('remembers at least one generation and at most two', () => {
    const doorkeeper = new Doorkeeper(3);
    const meet = (...digests: string[]) => digests.map((digest) => doorkeeper.hasMet(digest));
    expect(meet('a', 'b', 'c', 'a')).toEqual([false, false, false, true]);
    expect(meet('d', 'b')).toEqual([false, true]);
    expect(meet('e', 'f', 'g')).toEqual([false, false, false]);
    expect(meet('c', 'b')).toEqual([false, true]);
  });
});
