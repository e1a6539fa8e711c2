/** What became of one invalidation; the shape behind the GraphQL type `CacheInvalidation`. */
import type { PodAcks } from './protocol/journal.js';
import type { Dep } from './protocol/ledger.js';

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

export function newInvalidation(id: string, requestedAt: Date, deps: readonly Dep[] = []): Invalidation {
  const [only] = deps;
  const pattern = deps.length === 1 && typeof only === 'object' ? only.glob : null;
  return { id, status: 'PENDING', pattern, matched: null, removed: null, requestedAt, appliedAt: null, elapsedMs: 0, pods: null };
}

/** By a clock that only goes forward. */
export function now(): Date {
  return new Date(performance.timeOrigin + performance.now());
}

export function elapsedMs(invalidation: Pick<Invalidation, 'requestedAt'>): number {
  return Math.max(0, performance.timeOrigin + performance.now() - invalidation.requestedAt.getTime());
}
