/**
 * Who in the fleet loads a cold key: whoever claims it first; the others wait for what the winner stores. A lock that is lost, or
 * whose holder is dead, costs no more than a second load.
 */
import DataLoader from 'dataloader';
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
local wanted = {}
for i, key in ipairs(KEYS) do
  if redis.call('GET', key) == '${WANTED}' then
    wanted[i] = 1
  else
    redis.call('DEL', key)
    wanted[i] = 0
  end
end
return wanted
`;

/** Single keys that requests claim, or release, in one turn of the event loop share one script, which holds Redis up while it runs. */
const TOGETHER = { cache: false, maxBatchSize: 64, batchScheduleFn: (send: () => void) => setImmediate(send) };

interface Claim {
  readonly key: string;
  readonly stamp: Stamp;
}

interface LockCommands {
  opensensorClaim(count: number, ...keysAndArguments: (string | number)[]): Promise<[won: number[], stored: number[]]>;
  opensensorReleaseUnlessWanted(count: number, ...keys: (string | number)[]): Promise<number[]>;
  opensensorMarkStored(count: number, ...keysAndArguments: (string | number)[]): Promise<unknown>;
}

export class RedisLocks implements Locks {
  readonly #client: Redis | Cluster;
  readonly #commands: LockCommands;
  readonly #prefix: string;
  readonly #podName: string;
  readonly #claims = new DataLoader<Claim, Claims>((claims) => this.#claimTogether(claims), TOGETHER);
  readonly #releases = new DataLoader<string, boolean>((keys) => this.#releaseTogether(keys), TOGETHER);

  constructor(client: Redis | Cluster, prefix: string, podName: string) {
    client.defineCommand('opensensorClaim', { lua: CLAIM });
    client.defineCommand('opensensorReleaseUnlessWanted', { lua: RELEASE_UNLESS_WANTED });
    client.defineCommand('opensensorMarkStored', { lua: MARK_STORED });
    this.#client = client;
    this.#commands = client as unknown as LockCommands;
    this.#prefix = `${prefix}{bus}lock:`;
    this.#podName = podName;
  }

  claim(keys: readonly string[], stamp: Stamp): Promise<Claims> {
    const [key, ...others] = keys;
    return key !== undefined && others.length === 0 ? this.#claims.load({ key, stamp }) : this.#claimAll(keys, stamp);
  }

  async #claimTogether(claims: readonly Claim[]): Promise<Claims[]> {
    const keys = claims.map(({ key }) => key);
    if (claims.length === 1 && (await this.#isFree(keys[0] as string))) return [{ won: new Set(keys), stored: new Set() }];
    // By the newest stamp: what is too old for that is at worst loaded again.
    const { won, stored } = await this.#claimAll(keys, (claims.at(-1) as Claim).stamp);
    const only = (key: string, all: ReadonlySet<string>): ReadonlySet<string> => new Set(all.has(key) ? [key] : []);
    return keys.map((key) => ({ won: only(key, won), stored: only(key, stored) }));
  }

  async #claimAll(keys: readonly string[], { epoch, seq }: Stamp): Promise<Claims> {
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

  releaseUnlessWanted(key: string): Promise<boolean> {
    return this.#releases.load(key);
  }

  async #releaseTogether(keys: readonly string[]): Promise<boolean[]> {
    const wanted = await this.#commands.opensensorReleaseUnlessWanted(keys.length, ...this.#locksOf(keys));
    return wanted.map((isWanted) => isWanted === 1);
  }

  async isClaimed(key: string): Promise<boolean> {
    const holder = await this.#client.get(this.#prefix + key);
    return holder !== null && !holder.startsWith('stored:');
  }

  #locksOf(keys: readonly string[]): string[] {
    return keys.map((key) => this.#prefix + key);
  }
}
