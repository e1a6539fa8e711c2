/** The contract of the cache: invalidations, and loads that are under way while they happen. */
import { describe, expect, it } from 'vitest';
import type { Cache, Dep } from '../../src/cache/cache.js';
import { counters } from '../cache/pods.js';
import { waitFor } from '../harness/wait.js';
import { API_KEYS, type Fixture, clear, keyOf, storedText, warm, WAYS } from './cache-fixture.js';

export function invalidating(f: Fixture): void {
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

export function inFlight(f: Fixture): void {
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
