/** The history of a process without Redis. */
import { LRUCache } from 'lru-cache';
import type { Invalidation } from '../invalidation.js';
import { type History, HISTORY_KEPT_MS, MAX_HISTORY } from './history.js';

export class MemoryHistory implements History {
  readonly #invalidations = new LRUCache<string, Invalidation>({ max: MAX_HISTORY, ttl: HISTORY_KEPT_MS });

  put(invalidation: Invalidation): Promise<void> {
    this.#invalidations.set(invalidation.id, invalidation);
    return Promise.resolve();
  }

  list(first: number): Promise<readonly Invalidation[]> {
    const newestFirst = [...this.#invalidations.values()].sort((a, b) => b.requestedAt.getTime() - a.requestedAt.getTime());
    return Promise.resolve(newestFirst.slice(0, first));
  }
}
