/**
 * What the cache has to do over every backend: one case for each promise that can be seen from outside. Run over each backend by
 * `cache.test.ts`; what only one of them can show is tested beside it.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Budget, type Cache, type Dep, type EntryInfo, type Invalidation, type Namespace } from '../../src/cache/cache.js';
import type { PodAcks } from '../../src/cache/protocol/journal.js';
import { Glob } from '../../src/cache/protocol/glob.js';
import { counters, NAMESPACES } from '../cache/pods.js';
import { DEVICES, Source, type Value } from '../cache/source.js';
import { waitFor } from '../harness/wait.js';

/** The stored texts themselves, past the cache; keys are logical ones. */
export interface StoredTexts {
  /** Bookkeeping and foreign keys are not among them. */
  keys(): Promise<string[]>;
  text(key: string): Promise<string | undefined>;
  ttlMs(key: string): Promise<number>;
  put(key: string, text: string, ttlMs?: number): Promise<unknown>;
}

export interface CacheFixture {
  readonly cache: Cache;
  /** The same cache as another pod has it; where there is only one, that one. */
  readonly another: Cache;
  readonly stored: StoredTexts;
  /** What an invalidation says of the pods; null where it doesn't. */
  readonly pods: PodAcks | null;
  /** Puts tens of thousands of foreign keys around ours, where such a thing can be. Answers what takes them away again. */
  readonly crowd: () => Promise<() => Promise<void>>;
  /** Run after every case: what must hold whatever it was about. */
  readonly check: () => Promise<void>;
}

export function cacheContract(name: string, makeCache: () => Promise<CacheFixture>): void {
  describe(name, () => {
    const fixture = {} as { -readonly [Key in keyof CacheFixture]: CacheFixture[Key] } & { source: Source; id: string };
    let lastId = 0;
    beforeAll(async () => {
      Object.assign(fixture, await makeCache());
    });
    beforeEach(() => {
      fixture.source = new Source();
      fixture.id = `greenhouse-${++lastId}`;
    });
    afterEach(async () => {
      await fixture.check();
    });

    reading(fixture);
    storing(fixture);
    distrusting(fixture);
    invalidating(fixture);
    inFlight(fixture);
    administrating(fixture);
    hostility(fixture);
  });
}

type Fixture = CacheFixture & { readonly source: Source; readonly id: string };

const keyOf = (id: string) => `device_meta:${id}`;
const API_KEYS: Namespace = { name: 'api_key', valueVersion: 1, ttlSeconds: 300, negativeTtlSeconds: 30, graceSeconds: 0 };

/** Fills are not awaited by reads. */
async function storedText(stored: StoredTexts, key: string): Promise<string> {
  return waitFor(() => stored.text(key), { describe: `${key} to be stored` });
}

/** Reads ids and waits until what was loaded is stored. */
async function warm({ cache, stored, source }: Fixture, ids: readonly string[], namespace = DEVICES): Promise<void> {
  await source.read(cache, ids, { namespace });
  for (const id of ids) await storedText(stored, `${namespace.name}:${id}`);
}

async function clear(cache: Cache): Promise<void> {
  await cache.invalidatePattern('*');
}

function reading(f: Fixture): void {
  describe('a read', () => {
    it('loads what is missing once, and hits from then on, on every pod', async () => {
      const { cache, another, source, stored, id } = f;
      expect(await source.version(cache, id)).toBe(1);
      await storedText(stored, keyOf(id));
      for (const pod of [cache, another, cache]) expect(await source.version(pod, id)).toBe(1);
      expect(source.questions).toEqual([[id]]);
    });

    it('caches an absence', async () => {
      const { cache, another, source, id } = f;
      source.remove(id);
      await warm(f, [id]);
      for (const pod of [cache, another]) expect(await source.version(pod, id)).toBeNull();
      expect(source.questions).toEqual([[id]]);
    });

    it('of a batch asks the source for the missing ids only, all at once', async () => {
      const { cache, source, id } = f;
      await warm(f, [`${id}b`, `${id}d`]);
      const ids = ['a', 'b', 'c', 'd', 'e'].map((letter) => id + letter);
      expect(await source.read(cache, ids)).toEqual(ids.map((each) => ({ id: each, version: 1 })));
      expect(source.questions.slice(1)).toEqual([[`${id}a`, `${id}c`, `${id}e`]]);
    });

    it('of nothing asks nobody', async () => {
      const { cache, source } = f;
      expect(await source.read(cache, [])).toEqual([]);
      expect(source.questions).toEqual([]);
      const { breaker } = (await cache.snapshot()).pods[0]!;
      expect(breaker).toBe('CLOSED');
    });

    it('says what the answer depends on', async () => {
      const { cache, source, id } = f;
      const look = () => cache.getMany(DEVICES, [id], new Budget(2_000), source.load);
      const deps = [keyOf(id), `device:${id}`];
      expect((await look()).get(id)).toEqual({ value: { id, version: 1 }, deps });
      await storedText(f.stored, keyOf(id));
      expect((await look()).get(id)).toEqual({ value: { id, version: 1 }, deps });
    });

    it('shares one load with all who ask at the same time', async () => {
      const { cache, source, id } = f;
      const before = await counters(cache, 'device_meta');
      source.hold();
      const reads = Array.from({ length: 100 }, () => source.version(cache, id));
      await waitFor(async () => (await counters(cache, 'device_meta')).misses - before.misses === 100);
      source.release();
      expect(new Set(await Promise.all(reads))).toEqual(new Set([1]));
      expect(source.questions).toEqual([[id]]);
      const after = await counters(cache, 'device_meta');
      expect(after.loads - before.loads).toBe(1);
      expect(after.coalesced - before.coalesced).toBe(99);
    });

    it('keeps ids apart, however odd', async () => {
      const { cache, source, id } = f;
      const odd = [
        '',
        ':',
        '*',
        '?',
        '[a]',
        '\\',
        '{bus}',
        '__proto__',
        'constructor',
        '\0',
        '\r\nSET x 1\r\n',
        ' ',
        'é',
        'e\u0301',
      ]
        .concat(['\ud800', '\ud801', '\ufffd', '𝒳', 'a|b', 'x'.repeat(1_024)])
        .map((each) => each + id);
      for (const each of odd.slice(3)) source.change(each);
      const expected = odd.map((each, i) => ({ id: each, version: i < 3 ? 1 : 2 }));
      for (let round = 0; round < 3; round++) expect(await source.read(cache, odd)).toEqual(expected);
      for (const [i, each] of odd.entries()) expect(await source.version(cache, each)).toBe(expected[i]!.version);
    });

    it('rejects with what the source says, and does not cache that', async () => {
      const { cache, source, stored, id } = f;
      source.failure = new Error('the database is down');
      await expect(source.version(cache, id)).rejects.toThrow('the database is down');
      source.failure = undefined;
      expect(await stored.text(keyOf(id))).toBeUndefined();
      expect(await source.version(cache, id)).toBe(1);
      expect(source.timesAsked(id)).toBe(2);
    });

    it('treats an id that the source does not answer as an error, and caches nothing of that', async () => {
      const { cache, source, id } = f;
      const partly = cache.getMany<Value>(DEVICES, [id, `${id}b`], new Budget(2_000), async (ids) => {
        const all = new Map(await source.load(ids));
        all.delete(`${id}b`);
        return all;
      });
      await expect(partly).rejects.toThrow('did not answer for every key');
      expect(await source.version(cache, `${id}b`)).toBe(1);
    });

    it('without any budget left goes past the cache', async () => {
      const { cache, source, id } = f;
      await warm(f, [id]);
      const before = await counters(cache, 'device_meta');
      expect(await source.version(cache, id, { budgetMs: 0 })).toBe(1);
      expect((await counters(cache, 'device_meta')).bypassed - before.bypassed).toBe(1);
      expect(source.timesAsked(id)).toBe(2);
    });
  });

  describe('the counters', () => {
    it('count each look-up as exactly one of five', async () => {
      const { cache, source, stored, id } = f;
      const ENDS = ['l1Hits', 'l2Hits', 'misses', 'staleServed', 'bypassed'] as const;
      let lookups = 0;
      const before = await counters(cache, 'device_meta');
      const look = async (ids: readonly string[], options?: { namespace?: Namespace; budgetMs?: number }) => {
        lookups += ids.length;
        await source.read(cache, ids, options).catch(() => undefined);
        const after = await counters(cache, 'device_meta');
        expect(ENDS.reduce((sum, end) => sum + after[end] - before[end], 0)).toBe(lookups);
        return after;
      };
      const ids = ['a', 'b', 'c'].map((letter) => id + letter);
      source.remove(ids[2]!);
      expect((await look(ids)).misses - before.misses).toBe(3);
      for (const each of ids) await storedText(stored, keyOf(each));
      const hit = await look([...ids, `${id}d`]);
      expect(hit.l1Hits + hit.l2Hits - before.l1Hits - before.l2Hits).toBe(3);
      expect(hit.misses - before.misses).toBe(4);
      await look(ids, { budgetMs: 0 });
      await cache.invalidate([`device:${ids[0]!}`]);
      await look(ids);
      await stored.put(keyOf(ids[1]!), 'garbage', 60_000);
      await look(ids);
      await look(ids, { namespace: { ...DEVICES, valueVersion: 4 } });
      source.failure = new Error('down');
      await look([`${id}e`, ids[1]!]);
      expect((await look([])).staleServed).toBe(0);
    });
  });
}

function storing(f: Fixture): void {
  describe('what is stored', () => {
    it('says what it is, since when, for how long, and what it depends on', async () => {
      const { stored, id } = f;
      await warm(f, [id]);
      const entry = JSON.parse(await storedText(stored, keyOf(id)));
      expect(entry).toEqual({
        v: 3,
        e: expect.stringMatching(/./),
        s: expect.any(Number),
        t: expect.any(Number),
        f: expect.any(Number),
        d: [keyOf(id), `device:${id}`],
        x: { id, version: 1 },
      });
      expect(Number.isInteger(entry.s) && Number.isInteger(entry.t)).toBe(true);
    });

    it('of an absence is the same with a null', async () => {
      const { source, stored, id } = f;
      source.remove(id);
      await warm(f, [id]);
      expect(JSON.parse(await storedText(stored, keyOf(id)))).toMatchObject({ d: [keyOf(id), `device:${id}`], x: null });
    });

    it('lives for its time and the grace, an absence only for its own time', async () => {
      const { source, stored, id } = f;
      const [there, absent] = [`${id}a`, `${id}b`];
      source.remove(absent);
      await warm(f, [there, absent]);
      for (const [key, least, most] of [
        [keyOf(there), 270 + 600, 300 + 600],
        [keyOf(absent), 27, 30],
      ] as const) {
        const { f: freshSeconds } = JSON.parse(await storedText(stored, key)) as { f: number };
        const ttlSeconds = (await stored.ttlMs(key)) / 1_000;
        expect(ttlSeconds).toBeGreaterThan(least - 5);
        expect(ttlSeconds).toBeLessThanOrEqual(most);
        const graceSeconds = key === keyOf(there) ? 600 : 0;
        expect(Math.abs(freshSeconds + graceSeconds - ttlSeconds)).toBeLessThan(5);
      }
    });

    it('has its time shortened by chance, by a tenth at most, and never lengthened', async () => {
      const { cache, source, stored, id } = f;
      const ids = Array.from({ length: 300 }, (_, i) => `${id}-${i}`);
      await source.read(cache, ids);
      const times: number[] = [];
      for (const each of ids) times.push(JSON.parse(await storedText(stored, keyOf(each))).f);
      expect(Math.max(...times)).toBeLessThanOrEqual(300);
      expect(Math.min(...times)).toBeGreaterThanOrEqual(270);
      expect(new Set(times).size).toBeGreaterThan(100);
      expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(15);
      await clear(cache);
    });

    it.each([
      ['a value', 'value', { ...DEVICES, ttlSeconds: 0.4, graceSeconds: 0 }],
      ['a value that is kept for its grace', 'value', { ...DEVICES, ttlSeconds: 0.4 }],
      ['an absence', 'absence', { ...DEVICES, negativeTtlSeconds: 0.4 }],
    ] as const)('is not served past its time: %s', async (_what, kind, namespace) => {
      const { cache, source, id } = f;
      if (kind === 'absence') source.remove(id);
      const startedAt = performance.now();
      const expected = await source.version(cache, id, { namespace });
      await waitFor(async () => {
        expect(await source.version(cache, id, { namespace })).toBe(expected);
        return source.timesAsked(id) === 2;
      });
      expect(performance.now() - startedAt).toBeGreaterThan(350);
      expect(performance.now() - startedAt).toBeLessThan(1_500);
    });
  });
}

function distrusting(f: Fixture): void {
  describe('what lies under our key and is none of ours', () => {
    it.each<[string, (entry: Record<string, unknown>) => unknown]>([
      ['of another version of the value', (entry) => ({ ...entry, v: 4 })],
      ['of another epoch', (entry) => ({ ...entry, e: 'another' })],
      ['stamped before the log began', (entry) => ({ ...entry, s: -1 })],
      ['without a value', ({ x: _x, ...entry }) => entry],
      ['without deps', ({ d: _d, ...entry }) => entry],
      ['whose first dep is not its key', (entry) => ({ ...entry, d: (entry.d as string[]).toReversed() })],
      ['with no deps', (entry) => ({ ...entry, d: [] })],
      ['with deps that are no list', (entry) => ({ ...entry, d: (entry.d as string[])[0] })],
      ['with a dep that is no text', (entry) => ({ ...entry, d: [...(entry.d as string[]), 7] })],
      ['with a stamp that is a text', (entry) => ({ ...entry, s: String(entry.s) })],
      ['with an epoch that is a number', (entry) => ({ ...entry, e: 1 })],
      ['with a time that is a text', (entry) => ({ ...entry, t: String(entry.t) })],
      ['without a life', (entry) => ({ ...entry, f: null })],
      ['loaded long ago', (entry) => ({ ...entry, t: (entry.t as number) - 300_001 })],
      ['a list of it', (entry) => [entry]],
      ['a foreign object', () => ({ v: 3, value: 'foreign' })],
      ['an object with nothing in it', () => ({})],
      ['null', () => null],
      ['a number', () => 3],
      ['a text', () => 'text'],
    ])('is a miss: an entry %s', async (_what, change) => {
      const { stored, id } = f;
      await warm(f, [id]);
      await stored.put(keyOf(id), JSON.stringify(change(JSON.parse(await storedText(stored, keyOf(id))))), 60_000);
      await expectMissThenMended(f);
    });

    it.each([
      ['garbage', '\0\xff{'],
      ['nothing', ''],
      ['undefined', 'undefined'],
      ['half a JSON', '{"v":3,"e":"'],
      ['a deep JSON', '['.repeat(100_000)],
    ])('is a miss: %s', async (_what, text) => {
      await f.stored.put(keyOf(f.id), text, 60_000);
      await expectMissThenMended(f, 0);
    });

    it('is a miss: an entry cut short', async () => {
      await warm(f, [f.id]);
      const text = await storedText(f.stored, keyOf(f.id));
      await f.stored.put(keyOf(f.id), text.slice(0, -1), 60_000);
      await expectMissThenMended(f);
    });

    it('is a miss: an entry copied from another key', async () => {
      const { stored, id } = f;
      await warm(f, [`${id}-other`, id]);
      await stored.put(keyOf(id), await storedText(stored, keyOf(`${id}-other`)), 60_000);
      await expectMissThenMended(f);
    });

    it('spoils nothing else in the batch', async () => {
      const { cache, source, stored, id } = f;
      const ids = ['a', 'b', 'c', 'd'].map((letter) => id + letter);
      await warm(f, ids);
      await stored.put(keyOf(ids[1]!), 'null', 60_000);
      await stored.put(keyOf(ids[2]!), '{', 60_000);
      expect(await source.read(cache, ids)).toEqual(ids.map((each) => ({ id: each, version: 1 })));
      expect(source.questions.slice(1)).toEqual([ids.slice(1, 3)]);
    });
  });
}

async function expectMissThenMended({ cache, source, stored, id }: Fixture, askedBefore = 1): Promise<void> {
  const planted = await stored.text(keyOf(id));
  source.change(id);
  expect(await source.version(cache, id)).toBe(2);
  expect(source.timesAsked(id)).toBe(askedBefore + 1);
  await waitFor(async () => (await stored.text(keyOf(id))) !== planted, { describe: 'the fill' });
  expect(await source.version(cache, id)).toBe(2);
  expect(source.timesAsked(id)).toBe(askedBefore + 1);
}

/** Every way in which what depends on an id can be invalidated. */
const WAYS: readonly [string, (cache: Cache, id: string) => Promise<Invalidation>][] = [
  ['its tag', (cache, id) => cache.invalidate([`device:${id}`])],
  ['its key', (cache, id) => cache.invalidate([keyOf(id)])],
  ['a glob among other deps', (cache, id) => cache.invalidate(['device:x', { glob: `device_meta:${id}` }])],
  ['a pattern', (cache, id) => cache.invalidatePattern(`device_meta:[${id[0]!}]${id.slice(1)}*`)],
  ['a pattern that begins with *', (cache, id) => cache.invalidatePattern(`*${id}`)],
  ['a change', async (cache, id) => (await cache.change([`device:${id}`], () => Promise.resolve())).invalidation],
  ['*', (cache) => cache.invalidatePattern('*')],
];

function invalidating(f: Fixture): void {
  describe.each(WAYS)('invalidating by %s', (way, invalidate) => {
    it('makes a value and an absence unservable on every pod, and nothing else', async () => {
      const { cache, another, source, id } = f;
      const [quiet, absent] = [`quiet-${id}-`, id];
      source.remove(absent);
      await warm(f, [absent, quiet]);
      await warm(f, [absent], API_KEYS);
      source.change(absent);
      expect(await invalidate(cache, absent)).toMatchObject({ status: 'APPLIED', pods: f.pods });
      for (const pod of [another, cache]) expect(await source.version(pod, absent)).toBe(2);

      await storedText(f.stored, keyOf(absent));
      source.change(absent);
      await invalidate(another, absent);
      for (const pod of [cache, another]) expect(await source.version(pod, absent)).toBe(3);

      const before = source.questions.length;
      await source.read(another, [quiet]);
      await source.read(another, [absent], { namespace: API_KEYS });
      if (way === 'its key' || way.includes('glob') || way === 'a pattern') expect(source.questions).toHaveLength(before);
      else if (way === '*') expect(source.questions).toHaveLength(before + 2);
    });

    it('leaves no key behind that was named or matched', async () => {
      const { cache, stored, id } = f;
      await warm(f, [id]);
      await invalidate(cache, id);
      const named = way !== 'its tag' && way !== 'a change' && !way.includes('glob');
      if (named) expect(await stored.text(keyOf(id))).toBeUndefined();
    });
  });

  describe('an invalidation', () => {
    it('of one id among many leaves the others alone', async () => {
      const { cache, another, source, id } = f;
      const ids = Array.from({ length: 20 }, (_, i) => `${id}-${i}`);
      await warm(f, ids);
      source.change(ids[7]!);
      await cache.invalidate([`device:${ids[7]!}`]);
      const versions = (await source.read(another, ids)).map((value) => value!.version);
      expect(versions).toEqual(ids.map((_, i) => (i === 7 ? 2 : 1)));
      expect(source.questions.slice(1)).toEqual([[ids[7]]]);
    });

    it('takes many deps at once', async () => {
      const { cache, another, source, id } = f;
      const ids = Array.from({ length: 1_000 }, (_, i) => `${id}-${i}`);
      await source.read(cache, ids);
      await storedText(f.stored, keyOf(ids.at(-1)!));
      const deps: Dep[] = ids.flatMap((each) => [`device:${each}`, keyOf(each)]);
      expect(await cache.invalidate(deps)).toMatchObject({ status: 'APPLIED' });
      await source.read(another, ids);
      expect(source.questions).toEqual([ids, ids]);
      await clear(cache);
    });

    it('takes no deps at all', async () => {
      expect(await f.cache.invalidate([])).toMatchObject({ status: 'APPLIED', matched: null, removed: null });
    });

    it('says what it was and what became of it', async () => {
      const { cache } = f;
      const startedAt = Date.now();
      const invalidation = await cache.invalidate(['device:x']);
      expect(invalidation).toMatchObject({ status: 'APPLIED', pattern: null, matched: null, removed: null });
      expect(invalidation.requestedAt.getTime()).toBeGreaterThan(startedAt - 1_000);
      expect(invalidation.appliedAt!.getTime()).toBeGreaterThanOrEqual(invalidation.requestedAt.getTime());
      expect(invalidation.elapsedMs).toBeLessThan(1_000);
      expect(invalidation.pods).toEqual(f.pods);
    });
  });

  describe('a change', () => {
    it('hands its result on', async () => {
      const { result, invalidation } = await f.cache.change(['device:x'], () => Promise.resolve('done'));
      expect(result).toBe('done');
      expect(invalidation).toMatchObject({ status: 'APPLIED', pattern: null });
    });

    it('that fails rejects with its own error, and invalidates all the same: it may have happened', async () => {
      const { cache, another, source, id } = f;
      await warm(f, [id]);
      const failing = cache.change([`device:${id}`], () => {
        source.change(id);
        return Promise.reject(new Error('connection lost'));
      });
      await expect(failing).rejects.toThrow('connection lost');
      expect(await source.version(another, id)).toBe(2);
      await expect(cache.snapshot()).resolves.toMatchObject({ pendingInvalidations: [] });
    });
  });
}

function inFlight(f: Fixture): void {
  describe.each(WAYS)('a load under way while it is invalidated by %s', (_way, invalidate) => {
    it('is served to nobody who asks after that, and is not left behind for them', async () => {
      const { cache, another, source, stored, id } = f;
      const pods = new Set([cache, another]);
      source.hold();
      const before = [...pods].map((pod) => source.version(pod, id));
      await waitFor(() => source.timesAsked(id) === pods.size);
      const rejectedBefore = await sumOfRejected(pods);

      source.change(id);
      await invalidate(cache, id);
      const after = [...pods, ...pods].map((pod) => source.version(pod, id));
      source.release();
      expect(await Promise.all(after)).toEqual(after.map(() => 2));
      expect(new Set(await Promise.all(before))).toEqual(new Set([1]));

      // The fills of both generations are through when the counters have moved and the new one is there.
      await waitFor(async () => (await sumOfRejected(pods)) - rejectedBefore === pods.size);
      await storedText(stored, keyOf(id));
      for (const pod of [cache, another, cache]) expect(await source.version(pod, id)).toBe(2);
    });

    it('is harmless when its fill comes late', async () => {
      const { cache, another, source, stored, id } = f;
      await warm(f, [id]);
      const late = await storedText(stored, keyOf(id));
      source.change(id);
      await invalidate(another, id);
      await stored.put(keyOf(id), late, 60_000);
      for (const pod of [cache, another]) expect(await source.version(pod, id)).toBe(2);
    });
  });

  it('a load of what was not invalidated is stored, whatever else was', async () => {
    const { cache, source, stored, id } = f;
    source.hold();
    const read = source.version(cache, id);
    await waitFor(() => source.timesAsked(id) === 1);
    await cache.invalidate(['device:someone-else', { glob: 'api_key:*' }]);
    source.release();
    await read;
    await storedText(stored, keyOf(id));
    expect(await source.version(cache, id)).toBe(1);
    expect(source.timesAsked(id)).toBe(1);
  });

  it('reads beside fifty invalidations never see what was before the last one they came after', async () => {
    const { cache, another, source, id } = f;
    let done = false;
    let acknowledged = 1;
    const stale: string[] = [];
    const reader = async (pod: Cache) => {
      while (!done) {
        const least = acknowledged;
        const version = (await source.version(pod, id))!;
        if (version < least) stale.push(`${String(version)} after ${String(least)} was acknowledged`);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const readers = [reader(cache), reader(another), reader(another)];
    for (let i = 2; i <= 51; i++) {
      source.change(id);
      await WAYS[i % WAYS.length]![1](i % 3 === 0 ? cache : another, id);
      acknowledged = i;
    }
    done = true;
    await Promise.all(readers);
    expect(stale).toEqual([]);
  });
}

async function sumOfRejected(pods: Iterable<Cache>): Promise<number> {
  let sum = 0;
  for (const pod of pods) sum += (await counters(pod, 'device_meta')).rejectedFills;
  return sum;
}

function administrating(f: Fixture): void {
  describe('the entries', () => {
    const COUNT = 2_000;
    let source: Source;
    let disperse: () => Promise<void>;
    afterAll(() => disperse());
    beforeAll(async () => {
      disperse = await f.crowd();
      await clear(f.cache);
      source = new Source();
      await source.read(
        f.cache,
        Array.from({ length: COUNT }, (_, i) => `walk-${i}`),
      );
      await source.read(f.cache, ['walk-a', 'walk-b'], { namespace: API_KEYS });
      await waitFor(async () => (await f.stored.keys()).length === COUNT + 2);
    });

    async function walk(pattern: string, first: number): Promise<EntryInfo[]> {
      const listed = new Map<string, EntryInfo>();
      let from: string | undefined;
      do {
        const page = (await f.cache.entries(pattern, first, from))!;
        expect(page.entries.length).toBeLessThanOrEqual(first);
        for (const entry of page.entries) listed.set(entry.key, entry);
        from = page.next;
      } while (from !== undefined);
      return [...listed.values()];
    }

    it.each([
      ['*', 500, COUNT + 2],
      ['*', 7, COUNT + 2],
      ['device_meta:*', 500, COUNT],
      ['device_meta:walk-1??', 7, 100],
      ['device_meta:walk-1??', 1, 100],
      ['device_meta:walk-17', 500, 1],
      ['api_key:*', 1, 2],
      ['*walk-[ab]', 500, 2],
      ['apq:*', 500, 0],
    ])('that match %j, %d a page, are listed each at least once: %d', async (pattern, first, count) => {
      const listed = (await walk(pattern, first)).map(({ key }) => key);
      const expected = (await f.stored.keys()).filter((key) => new Glob(pattern).matches(key));
      expect(expected).toHaveLength(count);
      expect(listed.sort()).toEqual(expected.sort());
    });

    it('that stay throughout a walk are listed, whatever comes and goes meanwhile', async () => {
      const { cache, stored } = f;
      const listed = new Set<string>();
      let from: string | undefined;
      let page = 0;
      do {
        const { entries, next } = (await cache.entries('device_meta:walk-*', 100, from))!;
        for (const { key } of entries) listed.add(key);
        from = next;
        page++;
        const coming = Array.from({ length: 40 }, (_, i) => `coming-${page}-${i}`);
        await source.read(cache, coming);
        if (page > 2) await cache.invalidatePattern(`device_meta:coming-${page - 2}-*`);
      } while (from !== undefined);
      await cache.invalidatePattern('device_meta:coming-*');
      const staying = (await stored.keys()).filter((key) => key.startsWith('device_meta:walk-'));
      expect(staying.filter((key) => !listed.has(key))).toEqual([]);
    });

    it('are shown with their size and what is left of their time', async () => {
      const { stored } = f;
      const entries = await walk('device_meta:walk-17', 500);
      const text = await storedText(stored, 'device_meta:walk-17');
      expect(entries).toEqual([{ key: 'device_meta:walk-17', bytes: Buffer.byteLength(text), ttlSeconds: expect.any(Number) }]);
      const { f: freshSeconds } = JSON.parse(text);
      expect(entries[0]!.ttlSeconds).toBeGreaterThan(freshSeconds - 60);
      expect(entries[0]!.ttlSeconds).toBeLessThanOrEqual(freshSeconds);
    });

    it.each([
      '',
      'x',
      '[]',
      '{}',
      'null',
      '[0,"0"]',
      '[0,0,[]]',
      '[0,"",[]]',
      '[0,"-1",[]]',
      '[0,"1e3",[]]',
      '[0,"99999999999999999999",[]]',
      '[-1,"0",[]]',
      '[0.5,"0",[]]',
      '[9,"0",[]]',
      '[1e300,"0",[]]',
      '[0,"0",[1]]',
      '[0,"0",["{bus}","{bus}log","staging:device_meta:greenhouse-7f3a","../x","","api_key:walk-a","device_meta:*"]]',
      '[0,"0",[],"more"]',
      '[0,"0',
      '\0',
      '['.repeat(100_000),
    ])('are not walked from a position that is none: %.60s', async (from) => {
      const page = await f.cache.entries('device_meta:*', 500, from);
      const ours = new Set((await f.stored.keys()).filter((key) => key.startsWith('device_meta:')));
      expect((page?.entries ?? []).filter(({ key }) => !ours.has(key))).toEqual([]);
    });

    it.each(['*', 'device_meta:*', 'device_meta:walk-1??', 'api_key:*', '*walk-[ab]', 'apq:*', 'nothing:*', '\\*'])(
      'that match %j are counted exactly by a dry run, which does nothing',
      async (pattern) => {
        const { cache, stored } = f;
        const keys = await stored.keys();
        const matched = keys.filter((key) => new Glob(pattern).matches(key)).length;
        expect(await cache.dryRun(pattern)).toMatchObject({
          status: 'DRY_RUN',
          pattern,
          matched,
          removed: 0,
          appliedAt: null,
          pods: null,
        });
        expect((await stored.keys()).sort()).toEqual(keys.sort());
        expect(await source.version(cache, 'walk-17')).toBe(1);
        expect(source.timesAsked('walk-17')).toBe(1);
      },
    );

    it.each([
      ['device_meta:walk-1??', 100],
      ['device_meta:walk-1??', 0],
      ['api_key:*', 2],
      ['device_meta:*', COUNT - 100],
      ['*', 0],
    ])('that match %j are freed and counted exactly: %d', async (pattern, count) => {
      const { cache, stored } = f;
      const kept = (await stored.keys()).filter((key) => !new Glob(pattern).matches(key));
      expect(await cache.invalidatePattern(pattern)).toMatchObject({
        status: 'APPLIED',
        pattern,
        matched: count,
        removed: count,
      });
      expect((await stored.keys()).sort()).toEqual(kept.sort());
    });
  });

  describe('persisted queries', () => {
    it('are listed, counted and freed like entries', async () => {
      const { cache, stored } = f;
      await clear(cache);
      const key = `apq:${'a'.repeat(64)}`;
      await cache.values.set(key, '{ devices { id } }', 60_000);
      expect((await cache.entries('apq:*', 10, undefined))!.entries).toEqual([
        { key, bytes: Buffer.byteLength((await stored.text(key))!), ttlSeconds: expect.closeTo(60, -1) },
      ]);
      expect(await cache.dryRun('*')).toMatchObject({ matched: 1 });
      expect(await cache.invalidatePattern('apq:*')).toMatchObject({ matched: 1, removed: 1 });
      expect(await cache.values.get(key)).toBeUndefined();
    });

    it('are read within the budget', async () => {
      const { cache } = f;
      const key = `apq:${'b'.repeat(64)}`;
      const read = (budgetMs: number) => cache.guarded('apq', new Budget(budgetMs), () => cache.values.get<string>(key));
      const before = await counters(cache, 'apq');
      expect(await read(2_000)).toBeUndefined();
      await cache.values.set(key, '{ devices { id } }', 60_000);
      expect(await read(2_000)).toBe('{ devices { id } }');
      expect(await read(0)).toBeUndefined();
      const after = await counters(cache, 'apq');
      expect(after.misses - before.misses).toBe(1);
      expect(after.l1Hits + after.l2Hits - before.l1Hits - before.l2Hits).toBe(1);
      expect(after.bypassed - before.bypassed).toBe(1);
    });
  });

  describe('what became of an invalidation', () => {
    it('can be asked afterwards, of every pod', async () => {
      const { cache, another } = f;
      const byTag = await cache.invalidate(['device:x']);
      const byPattern = await another.invalidatePattern('device_meta:none-*');
      const { invalidation: byChange } = await cache.change(['device:x'], () => Promise.resolve());
      for (const invalidation of [byTag, byPattern, byChange]) {
        for (const pod of [cache, another]) expect(await pod.findInvalidation(invalidation.id)).toEqual(invalidation);
      }
    });

    it.each([
      '5b5a9c22-2f9f-4f5e-8f39-9d0a0c1d2e3f',
      '',
      '*',
      '{bus}',
      '../{bus}',
      'x\0y',
      '\r\nFLUSHALL\r\n',
      '5b5a9c22-2f9f-4f5e-8f39-9d0a0c1d2e3f\n',
      'x'.repeat(100_000),
      '\ud800',
    ])('is nothing for an id that was never given: %.40j', async (id) => {
      expect(await f.cache.findInvalidation(id)).toBeNull();
    });
  });

  describe('the snapshot', () => {
    it('shows this pod and what it has counted', async () => {
      const { cache } = f;
      const snapshot = await cache.snapshot();
      const [pod] = snapshot.pods;
      expect(pod).toMatchObject({ version: '0.0.0', leaseHeld: true, breaker: 'CLOSED' });
      expect([...pod!.namespaces.keys()].sort()).toEqual([...NAMESPACES].sort());
      if (snapshot.status === 'EMBEDDED') expect(pod!.lagMs).toBeNull();
      else expect(pod!.lagMs).toBeLessThan(1_000);
      expect(snapshot.pendingInvalidations).toEqual([]);
      expect(snapshot.keys).toEqual(expect.any(Number));
    });
  });
}

/** Patterns that a careless walk would take for something else. */
const HOSTILE_PATTERNS = [
  '*',
  '**',
  '?*',
  '',
  '\\',
  '\\*',
  '\\\\*',
  '[',
  '[^',
  '[]',
  '[^]*',
  '[a-',
  '*[',
  '[^d]*',
  '[!-~]*',
  '\0',
  '*\0*',
  '\r\n',
  '*\r\nFLUSHALL\r\n',
  '*\nDEL {bus}',
  '{bus}',
  '{bus}*',
  '\\{bus\\}*',
  '[{]bus[}]*',
  '*bus*',
  '*log',
  'staging:*',
  '*staging*',
  '*greenhouse-7f3a',
  'device_meta:greenhouse-7f3a',
  'opensensor:*',
  '../*',
  ':*',
  '*:*',
  '\x7f*',
  '\ud800*',
  'é*',
  '*'.repeat(1_024),
  '?'.repeat(1_024),
  '*a'.repeat(512),
  '[a'.repeat(512),
  '\\'.repeat(1_024),
];

function hostility(f: Fixture): void {
  describe('a hostile pattern', () => {
    const IDS = ['greenhouse-1', 'a*', '[b]', '\\', '{bus}', 'nul\0', 'line\r\n', 'é', ''];
    it.each(HOSTILE_PATTERNS)('frees what it matches of ours and nothing else: %.40j', async (pattern) => {
      const { cache, stored } = f;
      await warm(f, IDS);
      await warm(f, IDS, API_KEYS);
      const before = await stored.keys();
      const matching = before.filter((key) => new Glob(pattern).matches(key));
      expect(await cache.dryRun(pattern)).toMatchObject({ matched: matching.length });
      expect(await cache.invalidatePattern(pattern)).toMatchObject({
        status: 'APPLIED',
        matched: matching.length,
        removed: matching.length,
      });
      const left = before.filter((key) => !matching.includes(key));
      expect((await stored.keys()).sort()).toEqual(left.sort());
    });
  });
}
