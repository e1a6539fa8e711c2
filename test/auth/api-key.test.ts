/** Looking API keys up through the cache: what it is told, and what it must never be told. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { createApiKeyFinder } from '../../src/auth/api-key.js';
import { Budget, type BatchLoad, type CacheReader, type Found, type Loaded, type Namespace } from '../../src/cache/cache.js';
import type { OwnedPair } from '../../src/devices/device.store.js';
import { CodedError } from '../../src/errors.js';

const KEY = 'dGhlLXJhdy1rZXktb2YtYS1kZXZpY2U';
const DIGEST = createHash('sha256').update(KEY).digest('hex');
const PAIR: OwnedPair = { owner: '11111111-1111-4111-8111-111111111111', deviceId: 'greenhouse-7f3a', name: 'North|2' };

/** A cache that keeps everything for ever, and shows what it was given. */
class KeepingCache implements CacheReader {
  readonly entries = new Map<string, Loaded<unknown>>();
  readonly namespaces: Namespace[] = [];

  async getMany<V>(namespace: Namespace, ids: readonly string[], _budget: Budget, load: BatchLoad<V>) {
    this.namespaces.push(namespace);
    const found = new Map<string, Found<V>>();
    for (const id of ids) {
      const entry = this.entries.get(id) ?? (await load([id])).get(id);
      if (entry === undefined) throw new Error(`${id} was not loaded`);
      this.entries.set(id, entry);
      found.set(id, { ...(entry as Loaded<V>), deps: [], ageMs: 0, freshForMs: 1_000 });
    }
    return found;
  }
}

function setUp(findApiKeys: (keys: readonly string[]) => Promise<Map<string, OwnedPair>>) {
  const asked: string[] = [];
  const cache = new KeepingCache();
  const store = {
    findApiKeys: (keys: readonly string[]) => {
      asked.push(...keys);
      return findApiKeys(keys);
    },
  };
  const findApiKey = createApiKeyFinder({ store, cache, ttlSeconds: 300, negativeTtlSeconds: 30 });
  return { asked, cache, find: (key: string) => findApiKey(key, new Budget(50)) };
}

test('a key is asked for once; the cache gets its digest, the pair and what that depends on', async () => {
  const record = { ...PAIR, key: KEY, private_data: true };
  const { asked, cache, find } = setUp(() => Promise.resolve(new Map([[KEY, record]])));
  await expect(find(KEY)).resolves.toEqual(PAIR);
  await expect(find(KEY)).resolves.toEqual(PAIR);
  expect(asked).toEqual([KEY]);
  expect([...cache.entries]).toEqual([
    [DIGEST, { value: PAIR, tags: ['device:greenhouse-7f3a', `chain:${PAIR.owner}|North|2`] }],
  ]);
  expect(cache.namespaces[0]).toMatchObject({ name: 'api_key', ttlSeconds: 300, negativeTtlSeconds: 30, graceSeconds: 0 });
  expect(JSON.stringify([...cache.entries, cache.namespaces])).not.toContain(KEY);
});

test('that nobody holds a key is cached too', async () => {
  const { asked, cache, find } = setUp(() => Promise.resolve(new Map()));
  await expect(find(KEY)).resolves.toBeUndefined();
  await expect(find(KEY)).resolves.toBeUndefined();
  expect(asked).toEqual([KEY]);
  expect([...cache.entries]).toEqual([[DIGEST, { value: null, tags: [] }]]);
});

test('a store that can not be asked is an error, which is not cached', async () => {
  const { cache, find } = setUp(() => Promise.reject(new CodedError('DATABASE_UNAVAILABLE', 'The database could not be asked.')));
  await expect(find(KEY)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  expect(cache.entries.size).toBe(0);
});
