/** Whole responses in Redis, past Keyv, which knows no bytes: on its connection, under the same prefix. */
import { type BodyEntry, packBody, unpackBody } from '../body.js';
import type { RedisStore } from './redis-store.js';

export class BodyStore {
  readonly #store: RedisStore;
  readonly #prefix: string;

  constructor(store: RedisStore, prefix: string) {
    this.#store = store;
    this.#prefix = prefix;
  }

  /** In the order of the keys; undefined for what is not there, or not readable. */
  async getMany(keys: readonly string[]): Promise<(BodyEntry | undefined)[]> {
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
