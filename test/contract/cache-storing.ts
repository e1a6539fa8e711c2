/** The contract of the cache: what it stores, and what it takes for nothing though it lies where its own values do. */
import { describe, expect, it } from 'vitest';
import { DEVICES } from '../cache/source.js';
import { waitFor } from '../harness/wait.js';
import { type Fixture, clear, keyOf, storedText, warm } from './cache-fixture.js';

export function storing(f: Fixture): void {
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

export function distrusting(f: Fixture): void {
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
      ['loaded long ago', (entry) => ({ ...entry, t: Number(entry.t) - 300_001 })],
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
