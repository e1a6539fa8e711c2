/**
 * The two scripts that Redis runs for us, each one atomic step over the bus: registry of pods, epoch, sequence and log belong
 * together. `allow-oom`: a Redis that is full must still invalidate. Needs Redis 7 or Valkey for the first line.
 */
import { type Cluster, type Redis } from 'ioredis';

/** Log entries kept; a pod that has fallen further behind drops what it can't judge. */
const LOG_LENGTH = 4096;
/** Seconds that the bus outlives its last pod. */
const BUS_TTL_SECONDS = 86_400;

/**
 * Begins a new epoch where there is none, or where this Redis is not the one whose history the epoch began in: it may have lost
 * writes that pods have seen. KEYS: bus, log. ARGV[1]: the id of the epoch that may begin.
 */
const OPEN_BUS = `#!lua flags=allow-oom
local bus, log = KEYS[1], KEYS[2]
local history = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
local epoch = redis.call('HGET', bus, 'epoch')
if not epoch or redis.call('HGET', bus, 'history') ~= history then
  redis.call('DEL', bus, log)
  epoch = ARGV[1]
  redis.call('HSET', bus, 'epoch', epoch, 'history', history, 'seq', '0')
end
local seq = tonumber(redis.call('HGET', bus, 'seq'))
`;

/**
 * ARGV: fresh epoch, pod, beat, the pod's epoch, what it applied of it, then pairs of (pod, record) to forget if unchanged.
 * A write on purpose: a replica, or a primary that has lost its replicas where it needs them, can't grant a lease.
 */
const SYNC = `${OPEN_BUS}
for i = 6, #ARGV, 2 do
  if redis.call('HGET', bus, 'pod:' .. ARGV[i]) == ARGV[i + 1] then redis.call('HDEL', bus, 'pod:' .. ARGV[i]) end
end
local same = ARGV[4] == epoch
local me = 'pod:' .. ARGV[2]
local mine = redis.call('HGET', bus, me)
if not mine or tonumber(string.match(mine, ':(%d+)$')) < tonumber(ARGV[3]) then
  redis.call('HSET', bus, me, (same and ARGV[5] or '0') .. ':' .. ARGV[3])
end
redis.call('EXPIRE', bus, ${BUS_TTL_SECONDS})
redis.call('EXPIRE', log, ${BUS_TTL_SECONDS})
local floor = seq - redis.call('XLEN', log)
local from = (same and tonumber(ARGV[5]) >= floor) and '(' .. ARGV[5] .. '-0' or '-'
return {epoch, seq, floor, redis.call('XRANGE', log, from, '+'), redis.call('HGETALL', bus), redis.call('TIME')}
`;

/** ARGV: fresh epoch, which comes back as the name of this call, channel, then one JSON array of deps per log entry. */
const APPEND = `${OPEN_BUS}
for i = 3, #ARGV do
  seq = seq + 1
  redis.call('XADD', log, 'MAXLEN', ${LOG_LENGTH}, seq .. '-0', 'd', ARGV[i])
end
redis.call('HSET', bus, 'seq', seq)
redis.call('EXPIRE', bus, ${BUS_TTL_SECONDS})
redis.call('EXPIRE', log, ${BUS_TTL_SECONDS})
redis.call('PUBLISH', ARGV[2], seq)
return {epoch, seq, redis.call('HGETALL', bus), ARGV[1]}
`;

/** A Redis client that knows the scripts. Replies are checked by the caller: they come from outside. */
export interface BusCommands {
  opensensorSync(bus: string, log: string, ...args: (string | number)[]): Promise<unknown>;
  opensensorAppend(bus: string, log: string, ...args: (string | number)[]): Promise<unknown>;
}

export function defineBusCommands(client: Redis | Cluster): BusCommands {
  client.defineCommand('opensensorSync', { numberOfKeys: 2, lua: SYNC });
  client.defineCommand('opensensorAppend', { numberOfKeys: 2, lua: APPEND });
  return client as unknown as BusCommands;
}
