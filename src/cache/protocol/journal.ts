/**
 * The log of invalidations, as the rest of the cache sees it: where a load gets its stamp, an entry its check, and an
 * invalidation its place. `bus.ts` is the one that pods share through Redis; the embedded one here is this process's alone.
 */
import { randomUUID } from 'node:crypto';
import { type Dep, Ledger } from './ledger.js';

/** How the pods of the fleet took an invalidation. When it is applied, live = acknowledged + expired. */
export interface PodAcks {
  readonly live: number;
  readonly acknowledged: number;
  /** Did not answer, but its lease is over, so it serves nothing from the cache. */
  readonly expired: number;
}

export interface Journal {
  readonly ledger: Ledger;
  /** Whether entries may be served now: this pod provably hears every invalidation. */
  trusted(): boolean;
  /** Waits for a sync that is under way, `deadlineMs` at most, and tells whether entries may be served then. */
  whenTrusted(deadlineMs: number): Promise<boolean>;
  /** When the last sync that succeeded was sent, on `performance.now()`'s scale; undefined before the first. */
  readonly lastSyncAt: number | undefined;
  /** Milliseconds of Redis's clock; decides ages only, never whether an entry was invalidated. */
  nowMs(): number;
  /** Writes deps into the log. Rejects when that is not known to have happened. */
  append(deps: readonly Dep[]): Promise<Appended>;
}

export interface Appended {
  /** Resolves when no pod can serve what was invalidated any more. */
  readonly applied: Promise<PodAcks>;
}

/** The journal of a process that is alone: every invalidation is applied at once. */
export class EmbeddedJournal implements Journal {
  readonly ledger = new Ledger();
  /** There is nobody to sync with. */
  readonly lastSyncAt = undefined;

  constructor() {
    this.ledger.reset(randomUUID(), 0);
  }

  trusted(): boolean {
    return true;
  }

  whenTrusted(): Promise<boolean> {
    return Promise.resolve(true);
  }

  nowMs(): number {
    return performance.now();
  }

  append(deps: readonly Dep[]): Promise<Appended> {
    this.ledger.add(this.ledger.applied + 1, deps);
    return Promise.resolve({ applied: Promise.resolve({ live: 1, acknowledged: 1, expired: 0 }) });
  }
}
