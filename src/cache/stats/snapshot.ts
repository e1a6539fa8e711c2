/** What the cache says of itself at a moment: the shapes behind `cacheStats`. */
import type { BreakerState } from '../budget/pause.js';
import type { Invalidation } from '../invalidation.js';
import type { NamespaceCounters, RedisOperation } from './counters.js';
import type { RedisInfo } from './redis-info.js';

/** CONNECTED: the cache is in use. DEGRADED: Redis can't be trusted now, answers come from the source. */
export type CacheStatus = 'CONNECTED' | 'DEGRADED' | 'EMBEDDED';

/** One pod's figures. */
export interface PodSnapshot {
  readonly id: string;
  readonly version: string;
  readonly startedAt: Date;
  readonly l1Entries: number;
  readonly l1Bytes: number;
  /** Null for a pod of a version that does not tell. */
  readonly l1MaxBytes: number | null;
  readonly leaseHeld: boolean;
  /** Since the last sync that succeeded was sent; null before the first. */
  readonly lagMs: number | null;
  readonly breaker: BreakerState;
  readonly namespaces: ReadonlyMap<string, Readonly<NamespaceCounters>>;
}

export interface CacheSnapshot {
  readonly status: CacheStatus;
  /** False when other pods could not be asked: the figures are then this pod's alone. */
  readonly complete: boolean;
  readonly prefix: string;
  readonly keys: number | null;
  readonly keysCountedAt: Date | null;
  readonly redis: RedisInfo | null;
  readonly pods: readonly PodSnapshot[];
  readonly pendingInvalidations: readonly Invalidation[];
}

/** What this pod knows without asking anybody: what `/metrics` shows. */
export interface CacheFigures {
  readonly pod: PodSnapshot;
  /** How often Redis failed what. */
  readonly failures: Readonly<Record<RedisOperation, number>>;
  /** Invalidations on record and not applied, when that was last looked at, some two seconds ago at most. */
  readonly pendingInvalidations: number;
}
