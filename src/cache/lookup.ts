/** What a look-up through the cache is made of, and what it answers. */
import type { Budget } from './budget/budget.js';
import type { NamespaceCounters } from './stats/counters.js';

/** Jitter takes off up to this share of a time to live, so that what was loaded together doesn't expire together. */
export const JITTER = 0.1;

/** A first part of cache keys, with how long its entries live. Keys are `<name>:<id>`. */
export interface Namespace {
  readonly name: string;
  /** Raised when the shape of the values changes; an entry of another version is a miss. */
  readonly valueVersion: number;
  /** How long a value is fresh; jitter only shortens it, by up to 10 %. */
  readonly ttlSeconds: number;
  /** How long an absence is fresh. */
  readonly negativeTtlSeconds: number;
  /** How long after expiry a value (never an absence) may stand in while the source is down; 0 = not at all. */
  readonly graceSeconds: number;
}

/** What a source says of one id. `value: null` is an absence, which is cached too. */
export interface Loaded<V> {
  readonly value: V | null;
  /** What the answer depends on beside its own key, e.g. `device:<id>`. */
  readonly tags: readonly string[];
}

/** What the cache says of one id. */
export interface Found<V> {
  readonly value: V | null;
  /** The entry's own key and its tags, for `RequestScope.touched`. */
  readonly deps: readonly string[];
  /** Milliseconds for which it is still fresh; what is built from it must live no longer. */
  readonly freshForMs: number;
  /** Only when the source is down and this stands in: seconds since it was loaded. */
  readonly staleAgeSeconds?: number;
}

/** Asks the source for all ids at once. An id that is not in the map was not answered and is treated as an error. */
export type BatchLoad<V> = (ids: readonly string[]) => Promise<ReadonlyMap<string, Loaded<V>>>;

/** One batch that is looked up. `counts` are this batch's alone, and complete when its look-up has ended. */
export interface ObservedLookup {
  readonly namespace: string;
  /** How many keys it asks for. */
  readonly keys: number;
  readonly counts: Readonly<NamespaceCounters>;
}

/** Called around each batch; settles as `lookUp` does, which it must call at once. */
export type LookupObserver = <T>(lookup: ObservedLookup, lookUp: () => Promise<T>) => Promise<T>;

export interface CacheReader {
  /**
   * Looks ids (unique) of one namespace up: one MGET, one load of what is missing, one pipelined write. Redis can't fail it. What
   * `load` rejects with is thrown by `get` for the ids that it concerns; it rejects with it when nothing else was cached.
   */
  getMany<V>(
    namespace: Namespace,
    ids: readonly string[],
    budget: Budget,
    load: BatchLoad<V>,
  ): Promise<ReadonlyMap<string, Found<V>>>;
}

export function keyOf(namespace: Pick<Namespace, 'name'>, id: string): string {
  return `${namespace.name}:${id}`;
}
