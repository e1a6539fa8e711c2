/**
 * Where Apollo Server keeps automatic persisted queries: texts under `apq:<SHA-256 of the text>`, in the Keyv that all pods share.
 * Never fails or holds up a request, never hands out a text that is not the one its key names, and never grows without limit.
 */
import { hash } from 'node:crypto';
import type { ApolloServerPlugin } from '@apollo/server';
import { KeyvAdapter } from '@apollo/utils.keyvadapter';
import type { KeyValueCache, KeyValueCacheSetOptions } from '@apollo/utils.keyvaluecache';
import { LRUCache } from 'lru-cache';
import { Budget, type Cache } from '../cache/cache.js';
import type { RequestScope } from '../request.js';

/** How long a text is kept. Clients register it again by themselves, at the price of one more round trip. */
export const APQ_TTL_SECONDS = 3_600;

/** New texts that one process stores in a minute, since anybody may register some. What is not stored is sent in full again. */
export const APQ_STORES_PER_MINUTE = 60;

/** Longer texts are not stored; a document of 5,000 tokens that a person wrote is shorter. */
export const APQ_MAX_TEXT_BYTES = 65_536;

const KEY = /^apq:[0-9a-f]{64}$/;

/** Hashes that were announced and not asked for, at most. */
const MAX_ANNOUNCED = 1_000;

/** Apollo Server's cache, which is asked with a hash and nothing else. */
export class ApqCache implements KeyValueCache {
  readonly #cache: Pick<Cache, 'guarded'>;
  readonly #texts: KeyValueCache;
  readonly #budgetMs: number;
  readonly #budgets = new LRUCache<string, Budget>({ max: MAX_ANNOUNCED });
  #minute = 0;
  #storedInMinute = 0;

  /** @param budgetMs for whom no request has announced itself. */
  constructor(cache: Pick<Cache, 'values' | 'guarded'>, budgetMs: number) {
    this.#cache = cache;
    // The cast: Keyv's class is declared twice, with private members. Batched, one failing read would fail all of its batch.
    this.#texts = new KeyvAdapter(cache.values as never, { disableBatchReads: true });
    this.#budgetMs = budgetMs;
  }

  /** Announces which request will ask for a hash, so that it costs that one's budget. Of two at once the later pays. */
  plugin(): ApolloServerPlugin<{ readonly request: Pick<RequestScope, 'cacheBudget'> }> {
    return {
      requestDidStart: ({ request: { query, extensions }, contextValue }) => {
        const { sha256Hash } = (extensions?.persistedQuery ?? {}) as { readonly sha256Hash?: string };
        if (query === undefined && sha256Hash !== undefined)
          this.#budgets.set(`apq:${sha256Hash}`, contextValue.request.cacheBudget);
        return Promise.resolve();
      },
    };
  }

  /** Undefined, which the client is told as `PersistedQueryNotFound`, also for what is no hash at all. */
  get(key: string): Promise<string | undefined> {
    if (!KEY.test(key)) return Promise.resolve(undefined);
    const budget = this.#budgets.get(key) ?? new Budget(this.#budgetMs);
    this.#budgets.delete(key);
    return this.#cache.guarded('apq', budget, async () => {
      const text = await this.#texts.get(key);
      return isNamedBy(key, text) ? text : undefined;
    });
  }

  /** Not awaited by Apollo Server, and a failure costs nobody more than a text sent again. */
  async set(key: string, text: string, options?: KeyValueCacheSetOptions): Promise<void> {
    if (!KEY.test(key) || Buffer.byteLength(text) > APQ_MAX_TEXT_BYTES || !this.#mayStore()) return;
    await this.#texts.set(key, text, options).catch(() => undefined);
  }

  delete(key: string): ReturnType<KeyValueCache['delete']> {
    return this.#texts.delete(key);
  }

  #mayStore(): boolean {
    const now = Math.floor(performance.now() / 60_000);
    if (now !== this.#minute) [this.#minute, this.#storedInMinute] = [now, 0];
    return this.#storedInMinute++ < APQ_STORES_PER_MINUTE;
  }
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
