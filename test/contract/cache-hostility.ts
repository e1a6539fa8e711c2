/** The contract of the cache: patterns that mean harm. */
import { describe, expect, it } from 'vitest';
import { Glob } from '../../src/cache/protocol/glob.js';
import { API_KEYS, type Fixture, warm } from './cache-fixture.js';

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

export function hostility(f: Fixture): void {
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
