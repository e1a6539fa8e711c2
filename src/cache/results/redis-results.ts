/** The results of the fleet, so that any pod can tell. */
import type { Cluster, Redis } from 'ioredis';
import { z } from 'zod';
import { type Invalidation, parseInvalidation } from '../invalidation.js';
import { RESULT_KEPT_MS, type Results } from './results.js';

const idSchema = z.uuid();

export class RedisResults implements Results {
  readonly #client: Redis | Cluster;
  readonly #prefix: string;

  constructor(client: Redis | Cluster, prefix: string) {
    this.#client = client;
    this.#prefix = `${prefix}{bus}done:`;
  }

  async put(invalidation: Invalidation): Promise<void> {
    await this.#client.set(this.#prefix + invalidation.id, JSON.stringify(invalidation), 'PX', RESULT_KEPT_MS);
  }

  async get(id: string): Promise<Invalidation | null> {
    if (!idSchema.safeParse(id).success) return null;
    const text = await this.#client.get(this.#prefix + id);
    return text === null ? null : parseInvalidation(text);
  }
}
