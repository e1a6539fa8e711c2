/** The results of the fleet, so that any pod can tell. */
import type { Cluster, Redis } from 'ioredis';
import { z } from 'zod';
import type { Invalidation } from '../invalidation.js';
import { RESULT_KEPT_MS, type Results } from './results.js';

const idSchema = z.uuid();
const podsSchema = z.object({ live: z.number(), acknowledged: z.number(), expired: z.number() });
const resultSchema = z.object({
  id: z.string(),
  status: z.enum(['APPLIED', 'PENDING', 'DRY_RUN']),
  pattern: z.string().nullable(),
  matched: z.number().nullable(),
  removed: z.number().nullable(),
  requestedAt: z.coerce.date(),
  appliedAt: z.coerce.date().nullable(),
  elapsedMs: z.number(),
  pods: podsSchema.nullable(),
});

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
    return text === null ? null : parseResult(text);
  }
}

/** Null for what a pod of another version, or anybody else, wrote there. */
function parseResult(text: string): Invalidation | null {
  try {
    return resultSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null; // not JSON
  }
}
