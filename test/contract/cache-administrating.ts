/** The contract of the cache: listing, counting, purging, and what can be asked about it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Budget, type EntryInfo } from '../../src/cache/cache.js';
import { Glob } from '../../src/cache/protocol/glob.js';
import { counters, NAMESPACES } from '../cache/pods.js';
import { Source } from '../cache/source.js';
import { waitFor } from '../harness/wait.js';
import { API_KEYS, type Fixture, clear, storedText } from './cache-fixture.js';

export function administrating(f: Fixture): void {
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
