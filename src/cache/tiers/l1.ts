/**
 * This pod's memory in front of Redis, bounded by bytes. What is here is checked against the log of invalidations like everything
 * else, but only once for each news: while nothing was heard, a look-up is two comparisons.
 */
import { LRUCache } from 'lru-cache';
import { type Entry, servedForMs } from '../entry.js';
import type { Ledger } from '../protocol/ledger.js';
import { stringBytes, valueBytes } from './heap-bytes.js';

/** What an entry costs beside its key and value, as measured for lru-cache on V8. */
const ENTRY_OVERHEAD_BYTES = 200;

/** Entries in this process's memory, each checked when it is asked for. */
export interface Memory {
  /** An entry that was not invalidated. It may be past its time, and the pod's lease is for the caller to look at. */
  get(key: string): Entry | undefined;
  /**
   * @param graceSeconds how long it may stay after its time.
   * @param bytes that it takes; default: as of something that JSON.parse has made.
   */
  set(key: string, entry: Entry, graceSeconds: number, bytes?: number): void;
  delete(key: string): void;
  /** Whatever is there, judged by nobody, and without counting as a use. */
  peek(key: string): Entry | undefined;
}

interface Item {
  readonly entry: Entry;
  readonly bytes: number;
  /** The revision of the ledger at which it was last found servable. */
  servableAt: number;
}

export class L1 implements Memory {
  readonly #items: LRUCache<string, Item>;
  readonly #ledger: Ledger;
  readonly #nowMs: () => number;

  /** @param nowMs Redis's clock, as the journal knows it. */
  constructor(maxBytes: number, ledger: Ledger, nowMs: () => number) {
    this.#items = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: ({ bytes }, key) => bytes + stringBytes(key) + ENTRY_OVERHEAD_BYTES,
    });
    this.#ledger = ledger;
    this.#nowMs = nowMs;
  }

  get bytes(): number {
    return this.#items.calculatedSize;
  }

  get size(): number {
    return this.#items.size;
  }

  get(key: string): Entry | undefined {
    const item = this.#items.get(key);
    if (item === undefined) return undefined;
    if (item.servableAt !== this.#ledger.revision) {
      if (!this.#ledger.servable(item.entry)) {
        this.#items.delete(key);
        return undefined;
      }
      item.servableAt = this.#ledger.revision;
    }
    return item.entry;
  }

  set(key: string, entry: Entry, graceSeconds: number, bytes = valueBytes(entry)): void {
    const keepMs = servedForMs(entry, this.#nowMs()) + (entry.x === null ? 0 : graceSeconds * 1000);
    if (keepMs <= 0) return;
    this.#items.set(key, { entry, bytes, servableAt: -1 }, { ttl: keepMs });
  }

  peek(key: string): Entry | undefined {
    return this.#items.peek(key)?.entry;
  }

  /** Whether there is anything, servable or not. False after `set` for what is larger than all of it. */
  has(key: string): boolean {
    return this.#items.has(key);
  }

  delete(key: string): void {
    this.#items.delete(key);
  }
}
