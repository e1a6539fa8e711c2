/**
 * The Keyv store of a process without Redis: texts in this process's memory, bounded by bytes, each with a time to live.
 * Also its key space, so that cache administration reads one interface.
 */
import { EventEmitter } from 'node:events';
import type { KeyvEntry, KeyvStoreAdapter } from 'keyv';
import { LRUCache } from 'lru-cache';
import type { Entry } from '../entry.js';
import { stringBytes } from './heap-bytes.js';

/** What an entry costs beside its key and value, as measured for lru-cache on V8. */
const ENTRY_OVERHEAD_BYTES = 200;

/** A whole response, which is kept as it is handed out. */
export interface StoredBody {
  readonly entry: Entry;
  /** What it would take in Redis. */
  readonly bytes: number;
}

export class EmbeddedStore extends EventEmitter implements KeyvStoreAdapter {
  readonly opts: Record<string, never> = {};
  readonly #entries: LRUCache<string, string | StoredBody>;

  constructor(maxBytes: number) {
    super();
    this.#entries = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: (value, key) => sizeOf(value) + stringBytes(key) + ENTRY_OVERHEAD_BYTES,
    });
  }

  get bytes(): number {
    return this.#entries.calculatedSize;
  }

  get size(): number {
    return this.#entries.size;
  }

  get<Value>(key: string): Promise<Value | undefined> {
    return Promise.resolve(this.#entries.get(key) as Value | undefined);
  }

  getMany<Value>(keys: string[]): Promise<(Value | undefined)[]> {
    return Promise.resolve(keys.map((key) => this.#entries.get(key) as Value | undefined));
  }

  /** @param ttl milliseconds; without one the entry stays until it is pushed out. */
  set(key: string, value: string, ttl?: number): Promise<boolean> {
    this.#entries.set(key, value, ttl === undefined ? {} : { ttl });
    return Promise.resolve(true);
  }

  async setMany(entries: KeyvEntry[]): Promise<void> {
    for (const { key, value, ttl } of entries) await this.set(key, value as string, ttl);
  }

  delete(key: string): Promise<boolean> {
    return Promise.resolve(this.#entries.delete(key));
  }

  deleteMany(keys: string[]): Promise<boolean> {
    return Promise.resolve(keys.map((key) => this.#entries.delete(key)).some(Boolean));
  }

  has(key: string): Promise<boolean> {
    return Promise.resolve(this.#entries.has(key));
  }

  clear(): Promise<void> {
    this.#entries.clear();
    return Promise.resolve();
  }

  /** The keys that have not expired, in no promised order. */
  *keys(): Generator<string> {
    for (const key of this.#entries.keys()) if (this.#entries.has(key)) yield key;
  }

  /** A whole response. */
  getBody(key: string): StoredBody | undefined {
    const value = this.#entries.get(key);
    return typeof value === 'string' ? undefined : value;
  }

  setBody(key: string, body: StoredBody, ttlMs: number): void {
    this.#entries.set(key, body, { ttl: ttlMs });
  }

  /** The stored text, without counting as a use. */
  peek(key: string): string | StoredBody | undefined {
    return this.#entries.peek(key);
  }

  remainingTtlMs(key: string): number {
    return this.#entries.getRemainingTTL(key);
  }
}

function sizeOf(value: string | StoredBody): number {
  return typeof value === 'string' ? stringBytes(value) : value.bytes;
}
