import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Glob, literalFirstSegment } from '../../src/cache/protocol/glob.js';
import { startRedis } from '../harness/redis.js';

describe('Glob and Redis', () => {
  let client: Redis;
  beforeAll(async () => {
    client = new Redis((await startRedis()).url);
  });
  afterAll(() => {
    client.disconnect();
  });

  /** The keys that Redis itself finds for each pattern, of those given. */
  async function foundByRedis(patterns: readonly string[], keys: readonly string[]): Promise<string[][]> {
    const pipeline = client.pipeline().flushall();
    for (const key of keys) pipeline.set(key, '');
    for (const pattern of patterns) pipeline.keys(pattern);
    const replies = (await pipeline.exec())!.map(([error, reply]) => {
      if (error !== null) throw error;
      return reply;
    });
    return replies.slice(1 + keys.length).map((found) => [...(found as string[])].sort());
  }

  async function expectAgreement(patterns: readonly string[], keys: readonly string[]): Promise<void> {
    const byRedis = await foundByRedis(patterns, keys);
    const differences = patterns.flatMap((pattern, i) => {
      const glob = new Glob(pattern);
      const ours = keys.filter((key) => glob.matches(key)).sort();
      return JSON.stringify(ours) === JSON.stringify(byRedis[i]) ? [] : [{ pattern, ours, redis: byRedis[i] }];
    });
    expect(differences).toEqual([]);
  }

  // A key is never empty: where Redis answers KEYS * without matching, the empty key would be the one exception.
  const CHARACTERS = ['*', '?', '[', ']', '^', '-', '\\', '{', '}', ':', 'a', 'b', 'c', 'z', 'é', '€', '𝒳', '\0', '\r', '\n'];
  const character = fc.constantFrom(...CHARACTERS);
  const keys = fc.uniqueArray(fc.string({ unit: character, minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 12 });
  const free = fc.string({ unit: character, minLength: 1, maxLength: 10 });
  /** Well-formed more often than chance would have it. */
  const composed = fc
    .array(
      fc.oneof(
        fc.constantFrom(
          '*',
          '?',
          '**',
          '*?',
          '[^a]',
          '[a-c]',
          '[c-a]',
          '[^-a]',
          '[a-]',
          '[]a]',
          '[\\]a]',
          '[é]',
          '[a-é]',
          '\\*',
          '\\',
        ),
        character,
        fc.tuple(character, character).map(([from, to]) => `[${from}-${to}]`),
      ),
      { minLength: 1, maxLength: 6 },
    )
    .map((parts) => parts.join(''));

  it('agree on every pattern and key', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(free, composed), { minLength: 1, maxLength: 25 }), keys, expectAgreement),
      { numRuns: 600 },
    );
  });

  it('agree on patterns that are cut from the keys themselves', async () => {
    const cut = keys.chain((names) => {
      const patterns = fc
        .tuple(fc.constantFrom(...names), fc.nat(8), fc.nat(8), composed)
        .map(([name, from, length, wildcard]) => name.slice(0, from) + wildcard + name.slice(from + length));
      return fc.tuple(fc.array(patterns, { minLength: 1, maxLength: 25 }), fc.constant(names));
    });
    await fc.assert(
      fc.asyncProperty(cut, ([patterns, names]) => expectAgreement(patterns, names)),
      { numRuns: 400 },
    );
  });

  it('agree on odd ends', async () => {
    const patterns = [
      '[',
      '[^',
      '[\\',
      '[^\\',
      '[a',
      '[a-',
      '[a-\\',
      '[-',
      '[]',
      '[^]',
      '\\',
      '\\\\',
      '*[',
      '*\\',
      '?[^',
      '[a-z',
      '[z-a]*',
    ];
    await expectAgreement(patterns, ['[', '[^', 'a', 'b', '-', '\\', '\\\\', ']', '^', 'z', 'a[', 'é', '\0', '\n']);
  });
});

describe('a hostile pattern', () => {
  it.each([
    ['a*a*a*…b', 'a*'.repeat(500) + 'b'],
    ['*a*a*a…b', '*a'.repeat(500) + 'b'],
    ['[a]*[a]*…b', '[a]*'.repeat(250) + 'b'],
    ['a*?a*?…b', 'a*?'.repeat(333) + 'b'],
    ['a kilobyte of *', '*'.repeat(1_023) + 'b'],
  ])('takes no exponential time: %s', (_name, pattern) => {
    const startedAt = performance.now();
    expect(new Glob(pattern).matches('a'.repeat(5_000))).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(250);
  });

  it('takes time in proportion to the text', () => {
    const glob = new Glob('a*'.repeat(500) + 'b');
    const fastest = (length: number) => {
      const text = 'a'.repeat(length);
      const times = Array.from({ length: 20 }, () => {
        const startedAt = performance.now();
        glob.matches(text);
        return performance.now() - startedAt;
      });
      return Math.min(...times);
    };
    fastest(100_000); // until it is compiled
    // Eight times the text: eight times the time, and some slack; 64 times would be quadratic.
    expect(fastest(800_000) / fastest(100_000)).toBeLessThan(24);
  });
});

describe('literalFirstSegment', () => {
  it.each([
    ['device_meta:*', 'device_meta'],
    ['device_meta:', 'device_meta'],
    ['device_meta', 'device_meta'],
    ['device_meta:a:b', 'device_meta'],
    [':a', ''],
    ['', ''],
    ['device\\_meta:*', 'device_meta'],
    ['a\\*b:*', 'a*b'],
    ['device\\_meta\\:a:*', 'device_meta'],
    ['a\\', 'a\\'],
    ['{bus}log', '{bus}log'],
    ['é€𝒳:x', 'é€𝒳'],
    ['*', undefined],
    ['device_*:a', undefined],
    ['device?meta:a', undefined],
    ['[d]evice_meta:a', undefined],
    ['device_meta*', undefined],
    ['\\\\*:a', undefined],
  ])('of %j is %j', (pattern, segment) => {
    expect(literalFirstSegment(pattern)).toBe(segment);
  });
});
