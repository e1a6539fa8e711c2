/**
 * The Keyv store on Redis: @keyv/redis with its Many operations through the client itself. As shipped they are one transaction
 * each, and on a Cluster the first MOVED or ASK fails whole batches for good; node-redis's own cluster client follows both.
 */
import KeyvRedis from '@keyv/redis';
import calculateSlot from 'cluster-key-slot';
import type { KeyvEntry } from 'keyv';

/** What is used of a node-redis client. Compared with the client's own types, the compiler would take half a minute longer. */
export interface ValueClient {
  mGet(keys: string[]): Promise<(string | null)[]>;
  set(key: string, value: string | Buffer, options: { PX?: number }): Promise<unknown>;
  unlink(key: string): Promise<number>;
  withTypeMapping(mapping: typeof BUFFERS): { mGet(keys: string[]): Promise<(Buffer | null)[]> };
}

/** RESP's type of a bulk string, `$`, as Buffer. */
const BUFFERS = { 0x24: Buffer };

export interface ValueConnection {
  readonly kind: 'single' | 'sentinel' | 'cluster';
  /** Already connecting: @keyv/redis would wait for a connection, and a request must not. */
  readonly client: ValueClient;
}

export class RedisStore extends KeyvRedis<string> {
  /** Whether keys are spread over several masters, each of which can fail alone. */
  readonly isSpread: boolean;
  readonly #connection: ValueConnection;
  readonly #buffers: ReturnType<ValueClient['withTypeMapping']>;

  constructor(connection: ValueConnection) {
    super(connection.client as never, { keyPrefixSeparator: '', throwOnErrors: true });
    this.#connection = connection;
    this.isSpread = connection.kind === 'cluster';
    this.#buffers = connection.client.withTypeMapping(BUFFERS);
  }

  /** One MGET; on a Cluster one per slot, pipelined to each master in parallel. Rejects as a whole. */
  override async getMany<Value>(keys: string[]): Promise<(Value | undefined)[]> {
    const found = await this.#mGet(
      this.#connection.client,
      keys.map((key) => this.#redisKey(key)),
    );
    return found.map((reply) => (reply === null ? undefined : (reply as Value))); // Keyv says undefined for what isn't there
  }

  /** The same as bytes. @param redisKeys with their prefix. */
  getBuffers(redisKeys: readonly string[]): Promise<(Buffer | null)[]> {
    return this.#mGet(this.#buffers, redisKeys);
  }

  async deleteBuffer(redisKey: string): Promise<void> {
    await this.#connection.client.unlink(redisKey);
  }

  async setBuffer(redisKey: string, value: Buffer, ttlMs: number): Promise<void> {
    await this.#connection.client.set(redisKey, value, { PX: Math.ceil(ttlMs) });
  }

  async #mGet<Reply>(
    client: { mGet(keys: string[]): Promise<(Reply | null)[]> },
    redisKeys: readonly string[],
  ): Promise<(Reply | null)[]> {
    if (!this.isSpread) return client.mGet([...redisKeys]);
    const found = new Map<string, Reply | null>();
    await Promise.all(
      groupBySlot(redisKeys).map(async (slotKeys) => {
        const replies = await client.mGet(slotKeys);
        for (const [i, key] of slotKeys.entries()) found.set(key, replies[i] ?? null);
      }),
    );
    return redisKeys.map((key) => found.get(key) ?? null);
  }

  /** One flight of pipelined SETs; each may fail alone, and then all reject once the others are through. */
  override async setMany(entries: KeyvEntry[]): Promise<void> {
    const { client } = this.#connection;
    const results = await Promise.allSettled(
      entries.map(({ key, value, ttl }) =>
        client.set(this.#redisKey(key), value as string, ttl === undefined ? {} : { PX: Math.ceil(ttl) }),
      ),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  override async deleteMany(keys: string[]): Promise<boolean> {
    const { client } = this.#connection;
    const removed = await Promise.all(keys.map((key) => client.unlink(this.#redisKey(key))));
    return removed.some((count) => count > 0);
  }

  #redisKey(key: string): string {
    return this.createKeyPrefix(key, this.namespace);
  }
}

function groupBySlot(keys: readonly string[]): string[][] {
  const groups = new Map<number, string[]>();
  for (const key of keys) {
    const slot = calculateSlot(key);
    const group = groups.get(slot);
    if (group === undefined) groups.set(slot, [key]);
    else group.push(key);
  }
  return [...groups.values()];
}
