/** What became of one invalidation; the shape behind the GraphQL type `CacheInvalidation`. */
import type { PodAcks } from './protocol/journal.js';

export interface Invalidation {
  readonly id: string;
  readonly status: 'APPLIED' | 'PENDING' | 'DRY_RUN';
  /** The glob, for an invalidation by pattern. */
  readonly pattern: string | null;
  /** Keys that matched; null for an invalidation by tag, while Redis can't be asked, and until the walk has ended. */
  readonly matched: number | null;
  /** Of those, freed so far. */
  readonly removed: number | null;
  readonly requestedAt: Date;
  readonly appliedAt: Date | null;
  readonly elapsedMs: number;
  readonly pods: PodAcks | null;
}
