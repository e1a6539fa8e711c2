import { beforeEach, describe, expect, it } from 'vitest';
import type { Entry } from '../../src/cache/entry.js';
import { Loads } from '../../src/cache/loads.js';
import { Deferred } from './deferred.js';

let loads: Loads;
let source: Source;
beforeEach(() => {
  loads = new Loads();
  source = new Source();
});

/** A source whose every answer is held back until the test gives it. */
class Source {
  /** What was asked for, in this order. */
  readonly asked: { readonly keys: readonly string[]; answer: () => void; fail: (error: Error) => void }[] = [];
  version = 1;

  readonly load = (keys: readonly string[]): Promise<ReadonlyMap<string, Entry>> => {
    const answered = new Deferred<ReadonlyMap<string, Entry>>();
    const answer = new Map(keys.map((key) => [key, entryOf(key, this.version)]));
    this.asked.push({ keys, answer: () => answered.resolve(answer), fail: answered.reject });
    return answered.promise;
  };

  get askedFor(): (readonly string[])[] {
    return this.asked.map(({ keys }) => keys);
  }
}

function entryOf(key: string, x: unknown): Entry {
  return { v: 1, e: 'epoch', s: 0, t: 0, f: 300, d: [key], x };
}

interface Read {
  readonly values: Promise<Record<string, unknown>>;
  /** How many keys were answered by somebody else's load, once it is known. */
  joined: number;
}

/** A read that arrives now. */
function read(keys: readonly string[], acceptable: (entry: Entry) => boolean = () => false): Read {
  const found: Promise<Map<string, Entry>> = loads.getMany(keys, {
    arrivedAt: loads.arrive(),
    load: source.load,
    acceptable,
    onJoined: (count) => (result.joined += count),
  });
  const result: Read = {
    joined: 0,
    values: found.then((entries) => Object.fromEntries([...entries].map(([key, { x }]) => [key, x]))),
  };
  return result;
}

/** Until everything that can go on without the source has gone on. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('keys that nobody loads', () => {
  it('are asked for at once, and answered each by its own', async () => {
    const { values } = read(['a', 'b', 'c']);
    expect(source.askedFor).toEqual([['a', 'b', 'c']]);
    source.asked[0]!.answer();
    expect(await values).toEqual({ a: 1, b: 1, c: 1 });
  });

  it('are no load when there are none', async () => {
    expect(await read([]).values).toEqual({});
    expect(source.asked).toEqual([]);
  });

  it('are asked for again after the load has ended', async () => {
    const first = read(['a'], () => true);
    source.asked[0]!.answer();
    await first.values;
    source.version = 2;
    const second = read(['a'], () => true);
    source.asked[1]!.answer();
    expect(await second.values).toEqual({ a: 2 });
  });

  it('fail when the source leaves one out', async () => {
    const answered = loads.getMany(['a', 'b'], {
      arrivedAt: loads.arrive(),
      load: (keys) => Promise.resolve(new Map([[keys[0]!, entryOf(keys[0]!, 1)]])),
      acceptable: () => true,
      onJoined: () => undefined,
    });
    await expect(answered).rejects.toThrow('did not answer for every key');
  });
});

describe('a read of a key that is being loaded', () => {
  it('joins that load when what comes may be served', async () => {
    const first = read(['a']);
    const second = read(['a'], ({ d, x }) => d[0] === 'a' && x === 1);
    source.asked[0]!.answer();
    expect(await second.values).toEqual({ a: 1 });
    expect(await first.values).toEqual({ a: 1 });
    expect([first.joined, second.joined]).toEqual([0, 1]);
    expect(source.asked).toHaveLength(1);
  });

  it('takes part in the next load when what comes was invalidated before the read came', async () => {
    const before = read(['a']);
    source.version = 2; // ... and invalidated, and acknowledged
    const after = read(['a'], () => false);
    source.asked[0]!.answer();
    expect(await before.values).toEqual({ a: 1 });
    await settle();
    expect(source.askedFor).toEqual([['a'], ['a']]);
    source.asked[1]!.answer();
    expect(await after.values).toEqual({ a: 2 });
    expect(after.joined).toBe(0);
  });

  it('shares the next load with all who came meanwhile: one runs, one waits', async () => {
    const before = read(['a']);
    source.version = 2;
    const after = Array.from({ length: 50 }, () => read(['a'], () => false));
    await settle();
    expect(source.asked).toHaveLength(1);
    source.asked[0]!.answer();
    expect(await before.values).toEqual({ a: 1 });
    await settle();
    expect(source.asked).toHaveLength(2);
    source.asked[1]!.answer();
    for (const { values } of after) expect(await values).toEqual({ a: 2 });
    expect(source.asked).toHaveLength(2);
    expect(after.reduce((sum, { joined }) => sum + joined, 0)).toBe(49);
  });

  it('does not take a second load for new that began before the read came, either', async () => {
    const first = read(['a']);
    source.version = 2;
    const second = read(['a'], () => false);
    source.asked[0]!.answer();
    await first.values;
    await settle(); // the second load runs
    source.version = 3;
    const third = read(['a'], () => false);
    source.asked[1]!.answer();
    expect(await second.values).toEqual({ a: 2 });
    await settle();
    source.asked[2]!.answer();
    expect(await third.values).toEqual({ a: 3 });
  });

  it('shares its failure, and the next read asks again', async () => {
    const all = [read(['a']), read(['a'], () => true), read(['b', 'a'], () => true)];
    source.asked[1]!.answer();
    source.asked[0]!.fail(new Error('the database is down'));
    for (const { values } of all) await expect(values).rejects.toThrow('the database is down');
    const next = read(['a'], () => true);
    source.asked[2]!.answer();
    expect(await next.values).toEqual({ a: 1 });
  });
});

describe('batches that overlap', () => {
  it('load each key once', async () => {
    const one = read(['a', 'b']);
    const two = read(['b', 'c'], () => true);
    const three = read(['c', 'a', 'd'], () => true);
    expect(source.askedFor).toEqual([['a', 'b'], ['c'], ['d']]);
    for (const { answer } of source.asked.toReversed()) answer();
    expect(await one.values).toEqual({ a: 1, b: 1 });
    expect(await two.values).toEqual({ b: 1, c: 1 });
    expect(await three.values).toEqual({ a: 1, c: 1, d: 1 });
    expect([one.joined, two.joined, three.joined]).toEqual([0, 1, 2]);
  });

  it('ask again only for what is outdated', async () => {
    const before = read(['a', 'b']);
    source.version = 2;
    const after = read(['a', 'b', 'c'], ({ d }) => d[0] === 'b');
    source.asked[0]!.answer();
    source.asked[1]!.answer();
    await before.values;
    await settle();
    expect(source.askedFor).toEqual([['a', 'b'], ['c'], ['a']]);
    source.asked[2]!.answer();
    expect(await after.values).toEqual({ a: 2, b: 1, c: 2 });
    expect(after.joined).toBe(1);
  });

  it('fail with whatever fails, and leave nothing behind', async () => {
    const one = read(['a']);
    const two = read(['a', 'b'], () => true);
    source.asked[1]!.fail(new Error('b failed'));
    source.asked[0]!.answer();
    expect(await one.values).toEqual({ a: 1 });
    await expect(two.values).rejects.toThrow('b failed');
    await settle();
    const next = read(['a', 'b'], () => true);
    expect(source.askedFor.at(-1)).toEqual(['a', 'b']);
    source.asked.at(-1)!.answer();
    expect(await next.values).toEqual({ a: 1, b: 1 });
  });

  it('end, whatever the order of answers', async () => {
    const reads = Array.from({ length: 20 }, (_, i) => read(['a', 'b', 'c', 'd'].slice(i % 4), () => i % 2 === 0));
    for (let i = 0; i < source.asked.length; i++) {
      source.asked[i]!.answer();
      await settle();
    }
    expect((await Promise.all(reads.map(({ values }) => values))).length).toBe(20);
  });
});
