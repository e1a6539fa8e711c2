/** Counts the keys in Redis. That walks all of it, so the whole fleet counts at most once in 30 seconds. */
import type { Cluster, Redis } from 'ioredis';
import { z } from 'zod';
import { withDeadline } from '../budget/deadline.js';
import type { KeySpace } from '../purge/key-space.js';
import type { KeyCount, KeyCounter } from './key-count.js';

const KEPT_MS = 30_000;
/** How long a count that is under way keeps others from beginning one. */
const CLAIM_MS = 5_000;
/** How long `cacheStats` waits for a count; one that takes longer is there for the next who asks. */
const WAIT_MS = 2_000;
const POLL_MS = 50;
const countSchema = z.object({ keys: z.number(), countedAt: z.coerce.date() });

export class RedisKeyCounter implements KeyCounter {
  readonly #client: Redis | Cluster;
  readonly #key: string;
  readonly #keySpace: KeySpace;

  constructor(client: Redis | Cluster, prefix: string, keySpace: KeySpace) {
    this.#client = client;
    this.#key = `${prefix}{bus}keys`;
    this.#keySpace = keySpace;
  }

  async count(): Promise<KeyCount | undefined> {
    const giveUpAt = performance.now() + WAIT_MS;
    return withDeadline(this.#countOrWait(giveUpAt), WAIT_MS).catch(() => undefined); // stats are worth having without this figure
  }

  async #countOrWait(giveUpAt: number): Promise<KeyCount | undefined> {
    while (performance.now() < giveUpAt) {
      const known = await this.#client.get(this.#key);
      const count = known === null ? undefined : countSchema.safeParse(JSON.parse(known)).data;
      if (count !== undefined) return count;
      if (known === null && (await this.#client.set(this.#key, '{}', 'PX', CLAIM_MS, 'NX')) !== null) return this.#countNow();
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return undefined;
  }

  async #countNow(): Promise<KeyCount> {
    const count: KeyCount = { keys: await this.#keySpace.count('*'), countedAt: new Date() };
    await this.#client.set(this.#key, JSON.stringify(count), 'PX', KEPT_MS);
    return count;
  }
}
