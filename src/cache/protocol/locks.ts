/**
 * Who in the fleet loads a cold key: whoever claims it first; the others wait for what the winner stores. A lock that is lost, or
 * whose holder is dead, costs no more than a second load.
 */
import type { Cluster, Redis } from 'ioredis';
import type { Stamp } from '../entry.js';

export interface Claims {
  /** To be loaded by whoever claimed. */
  readonly won: ReadonlySet<string>;
  /** Loaded by somebody else since this pod looked. */
  readonly stored: ReadonlySet<string>;
}

export interface Locks {
  /** Claims keys; what is neither won nor stored is being loaded. Rejects when Redis can't be asked. */
  claim(keys: readonly string[], stamp: Stamp): Promise<Claims>;
  /** Tells who looked before it was stored, and claims after that, to look again. @param stamp of the load. */
  stored(keys: readonly string[], stamp: Stamp): Promise<void>;
  release(keys: readonly string[]): Promise<void>;
  /** Releases a key, unless anybody else has tried to claim it since; tells whether. */
  releaseUnlessWanted(key: string): Promise<boolean>;
  /** Whether a key is being loaded. */
  isClaimed(key: string): Promise<boolean>;
}

/** How long a dead loader holds others up, at most; they wait 250 ms anyway. */
const LOCK_MS = 2_000;
/** Longer than it takes from a look into the store to the claim of what was missing. */
const STORED_MS = 500;
const WANTED = 'pod:wanted';

/**
 * ARGV: pod, epoch and sequence of its stamp. What was stored before an invalidation that the pod has heard is cold again. A claim that
 * is lost leaves word that somebody waits.
 */
const CLAIM = `#!lua
local won, stored = {}, {}
for i, key in ipairs(KEYS) do
  local holder = redis.call('GET', key)
  local epoch, seq = string.match(holder or '', '^stored:(.*):(%d+)$')
  if not holder or (seq and (epoch ~= ARGV[2] or tonumber(seq) < tonumber(ARGV[3]))) then
    redis.call('SET', key, 'pod:' .. ARGV[1], 'PX', ${LOCK_MS})
    won[#won + 1] = i
  elseif seq then
    stored[#stored + 1] = i
  else
    redis.call('SET', key, '${WANTED}', 'XX', 'KEEPTTL')
  end
end
return {won, stored}
`;

/** ARGV: epoch and sequence of the load's stamp. */
const MARK_STORED = `#!lua
for _, key in ipairs(KEYS) do redis.call('SET', key, 'stored:' .. ARGV[1] .. ':' .. ARGV[2], 'PX', ${STORED_MS}) end
`;

const RELEASE_UNLESS_WANTED = `#!lua
if redis.call('GET', KEYS[1]) == '${WANTED}' then return 1 end
redis.call('DEL', KEYS[1])
return 0
`;

interface LockCommands {
  opensensorClaim(count: number, ...keysAndArguments: (string | number)[]): Promise<[won: number[], stored: number[]]>;
  opensensorReleaseUnlessWanted(key: string): Promise<number>;
  opensensorMarkStored(count: number, ...keysAndArguments: (string | number)[]): Promise<unknown>;
}

export class RedisLocks implements Locks {
  readonly #client: Redis | Cluster;
  readonly #commands: LockCommands;
  readonly #prefix: string;
  readonly #podName: string;

  constructor(client: Redis | Cluster, prefix: string, podName: string) {
    client.defineCommand('opensensorClaim', { lua: CLAIM });
    client.defineCommand('opensensorReleaseUnlessWanted', { numberOfKeys: 1, lua: RELEASE_UNLESS_WANTED });
    client.defineCommand('opensensorMarkStored', { lua: MARK_STORED });
    this.#client = client;
    this.#commands = client as unknown as LockCommands;
    this.#prefix = `${prefix}{bus}lock:`;
    this.#podName = podName;
  }

  async claim(keys: readonly string[], { epoch, seq }: Stamp): Promise<Claims> {
    const [key, ...others] = keys;
    if (key !== undefined && others.length === 0 && (await this.#isFree(key))) return { won: new Set(keys), stored: new Set() };
    const reply = await this.#commands.opensensorClaim(keys.length, ...this.#locksOf(keys), this.#podName, epoch, seq);
    const [won, stored] = reply.map((places) => new Set(places.map((i) => keys[i - 1] as string)));
    return { won: won as Set<string>, stored: stored as Set<string> };
  }

  /** The usual case, for which Redis needs no script; takes the claim. */
  async #isFree(key: string): Promise<boolean> {
    return (await this.#client.set(this.#prefix + key, `pod:${this.#podName}`, 'PX', LOCK_MS, 'NX')) !== null;
  }

  async stored(keys: readonly string[], { epoch, seq }: Stamp): Promise<void> {
    await this.#commands.opensensorMarkStored(keys.length, ...this.#locksOf(keys), epoch, seq);
  }

  async release(keys: readonly string[]): Promise<void> {
    await this.#client.unlink(...this.#locksOf(keys));
  }

  async releaseUnlessWanted(key: string): Promise<boolean> {
    return (await this.#commands.opensensorReleaseUnlessWanted(this.#prefix + key)) === 1;
  }

  async isClaimed(key: string): Promise<boolean> {
    const holder = await this.#client.get(this.#prefix + key);
    return holder !== null && !holder.startsWith('stored:');
  }

  #locksOf(keys: readonly string[]): string[] {
    return keys.map((key) => this.#prefix + key);
  }
}
