/**
 * The keys that are there, for those who administrate them: counting, listing, freeing. Freeing saves memory only; what was
 * invalidated is unservable whether it is still there or not. Only keys of our namespaces exist for it: bookkeeping and whatever
 * else begins with the same characters is neither listed, counted nor removed.
 */

import type { Stored } from './stored.js';

/** One key as `cacheEntries` shows it. */
export interface EntryInfo {
  /** The logical key, without the prefix. */
  readonly key: string;
  /** Until it is stale; 0 while only grace keeps it. */
  readonly ttlSeconds: number;
  /** Of the stored value. */
  readonly bytes: number;
}

export interface EntryPage {
  readonly entries: readonly EntryInfo[];
  /** Where the next page begins; undefined at the end. Opaque to all but the key space that made it. */
  readonly next: string | undefined;
}

export interface KeySpace {
  /** How many keys match. */
  count(pattern: string): Promise<number>;
  /** Frees all that match, in small steps; yields how many were freed by each. */
  free(pattern: string): AsyncIterable<number>;
  /** Frees keys that are known by name. */
  freeKeys(keys: readonly string[]): Promise<void>;
  /**
   * One page of keys that match. A key that is there throughout a walk is listed at least once; a page may be short.
   * @param from `next` of the page before, as this method gave it; `undefined` to begin. Returns undefined when it isn't one.
   */
  list(pattern: string, first: number, from: string | undefined): Promise<EntryPage | undefined>;
  /** What stands under a key. Redis counts this as a use of it. */
  peek(key: string): Promise<Stored | undefined>;
}

/** Tells logical keys from everything else. */
export class NamespaceNames {
  readonly #names: ReadonlySet<string>;

  constructor(readonly names: readonly string[]) {
    this.#names = new Set(names);
  }

  /** The namespace that a logical key belongs to, or undefined when it is none of ours. */
  of(key: string): string | undefined {
    const name = key.slice(0, Math.max(0, key.indexOf(':')));
    return this.#names.has(name) ? name : undefined;
  }
}
