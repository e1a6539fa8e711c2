/** The GraphQL types of `cacheStats`, and how a snapshot of the cache becomes one. Nothing here asks anybody. */
import 'reflect-metadata';
import { Field, Float, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import {
  type BreakerState as Breaker,
  type CacheSnapshot,
  type CacheStatus as Status,
  COUNTERS,
  type NamespaceCounters,
  type PodSnapshot,
} from '../cache/cache.js';
import { CacheInvalidationType } from '../cache-invalidation.type.js';

const CacheStatus = { CONNECTED: 'CONNECTED', DEGRADED: 'DEGRADED', EMBEDDED: 'EMBEDDED' } as const;
registerEnumType(CacheStatus, {
  name: 'CacheStatus',
  description: 'How the answering pod sees Redis.',
  valuesConfig: {
    CONNECTED: { description: 'The cache in Redis is in use.' },
    DEGRADED: { description: "Redis can't be reached or trusted now; answers come from the database." },
    EMBEDDED: { description: 'No Redis is configured; the cache is in the memory of this process.' },
  },
});

const BreakerState = { CLOSED: 'CLOSED', OPEN: 'OPEN', HALF_OPEN: 'HALF_OPEN' } as const;
registerEnumType(BreakerState, {
  name: 'BreakerState',
  description: 'Whether a pod sends its reads to Redis.',
  valuesConfig: {
    CLOSED: { description: 'The pod holds its lease and Redis is in use.' },
    OPEN: { description: 'No lease, or reads are paused after one that failed.' },
    HALF_OPEN: { description: 'The first read after a pause is under way.' },
  },
});

@ObjectType({
  description: "The whole Redis server, other applications' traffic included; over a Cluster the sums.",
  simpleResolvers: true,
})
export class RedisStats {
  @Field(() => String, { description: 'Version of Redis or Valkey.' })
  version!: string;

  @Field(() => Float, { description: 'Memory in use, in bytes.' })
  usedMemoryBytes!: number;

  @Field(() => Float, {
    nullable: true,
    description: 'The limit at which Redis evicts or refuses writes; null when there is none.',
  })
  maxMemoryBytes!: number | null;

  @Field(() => String, { nullable: true, description: 'What Redis does at that limit, e.g. `allkeys-lfu`.' })
  evictionPolicy!: string | null;

  @Field(() => Int, { description: 'Clients connected now.' })
  connectedClients!: number;

  @Field(() => Float, { description: 'Key look-ups that found something, since Redis started.' })
  keyspaceHits!: number;

  @Field(() => Float, { description: 'Key look-ups that found nothing, since Redis started.' })
  keyspaceMisses!: number;

  @Field(() => Float, { nullable: true, description: 'keyspaceHits / (keyspaceHits + keyspaceMisses); null before the first.' })
  hitRatio!: number | null;

  @Field(() => Float, { description: 'Keys dropped for want of memory, since Redis started.' })
  evictedKeys!: number;

  @Field(() => Float, { description: 'Seconds since Redis started; over a Cluster, since the last node did.' })
  uptimeSeconds!: number;
}

@ObjectType({
  description:
    'Counters of one namespace. One look-up is one key, after DataLoader removed duplicates: a batch of 1,000 counts 1,000. Each ends as ' +
    'exactly one of l1Hits, l2Hits, misses, staleServed, bypassed.',
  simpleResolvers: true,
})
export class NamespaceStats {
  @Field(() => String, { description: 'First part of the keys, e.g. `device_meta`.' })
  name!: string;

  @Field(() => Float, { description: 'l1Hits + l2Hits. A cached absence is a hit.' })
  hits!: number;

  @Field(() => Float, { description: COUNTERS.l1Hits })
  l1Hits!: number;

  @Field(() => Float, { description: COUNTERS.l2Hits })
  l2Hits!: number;

  @Field(() => Float, { description: COUNTERS.misses })
  misses!: number;

  @Field(() => Float, { nullable: true, description: 'hits / (hits + misses); null before the first look-up.' })
  hitRatio!: number | null;

  @Field(() => Float, { description: COUNTERS.loads })
  loads!: number;

  @Field(() => Float, { description: COUNTERS.coalesced })
  coalesced!: number;

  @Field(() => Float, { description: COUNTERS.staleServed })
  staleServed!: number;

  @Field(() => Float, { description: COUNTERS.bypassed })
  bypassed!: number;

  @Field(() => Float, { description: COUNTERS.rejectedFills })
  rejectedFills!: number;

  @Field(() => Float, { description: COUNTERS.errors })
  errors!: number;
}

@ObjectType({ description: 'One pod as it sees itself.', simpleResolvers: true })
export class PodStats {
  @Field(() => ID, { description: '`POD_NAME`, or the host name and a random part.' })
  id!: string;

  @Field(() => String, { description: 'Version of the server that the pod runs.' })
  version!: string;

  @Field(() => Date, { description: 'When the pod started; its counters begin here.' })
  startedAt!: Date;

  @Field(() => Int, { description: "Entries in the pod's memory." })
  l1Entries!: number;

  @Field(() => Float, { description: 'What they take of `CACHE_L1_MAX_BYTES`, keys and overhead counted.' })
  l1Bytes!: number;

  @Field(() => Float, {
    nullable: true,
    description: "The pod's `CACHE_L1_MAX_BYTES`; null for a pod of a version that does not tell.",
  })
  l1MaxBytes!: number | null;

  @Field(() => Boolean, { description: 'Whether the pod provably hears invalidations and so uses the cache.' })
  leaseHeld!: boolean;

  @Field(() => Float, {
    nullable: true,
    description: 'Milliseconds since the last sync that succeeded was sent; null before the first, and without Redis.',
  })
  lagMs!: number | null;

  @Field(() => BreakerState, { description: 'Whether the pod sends its reads to Redis.' })
  breaker!: Breaker;

  @Field(() => [NamespaceStats], { description: "The pod's own counters." })
  namespaces!: NamespaceStats[];
}

@ObjectType({ description: 'The cache and the pods that share it.', simpleResolvers: true })
export class CacheStats {
  @Field(() => CacheStatus, { description: 'As the answering pod sees Redis.' })
  status!: Status;

  @Field(() => Boolean, { description: "False when other pods could not be asked: the figures are then this pod's alone." })
  complete!: boolean;

  @Field(() => Date, {
    description:
      "Start of the oldest pod counted. Counters begin at each pod's start; a pod that is gone takes its counts along.",
  })
  since!: Date;

  @Field(() => String, { description: 'What every Redis key of this server begins with.' })
  prefix!: string;

  @Field(() => Int, {
    nullable: true,
    description:
      "Cached values under the prefix, bookkeeping not counted; null when Redis can't be asked. Counted at most once in 30 s.",
  })
  keys!: number | null;

  @Field(() => Date, { nullable: true, description: 'When `keys` were counted.' })
  keysCountedAt!: Date | null;

  @Field(() => RedisStats, { nullable: true, description: "Redis itself; null without one, or when it can't be asked." })
  redis!: RedisStats | null;

  @Field(() => [NamespaceStats], { description: 'Counters by namespace, the sums over `pods`.' })
  namespaces!: NamespaceStats[];

  @Field(() => [PodStats], { description: 'The pods counted.' })
  pods!: PodStats[];

  @Field(() => [CacheInvalidationType], {
    description: 'Invalidations on record that are not applied yet, oldest first, 100 at most.',
  })
  pendingInvalidations!: CacheInvalidationType[];
}

const MAX_PENDING = 100;

export function toCacheStats(snapshot: CacheSnapshot): CacheStats {
  const { status, complete, prefix, keys, keysCountedAt, redis, pods } = snapshot;
  return {
    status,
    complete,
    since: new Date(Math.min(...pods.map(({ startedAt }) => startedAt.getTime()))),
    prefix,
    keys,
    keysCountedAt,
    redis,
    namespaces: sumOfNamespaces(pods),
    pods: pods.map((pod) => ({
      ...pod,
      namespaces: [...pod.namespaces].map(([name, counters]) => toNamespaceStats(name, counters)),
    })),
    pendingInvalidations: snapshot.pendingInvalidations.slice(0, MAX_PENDING),
  };
}

function sumOfNamespaces(pods: readonly PodSnapshot[]): NamespaceStats[] {
  const names = new Set(pods.flatMap(({ namespaces }) => [...namespaces.keys()]));
  return [...names].map((name) => {
    const sum: Partial<NamespaceCounters> = {};
    for (const { namespaces } of pods) {
      for (const [counter, value] of Object.entries(namespaces.get(name) ?? {}) as [keyof NamespaceCounters, number][]) {
        sum[counter] = (sum[counter] ?? 0) + value;
      }
    }
    return toNamespaceStats(name, sum as NamespaceCounters);
  });
}

function toNamespaceStats(name: string, counters: Readonly<NamespaceCounters>): NamespaceStats {
  const hits = counters.l1Hits + counters.l2Hits;
  const lookups = hits + counters.misses;
  return { name, ...counters, hits, hitRatio: lookups === 0 ? null : hits / lookups };
}
