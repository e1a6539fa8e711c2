/**
 * Who purged what: the administrative invalidations of the last day, so that whoever is on call can tell. For people only: nothing is
 * decided by it, and a purge neither waits for it nor fails because of it. Written by `invalidations.ts` once one is applied.
 */
import type { Invalidation } from '../invalidation.js';

export const HISTORY_KEPT_MS = 86_400_000;
export const MAX_HISTORY = 1_000;

export interface History {
  /** Adds an invalidation, or takes the place of what was said of it before. Rejects when Redis can't be asked. */
  put(invalidation: Invalidation): Promise<void>;
  /** Newest first. Rejects when Redis can't be asked. */
  list(first: number): Promise<readonly Invalidation[]>;
}
