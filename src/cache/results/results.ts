/** What became of invalidations that were applied, for an hour: what `cacheInvalidation(id)` reads. */
import type { Invalidation } from '../invalidation.js';

export const RESULT_KEPT_MS = 3_600_000;

export interface Results {
  put(invalidation: Invalidation): Promise<void>;
  /** Null when there is none (any more). Rejects when Redis can't be asked. */
  get(id: string): Promise<Invalidation | null>;
}
