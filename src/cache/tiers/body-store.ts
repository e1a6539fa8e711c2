/** Whole responses in Redis, past Keyv, which knows no bytes: on its connection, under the same prefix. */
import DataLoader from 'dataloader';
import { type BodyEntry, packBody, unpackBody } from '../body.js';
import type { RedisStore } from './redis-store.js';

/** How many who ask share one MGET: Redis does nothing else meanwhile. */
const MAX_READS = 64;

type Found = (BodyEntry | undefined)[];

export class BodyStore {
  readonly #store: RedisStore;
  readonly #prefix: string;
  /** Not by key: most requests ask for two, and a promise for each would cost more than finding those that are asked for twice. */
  readonly #reads = new DataLoader<readonly string[], Found>((reads) => this.#readTogether(reads), {
    cache: false,
    maxBatchSize: MAX_READS,
    batchScheduleFn: (read) => setImmediate(read),
  });

  constructor(store: RedisStore, prefix: string) {
    this.#store = store;
    this.#prefix = prefix;
  }

  /**
   * In the order of the keys; undefined for what is not there, or not readable. One MGET for all who ask in one turn of the event loop,
   * in which no key is asked for twice.
   */
  getMany(keys: readonly string[]): Promise<Found> {
    // There, one master that fails would fail those who ask for keys of others.
    return this.#store.isSpread ? this.#read(keys) : this.#reads.load(keys);
  }

  async #readTogether(reads: readonly (readonly string[])[]): Promise<Found[]> {
    const keys = [...new Set(reads.flat())];
    const found = await this.#read(keys);
    const byKey = new Map(keys.map((key, i) => [key, found[i]]));
    return reads.map((asked) => asked.map((key) => byKey.get(key)));
  }

  async #read(keys: readonly string[]): Promise<Found> {
    const found = await this.#store.getBuffers(keys.map((key) => this.#prefix + key));
    return found.map((packed) => (packed === null ? undefined : unpackBody(packed)));
  }

  async delete(key: string): Promise<void> {
    await this.#store.deleteBuffer(this.#prefix + key);
  }

  async set(key: string, entry: BodyEntry, ttlMs: number): Promise<void> {
    await this.#store.setBuffer(this.#prefix + key, packBody(entry), ttlMs);
  }
}
