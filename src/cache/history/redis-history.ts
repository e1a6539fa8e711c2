/**
 * The history of the fleet: one sorted set in the slot of the bus. Its members begin with when an invalidation was asked for and its
 * id, so their order is that of time, and what was said of an invalidation before is found by that beginning. The time is that of the
 * pod that was asked, which is good enough to read and decides nothing.
 */
import type { Cluster, Redis } from 'ioredis';
import { type Invalidation, parseInvalidation } from '../invalidation.js';
import type { Counters } from '../stats/counters.js';
import { type History, HISTORY_KEPT_MS, MAX_HISTORY } from './history.js';

/**
 * ARGV: the beginning of the member, its rest, and where the last day begins. `allow-oom`: it may be the purge that makes room, and what
 * is kept is bounded.
 */
const REMEMBER = `#!lua flags=allow-oom
local history = KEYS[1]
redis.call('ZREMRANGEBYLEX', history, '[' .. ARGV[1], '(' .. ARGV[1] .. '\\255')
redis.call('ZADD', history, 0, ARGV[1] .. ARGV[2])
redis.call('ZREMRANGEBYLEX', history, '-', '(' .. ARGV[3])
redis.call('ZREMRANGEBYRANK', history, 0, ${-MAX_HISTORY - 1})
redis.call('PEXPIRE', history, ${HISTORY_KEPT_MS})
`;

interface HistoryCommands {
  opensensorRemember(history: string, ...args: string[]): Promise<unknown>;
}

export class RedisHistory implements History {
  readonly #client: Redis | Cluster;
  readonly #commands: HistoryCommands;
  readonly #key: string;
  readonly #counters: Counters;

  constructor(client: Redis | Cluster, prefix: string, counters: Counters) {
    client.defineCommand('opensensorRemember', { numberOfKeys: 1, lua: REMEMBER });
    this.#client = client;
    this.#commands = client as unknown as HistoryCommands;
    this.#key = `${prefix}{bus}history`;
    this.#counters = counters;
  }

  async put(invalidation: Invalidation): Promise<void> {
    const place = `${invalidation.requestedAt.toISOString()} ${invalidation.id} `;
    try {
      await this.#commands.opensensorRemember(this.#key, place, JSON.stringify(invalidation), aDayAgo());
    } catch (error) {
      this.#counters.failed('record');
      throw error;
    }
  }

  async list(first: number): Promise<readonly Invalidation[]> {
    const members = await this.#client.zrange(this.#key, '+', `[${aDayAgo()}`, 'BYLEX', 'REV', 'LIMIT', 0, first);
    return members.map((member) => parseInvalidation(member.slice(member.indexOf('{')))).filter((each) => each !== null);
  }
}

function aDayAgo(): string {
  return new Date(Date.now() - HISTORY_KEPT_MS).toISOString();
}
