/**
 * The cache's front door, and all that others import of `cache/`. It knows no GraphQL, HTTP or device.
 *
 * The log of invalidations is the whole bookkeeping. Every pod hears every invalidation within a lease, keeps the recent ones in
 * memory, and checks every entry against them with one function, synchronously, as the last step before the value is handed over:
 *
 *     servable(entry) = this pod holds its lease, the entry's version and epoch are mine,
 *                       and nothing that the entry depends on was invalidated after the stamp of its load
 *
 * So a read is one plain MGET, patterns are ordinary log entries, and a value is never trusted for being there: a fill that comes
 * too late, from whichever pod, is unservable for good.
 *
 *     read        reader.ts → tiers/ (Keyv → Redis, or this process's memory) → the check → loads.ts → the source → a fill
 *     invalidate  invalidations.ts → protocol/ (append to the log, wait for every pod) → purge/ (free memory)
 *     fails       outbox/ keeps what Redis did not take; the lease is the breaker, budget/ bounds what a request waits
 *
 * `docs/concepts/` has a page on each; the protocol was checked by a model, with every part taken away in turn.
 */
import type { Keyv } from 'keyv';
import type { Backend } from './backend.js';
import { Bodies } from './bodies.js';
import type { Budget } from './budget/budget.js';
import { withDeadline } from './budget/deadline.js';
import { type BreakerState, ReadPause } from './budget/pause.js';
import { createEmbeddedBackend } from './embedded-backend.js';
import { type Explanation, explain, type KeyKind } from './explanation.js';
import type { Asked, Invalidation } from './invalidation.js';
import { type CacheWriter, Invalidations } from './invalidations.js';
import type { BatchLoad, CacheReader, Found, LookupObserver, Namespace } from './lookup.js';
import type { Outbox } from './outbox/outbox.js';
import type { Dep } from './protocol/ledger.js';
import { type EntryPage, NamespaceNames } from './purge/key-space.js';
import { Reader } from './reader.js';
import type { RedisClients } from './redis-backend.js';
import { Counters, type NamespaceCounters, tallyOf } from './stats/counters.js';
import type { CacheFigures, CacheSnapshot, CacheStatus, PodSnapshot } from './stats/snapshot.js';

export type { Begun, Bodies, BodyHit } from './bodies.js';
export { BODY_VERSION, type BodyEntry, bodyEntry } from './body.js';
export { Budget } from './budget/budget.js';
export { DeadlineError, withDeadline } from './budget/deadline.js';
export type { BreakerState } from './budget/pause.js';
export type { Explanation, KeyKind } from './explanation.js';
export { MAX_HISTORY } from './history/history.js';
export type { Asked, Invalidation } from './invalidation.js';
export { type CacheWriter, InvalidationLostError } from './invalidations.js';
export {
  type BatchLoad,
  type CacheReader,
  type Found,
  JITTER,
  type Loaded,
  type LookupObserver,
  type Namespace,
} from './lookup.js';
export { MemoryOutbox } from './outbox/memory-outbox.js';
export { MongoOutbox } from './outbox/mongo-outbox.js';
export { type Outbox, OutboxError } from './outbox/outbox.js';
export { literalFirstSegment } from './protocol/glob.js';
export type { Dep } from './protocol/ledger.js';
export { freshForMs } from './entry.js';
export type { EntryInfo, EntryPage } from './purge/key-space.js';
export type { RedisClients } from './redis-backend.js';
export { type CounterName, COUNTERS, type NamespaceCounters, REDIS_OPERATIONS, type RedisOperation } from './stats/counters.js';
export type { CacheFigures, CacheSnapshot, CacheStatus, PodSnapshot } from './stats/snapshot.js';
export type { RedisInfo } from './stats/redis-info.js';
export type { ValueClient, ValueConnection } from './tiers/redis-store.js';

export interface CacheOptions {
  /** Undefined: everything is kept in this process's memory. */
  readonly redis: RedisClients | undefined;
  /** Before every Redis key. */
  readonly prefix: string;
  /** Every namespace that may occur; a key of any other is not ours. */
  readonly namespaces: readonly string[];
  /** Bytes of this process's memory, with key and overhead of each entry counted. */
  readonly l1MaxBytes: number;
  readonly podName: string;
  readonly version: string;
  /** Told when the pod begins and ceases to use the cache, and why. */
  readonly onLease: (held: boolean, reason?: unknown) => void;
  /** Told of failures of Redis; requests don't see them. */
  readonly onError: (error: unknown) => void;
  /** Told of each invalidation that was asked of this pod, dry runs included, when it is answered. */
  readonly onInvalidation: (invalidation: Invalidation) => void;
  /** Where what Redis did not take is on record: in the devices' own database, or in memory, where they are. */
  readonly outbox: Outbox;
  /** Called around every batch that is looked up, for traces. */
  readonly observeLookup?: LookupObserver | undefined;
}

/** Builds the cache. Nothing is asked of Redis before `start`. */
export async function createCache(options: CacheOptions): Promise<Cache> {
  const names = new NamespaceNames(options.namespaces);
  const { redis, prefix, podName, l1MaxBytes, onLease, onError } = options;
  const counters = new Counters(options.namespaces);
  const probationBytes = Math.ceil(l1MaxBytes * PROBATION_SHARE);
  const mainBytes = Math.max(1, l1MaxBytes - probationBytes);
  const backendOptions = { prefix, podName, l1MaxBytes: mainBytes, names, counters, onLease, onError };
  const backend =
    redis === undefined
      ? createEmbeddedBackend(backendOptions)
      : (await import('./redis-backend.js')).createRedisBackend(redis, backendOptions);
  return new Cache(options, { backend, names, counters, probationBytes, mainBytes });
}

/** How much of this process's memory is for responses that were asked for once. */
const PROBATION_SHARE = 0.1;
/** Pending invalidations that a snapshot shows, at most. */
const MAX_PENDING = 100;

export class Cache implements CacheReader, CacheWriter {
  readonly #options: CacheOptions;
  readonly #backend: Backend;
  readonly #names: NamespaceNames;
  readonly #pause = new ReadPause();
  readonly #counters: Counters;
  readonly #reader: Reader;
  readonly #invalidations: Invalidations;
  readonly #startedAt = new Date();

  /** Whole responses; for `response-cache/`. */
  readonly bodies: Bodies;

  constructor(
    options: CacheOptions,
    parts: {
      readonly backend: Backend;
      readonly names: NamespaceNames;
      readonly counters: Counters;
      readonly probationBytes: number;
      readonly mainBytes: number;
    },
  ) {
    const { backend, names, counters, probationBytes, mainBytes } = parts;
    this.#options = options;
    this.#backend = backend;
    this.#names = names;
    this.#invalidations = new Invalidations({ ...backend, names, outbox: options.outbox });
    this.#counters = counters;
    this.bodies = new Bodies({ backend, counters, pause: this.#pause, probationBytes, mainBytes });
    this.#reader = new Reader(backend, this.#counters, this.#pause);
  }

  /** The Keyv that all values live in; for Apollo's persisted queries, which read it through {@link guarded}. */
  get values(): Keyv {
    return this.#backend.values;
  }

  get status(): CacheStatus {
    if (this.#backend.tier === 'l1') return 'EMBEDDED';
    return this.#breaker() === 'OPEN' ? 'DEGRADED' : 'CONNECTED';
  }

  /** Begins to hear invalidations. Resolves when the cache is in use, or after a second at most: it comes into use by itself. */
  async start(): Promise<void> {
    await this.#backend.start({ drain: () => this.#invalidations.drain(), snapshot: () => this.#podSnapshot() });
    this.#invalidations.start();
  }

  /** Stops using the cache. The connections are for whoever opened them to close. */
  async close(): Promise<void> {
    await this.#invalidations.close();
    await this.#backend.close();
  }

  getMany<V>(
    namespace: Namespace,
    ids: readonly string[],
    budget: Budget,
    load: BatchLoad<V>,
  ): Promise<ReadonlyMap<string, Found<V>>> {
    const { observeLookup } = this.#options;
    if (observeLookup === undefined || ids.length === 0) return this.#reader.getMany(namespace, ids, budget, load);
    const counts = tallyOf(this.#counters.of(namespace.name));
    return observeLookup({ namespace: namespace.name, keys: ids.length, counts }, () =>
      this.#reader.getMany(namespace, ids, budget, load, counts),
    );
  }

  async change<T>(
    deps: readonly string[],
    change: () => Promise<T>,
    alsoStale?: (result: T) => readonly string[],
  ): Promise<{ result: T; invalidation: Invalidation }> {
    const changed = await this.#invalidations.change(deps, change, alsoStale);
    this.#options.onInvalidation(changed.invalidation);
    return changed;
  }

  /** Makes everything with one of the tags or keys unservable. Rejects with `InvalidationLostError`. */
  invalidate(deps: readonly Dep[], asked: Asked = {}): Promise<Invalidation> {
    return this.#tell(this.#invalidations.invalidate(deps, asked));
  }

  /** Makes everything that matches the glob unservable and frees it. Rejects with `InvalidationLostError`. */
  invalidatePattern(pattern: string, asked: Asked = {}): Promise<Invalidation> {
    return this.#tell(this.#invalidations.invalidatePattern(pattern, asked));
  }

  /** Counts what `invalidatePattern` would free, and does nothing. */
  dryRun(pattern: string): Promise<Invalidation> {
    return this.#tell(this.#invalidations.dryRun(pattern));
  }

  /** What became of an invalidation; null when nobody knows any more. Rejects when Redis can't be asked. */
  findInvalidation(id: string): Promise<Invalidation | null> {
    return this.#invalidations.find(id);
  }

  /** What admins asked for in the last day, newest first, `first` at most. Rejects when Redis can't be asked. */
  history(first: number): Promise<readonly Invalidation[]> {
    return this.#invalidations.history(first);
  }

  /** One page of keys that match; undefined when `from` isn't a position of ours. Rejects when Redis can't be asked. */
  entries(pattern: string, first: number, from: string | undefined): Promise<EntryPage | undefined> {
    return this.#backend.keySpace.list(pattern, first, from);
  }

  /** Why a key is, or is not, answered from the cache by this pod. Changes and counts nothing. */
  explain(key: string, kind: KeyKind): Promise<Explanation> {
    const isSourceDown = (): boolean => this.#reader.isSourceDown;
    return explain({ backend: this.#backend, bodies: this.bodies, pause: this.#pause, isSourceDown }, key, kind);
  }

  /** What was counted of a namespace; for who counts look-ups that don't go through `getMany`. */
  countersOf(namespace: string): NamespaceCounters {
    return this.#counters.of(namespace);
  }

  /** The namespace of a logical key, or undefined when it is none of ours. */
  namespaceOf(key: string): string | undefined {
    return this.#names.of(key);
  }

  /** Runs one read of {@link values} within the budget; undefined when Redis fails it or is known to be out. */
  async guarded<T>(namespace: string, budget: Budget, read: () => Promise<T>): Promise<T | undefined> {
    const { journal, tier } = this.#backend;
    const counts = this.#counters.of(namespace);
    if (!journal.trusted() || budget.remainingMs === 0 || !this.#pause.admits(journal.lastSyncAt)) {
      counts.bypassed++;
      return undefined;
    }
    try {
      const value = await budget.spend((deadlineMs) => withDeadline(read(), deadlineMs));
      this.#pause.succeeded();
      counts[value === undefined ? 'misses' : (`${tier}Hits` as const)]++;
      return value;
    } catch {
      this.#pause.failed();
      this.#counters.failed('read', counts);
      counts.bypassed++;
      return undefined;
    }
  }

  /** The figures of the whole fleet, as far as Redis and the pods can be asked. */
  async snapshot(): Promise<CacheSnapshot> {
    const { keyCounter, fleet } = this.#backend;
    const [count, redis, { pods, complete }, pendingInvalidations] = await Promise.all([
      keyCounter.count(),
      this.#backend.redisInfo(),
      fleet.ask(() => this.#podSnapshot()),
      this.#invalidations.pending(MAX_PENDING).catch(() => []), // the database is away, and can't say
    ]);
    return {
      status: this.status,
      complete,
      prefix: this.#options.prefix,
      keys: count?.keys ?? null,
      keysCountedAt: count?.countedAt ?? null,
      redis,
      pods,
      pendingInvalidations,
    };
  }

  /** The figures of this pod alone, as it knows them: asks nobody. */
  figures(): CacheFigures {
    return {
      pod: this.#podSnapshot(),
      failures: this.#counters.failures,
      pendingInvalidations: this.#invalidations.pendingSeen,
    };
  }

  async #tell(work: Promise<Invalidation>): Promise<Invalidation> {
    const invalidation = await work;
    this.#options.onInvalidation(invalidation);
    return invalidation;
  }

  #podSnapshot(): PodSnapshot {
    const { podName, version, l1MaxBytes } = this.#options;
    const { journal } = this.#backend;
    const main = this.#backend.memory();
    const { probation } = this.bodies;
    return {
      id: podName,
      version,
      startedAt: this.#startedAt,
      l1Entries: main.entries + probation.entries,
      l1Bytes: main.bytes + probation.bytes,
      l1MaxBytes,
      leaseHeld: journal.trusted(),
      lagMs: journal.lastSyncAt === undefined ? null : Math.max(0, performance.now() - journal.lastSyncAt),
      breaker: this.#breaker(),
      namespaces: this.#counters.all(),
    };
  }

  #breaker(): BreakerState {
    const { journal } = this.#backend;
    return journal.trusted() ? this.#pause.state(journal.lastSyncAt) : 'OPEN';
  }
}
