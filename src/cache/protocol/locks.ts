/**
 * Who in the fleet loads a cold key: whoever claims it first; the others wait for what the winner stores. A lock that is lost, or
 * whose holder is dead, costs no more than a second load.
 */
import type { Cluster, Redis } from 'ioredis';

export interface Locks {
  /** Claims keys and tells which were won. Rejects when Redis can't be asked. */
  claim(keys: readonly string[]): Promise<ReadonlySet<string>>;
  release(keys: readonly string[]): Promise<void>;
  /** Whether anybody else has tried to claim it since it was claimed. */
  isWanted(key: string): Promise<boolean>;
  isClaimed(key: string): Promise<boolean>;
}

/** How long a dead loader holds others up, at most; they wait 250 ms anyway. */
const LOCK_MS = 2_000;
const WANTED = 'wanted';

/** A claim that was lost leaves word that somebody waits. */
const CLAIM = `#!lua
local won = {}
for i, key in ipairs(KEYS) do
  if redis.call('SET', key, ARGV[1], 'NX', 'PX', ${LOCK_MS}) then won[#won + 1] = i
  else redis.call('SET', key, '${WANTED}', 'XX', 'KEEPTTL') end
end
return won
`;

interface LockCommands {
  opensensorClaim(count: number, ...keysAndPod: string[]): Promise<number[]>;
}

export class RedisLocks implements Locks {
  readonly #client: Redis | Cluster;
  readonly #commands: LockCommands;
  readonly #prefix: string;
  readonly #podName: string;

  constructor(client: Redis | Cluster, prefix: string, podName: string) {
    client.defineCommand('opensensorClaim', { lua: CLAIM });
    this.#client = client;
    this.#commands = client as unknown as LockCommands;
    this.#prefix = `${prefix}{bus}lock:`;
    this.#podName = podName;
  }

  async claim(keys: readonly string[]): Promise<ReadonlySet<string>> {
    const won = await this.#commands.opensensorClaim(keys.length, ...keys.map((key) => this.#prefix + key), this.#podName);
    return new Set(won.map((i) => keys[i - 1] as string));
  }

  async isWanted(key: string): Promise<boolean> {
    return (await this.#client.get(this.#prefix + key)) === WANTED;
  }

  async isClaimed(key: string): Promise<boolean> {
    return (await this.#client.exists(this.#prefix + key)) === 1;
  }

  async release(keys: readonly string[]): Promise<void> {
    await this.#client.unlink(...keys.map((key) => this.#prefix + key));
  }
}
