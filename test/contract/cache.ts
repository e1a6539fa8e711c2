/**
 * What the cache has to do over every backend: one case for each promise that can be seen from outside. Run over each backend by
 * `cache.test.ts`; what only one of them can show is tested beside it.
 */
import { afterEach, beforeAll, beforeEach, describe } from 'vitest';
import { Source } from '../cache/source.js';
import { administrating } from './cache-administrating.js';
import type { CacheFixture } from './cache-fixture.js';
import { hostility } from './cache-hostility.js';
import { inFlight, invalidating } from './cache-invalidating.js';
import { goingPast, reading } from './cache-reading.js';
import { distrusting, storing } from './cache-storing.js';

/** @param readsAskTheStore false where memory answers for it: then what is planted in the store shows nowhere. */
export function cacheContract(name: string, makeCache: () => Promise<CacheFixture>, { readsAskTheStore = true } = {}): void {
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
    if (readsAskTheStore) {
      distrusting(fixture);
      goingPast(fixture);
    }
    invalidating(fixture);
    inFlight(fixture);
    administrating(fixture);
    hostility(fixture);
  });
}
