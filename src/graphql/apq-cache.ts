/**
 * Where Apollo Server keeps automatic persisted queries: texts under `apq:<SHA-256 of the text>`, in the Keyv that all pods share.
 * Never fails or holds up a request, never hands out a text that is not the one its key names, and never grows without limit.
 */
import { hash } from 'node:crypto';
import type { ApolloServerPlugin } from '@apollo/server';
import { KeyvAdapter } from '@apollo/utils.keyvadapter';
import type { KeyValueCache, KeyValueCacheSetOptions } from '@apollo/utils.keyvaluecache';
import type { Budget, Cache } from '../cache/cache.js';

/** How long a text is kept. Clients register it again by themselves, at the price of one more round trip. */
export const APQ_TTL_SECONDS = 3_600;

/** New texts that one process stores in a minute, since anybody may register some. What is not stored is sent in full again. */
export const APQ_STORES_PER_MINUTE = 60;

/** Longer texts are not stored; a document of 5,000 tokens that a person wrote is shorter. */
export const APQ_MAX_TEXT_BYTES = 65_536;

const KEY = /^apq:[0-9a-f]{64}$/;

/**
 * Makes Apollo Server's cache.
 * @param budget what Redis may still cost the request that is being served.
 */
export function createApqCache(cache: Pick<Cache, 'values' | 'guarded'>, budget: () => Budget): KeyValueCache {
  // The cast: Keyv's class is declared twice, with private members. Batched, one failing read would fail all of its batch.
  const texts: KeyValueCache = new KeyvAdapter(cache.values as never, { disableBatchReads: true });
  let minute = 0;
  let storedInMinute = 0;
  const mayStore = () => {
    const now = Math.floor(performance.now() / 60_000);
    if (now !== minute) [minute, storedInMinute] = [now, 0];
    return storedInMinute++ < APQ_STORES_PER_MINUTE;
  };

  return {
    /** Undefined, which the client is told as `PersistedQueryNotFound`, also for what is no hash at all. */
    get: (key) =>
      KEY.test(key)
        ? cache.guarded('apq', budget(), async () => {
            const text = await texts.get(key);
            return isNamedBy(key, text) ? text : undefined;
          })
        : Promise.resolve(undefined),

    /** Not awaited by Apollo Server, and a failure costs nobody more than a text sent again. */
    async set(key: string, text: string, options?: KeyValueCacheSetOptions) {
      if (!KEY.test(key) || Buffer.byteLength(text) > APQ_MAX_TEXT_BYTES || !mayStore()) return;
      await texts.set(key, text, options).catch(() => undefined);
    },

    delete: (key) => texts.delete(key),
  };
}

/** Apollo Server appends what it gets as a hash to a string, and fails with an object that has a `toString` of its own. */
export function hashesAreStrings(): ApolloServerPlugin {
  return {
    requestDidStart({ request }) {
      const persistedQuery = request.extensions?.persistedQuery as { readonly sha256Hash?: unknown } | null | undefined;
      if (persistedQuery && typeof persistedQuery.sha256Hash !== 'string') {
        request.extensions = { ...request.extensions, persistedQuery: { ...persistedQuery, sha256Hash: '' } };
      }
      return Promise.resolve();
    },
  };
}

/** Whoever can write to Redis could otherwise make another's client run a text of theirs. */
export function isNamedBy(key: string, text: unknown): text is string {
  return typeof text === 'string' && key === `apq:${hash('sha256', text)}`;
}
