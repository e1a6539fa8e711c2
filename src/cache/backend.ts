/** The parts of the cache that differ between a fleet on Redis and a process on its own; everything else is the same code. */
import type { Keyv } from 'keyv';
import type { History } from './history/history.js';
import type { Journal } from './protocol/journal.js';
import type { Locks } from './protocol/locks.js';
import type { KeySpace, NamespaceNames } from './purge/key-space.js';
import type { Results } from './results/results.js';
import type { Counters } from './stats/counters.js';
import type { KeyCounter } from './stats/key-count.js';
import type { Fleet } from './stats/fleet.js';
import type { RedisInfo } from './stats/redis-info.js';
import type { PodSnapshot } from './stats/snapshot.js';
import type { BodyStore } from './tiers/body-store.js';
import type { L1, Memory } from './tiers/l1.js';

/** What a backend is built from. */
export interface BackendOptions {
  /** Before every Redis key. */
  readonly prefix: string;
  readonly names: NamespaceNames;
  readonly counters: Counters;
  readonly podName: string;
  /** Bytes of this process's memory, with key and overhead of each entry counted. */
  readonly l1MaxBytes: number;
  /** Told when the pod begins and ceases to use the cache, and why. */
  readonly onLease: (held: boolean, reason?: unknown) => void;
  /** Told of failures of Redis; requests don't see them. */
  readonly onError: (error: unknown) => void;
}

/** What the bus wants of the pod that it serves. */
export interface PodHooks {
  /** Appends everything that is on record as not yet applied; called before anything is trusted. */
  readonly drain: () => Promise<void>;
  /** This pod's figures, for another that asks. */
  readonly snapshot: () => PodSnapshot;
}

export interface Backend {
  /** `l1`: values are in this process's memory; `l2`: in Redis. */
  readonly tier: 'l1' | 'l2';
  readonly journal: Journal;
  readonly values: Keyv;
  readonly keySpace: KeySpace;
  readonly keyCounter: KeyCounter;
  readonly results: Results;
  readonly history: History;
  /** This pod's memory in front of Redis; undefined where `values` is memory already. */
  readonly l1: L1 | undefined;
  /** Where whole responses are in this process's memory. */
  readonly bodies: Memory;
  /** Where they are in Redis. */
  readonly bodyStore: BodyStore | undefined;
  /** Who loads a cold key; undefined where nobody else could. */
  readonly locks: Locks | undefined;
  readonly fleet: Fleet;
  /** What this process keeps in its memory. */
  memory(): { readonly entries: number; readonly bytes: number };
  /** Null where there is no Redis, or it can't be asked now. */
  redisInfo(): Promise<RedisInfo | null>;
  /** Serves nothing before what is on record has been applied. */
  distrust(reason: unknown): void;
  /** Begins to hear invalidations. Resolves when the cache is in use, or after a second at most. */
  start(hooks: PodHooks): Promise<void>;
  close(): Promise<void>;
}
