/** The contract of the cache: reading, and what is counted of it. */
import { describe, expect, it } from 'vitest';
import { Budget, type Namespace } from '../../src/cache/cache.js';
import { counters } from '../cache/pods.js';
import { DEVICES, type Value } from '../cache/source.js';
import { waitFor } from '../harness/wait.js';
import { type Fixture, keyOf, storedText, warm } from './cache-fixture.js';

export function reading(f: Fixture): void {
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
      expect((await look()).get(id)).toMatchObject({ value: { id, version: 1 }, deps, freshForMs: expect.any(Number) as number });
      await storedText(f.stored, keyOf(id));
      expect((await look()).get(id)).toMatchObject({ value: { id, version: 1 }, deps, freshForMs: expect.any(Number) as number });
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

    it('fails only for what was not cached', async () => {
      const { cache, source, id } = f;
      await warm(f, [`${id}a`]);
      source.failure = new Error('the database is down');
      const found = await cache.getMany(DEVICES, [`${id}a`, `${id}b`], new Budget(2_000), source.load);
      expect(found.get(`${id}a`)!.value).toEqual({ id: `${id}a`, version: 1 });
      expect(() => found.get(`${id}b`)).toThrow('the database is down');
      source.failure = undefined;
      expect(await source.version(cache, `${id}b`)).toBe(1);
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

export function goingPast(f: Fixture): void {
  it('without any budget left goes past the cache', async () => {
    const { cache, source, id } = f;
    await warm(f, [id]);
    const before = await counters(cache, 'device_meta');
    expect(await source.version(cache, id, { budgetMs: 0 })).toBe(1);
    expect((await counters(cache, 'device_meta')).bypassed - before.bypassed).toBe(1);
    expect(source.timesAsked(id)).toBe(2);
  });
}
