/**
 * Finds whose device an API key belongs to, through the cache. The key itself goes to the device store only: the cache, its keys
 * and errors know its SHA-256 digest. Called by the authenticator.
 */
import { hash } from 'node:crypto';
import type { Budget, CacheReader, Loaded, Namespace } from '../cache/cache.js';
import type { DeviceStore, OwnedPair } from '../devices/device.store.js';

export interface ApiKeyFinderOptions {
  readonly store: Pick<DeviceStore, 'findApiKeys'>;
  readonly cache: CacheReader;
  readonly ttlSeconds: number;
  /** How long it is remembered that nobody holds a key. */
  readonly negativeTtlSeconds: number;
}

/** The cache's namespace of API keys, `api_key:<SHA-256 of the key, hex>`. */
export function apiKeyNamespace(ttl: Pick<ApiKeyFinderOptions, 'ttlSeconds' | 'negativeTtlSeconds'>): Namespace {
  const { ttlSeconds, negativeTtlSeconds } = ttl;
  // No grace: a credential that can't be checked is not accepted.
  return { name: 'api_key', valueVersion: 1, ttlSeconds, negativeTtlSeconds, graceSeconds: 0 };
}

/** The answer is undefined when nobody holds the key; it rejects with `DATABASE_UNAVAILABLE` when the store has to be asked and can't. */
export function createApiKeyFinder(
  options: ApiKeyFinderOptions,
): (key: string, budget: Budget) => Promise<OwnedPair | undefined> {
  const { store, cache } = options;
  const namespace = apiKeyNamespace(options);
  return async (key, budget) => {
    const digest = hash('sha256', key, 'hex');
    const load = async () => {
      const pair = (await store.findApiKeys([key])).get(key);
      return new Map([[digest, pair === undefined ? ABSENT : toLoaded(pair)]]);
    };
    const found = await cache.getMany<OwnedPair>(namespace, [digest], budget, load);
    return found.get(digest)?.value ?? undefined;
  };
}

const ABSENT: Loaded<OwnedPair> = { value: null, tags: [] };

/** Picks the fields: whatever else the store's record may have does not reach the cache. */
function toLoaded({ owner, deviceId, name }: OwnedPair): Loaded<OwnedPair> {
  return { value: { owner, deviceId, name }, tags: [`device:${deviceId}`, `chain:${owner}|${name}`] };
}
