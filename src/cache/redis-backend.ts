/** The backend of a fleet: values and the log of invalidations in one Redis that all pods share. Imported only where there is one. */
import type { Cluster, Redis } from 'ioredis';
import type { Backend, BackendOptions } from './backend.js';
import { withDeadline } from './budget/deadline.js';
import { RedisHistory } from './history/redis-history.js';
import { Bus } from './protocol/bus.js';
import { RedisLocks } from './protocol/locks.js';
import { RedisKeySpace } from './purge/redis-key-space.js';
import { RedisResults } from './results/redis-results.js';
import { RedisFleet } from './stats/redis-fleet.js';
import { readRedisInfo } from './stats/redis-info.js';
import { RedisKeyCounter } from './stats/redis-key-count.js';
import { BodyStore } from './tiers/body-store.js';
import { L1 } from './tiers/l1.js';
import { RedisStore, type ValueConnection } from './tiers/redis-store.js';
import { createValues } from './tiers/values.js';

/** Three connections to one Redis, already connecting: whoever opened them closes them. */
export interface RedisClients {
  /** Carries values, under Keyv. */
  readonly values: ValueConnection;
  /** Carries scripts, SCAN and UNLINK, INFO. */
  readonly commands: Redis | Cluster;
  /** Listens to what pods publish. */
  readonly subscriber: Redis | Cluster;
}

/** How long the start of a pod waits for its first lease, so that its first requests find the cache in use. */
const FIRST_TRUST_MS = 1_000;
const INFO_DEADLINE_MS = 300;

export function createRedisBackend(clients: RedisClients, options: BackendOptions): Backend {
  const { commands } = clients;
  const { prefix, names, podName, l1MaxBytes, counters, onLease, onError } = options;
  const bus = new Bus({ client: commands, subscriber: clients.subscriber, prefix, podName, counters, onLease, onError });
  const fleet = new RedisFleet({ client: commands, prefix, bus });
  const l1 = new L1(l1MaxBytes, bus.ledger, () => bus.nowMs());
  const keySpace = new RedisKeySpace(commands, prefix, names, () => bus.nowMs());
  const store = new RedisStore(clients.values);
  return {
    tier: 'l2',
    journal: bus,
    values: createValues(store, prefix, onError),
    keySpace,
    keyCounter: new RedisKeyCounter(commands, prefix, keySpace),
    results: new RedisResults(commands, prefix),
    history: new RedisHistory(commands, prefix, counters),
    l1,
    bodies: l1,
    bodyStore: new BodyStore(store, prefix),
    locks: new RedisLocks(commands, prefix, podName),
    fleet,
    memory: () => ({ entries: l1.size, bytes: l1.bytes }),
    redisInfo: () => withDeadline(readRedisInfo(commands), INFO_DEADLINE_MS).catch(() => null), // unknown, never zeroes
    distrust: (reason) => {
      bus.distrust(reason);
    },
    start: async ({ drain, snapshot }) => {
      bus.start({
        drain,
        onMessage: (message) => {
          fleet.onMessage(message, snapshot).catch(() => undefined); // the asker sees that this pod did not answer
        },
      });
      await bus.firstTrust(FIRST_TRUST_MS);
    },
    close: () => bus.close(),
  };
}
