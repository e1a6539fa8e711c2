/** The results of a process without Redis. */
import { LRUCache } from 'lru-cache';
import type { Invalidation } from '../invalidation.js';
import { RESULT_KEPT_MS, type Results } from './results.js';

const MAX_RESULTS = 1_000;

export class MemoryResults implements Results {
  readonly #results = new LRUCache<string, Invalidation>({ max: MAX_RESULTS, ttl: RESULT_KEPT_MS });

  put(invalidation: Invalidation): Promise<void> {
    this.#results.set(invalidation.id, invalidation);
    return Promise.resolve();
  }

  get(id: string): Promise<Invalidation | null> {
    return Promise.resolve(this.#results.get(id) ?? null);
  }
}
