/** What Redis says of itself in INFO: the whole server, other applications' traffic included; over a Cluster the sums. */
import { Cluster, type Redis } from 'ioredis';

export interface RedisInfo {
  readonly version: string;
  readonly usedMemoryBytes: number;
  /** The same as Redis writes it for people, e.g. `15.20M`. */
  readonly usedMemoryHuman: string;
  /** Null when no maximum is set. */
  readonly maxMemoryBytes: number | null;
  readonly evictionPolicy: string | null;
  readonly connectedClients: number;
  readonly keyspaceHits: number;
  readonly keyspaceMisses: number;
  /** hits / (hits + misses); null before the first look-up. */
  readonly hitRatio: number | null;
  readonly evictedKeys: number;
  /** Of the server that was started last. */
  readonly uptimeSeconds: number;
}

export async function readRedisInfo(client: Redis | Cluster): Promise<RedisInfo> {
  const nodes = client instanceof Cluster ? client.nodes('master') : [client];
  const infos = await Promise.all(nodes.map(async (node) => parseInfo(await node.info())));
  const sum = (field: string): number => infos.reduce((total, info) => total + Number(info.get(field) ?? 0), 0);
  const first = infos[0] ?? new Map<string, string>();
  const [keyspaceHits, keyspaceMisses] = [sum('keyspace_hits'), sum('keyspace_misses')];
  const lookups = keyspaceHits + keyspaceMisses;
  return {
    version: first.get('valkey_version') ?? first.get('redis_version') ?? 'unknown',
    usedMemoryBytes: sum('used_memory'),
    usedMemoryHuman: humanBytes(sum('used_memory')),
    maxMemoryBytes: sum('maxmemory') || null,
    evictionPolicy: first.get('maxmemory_policy') ?? null,
    connectedClients: sum('connected_clients'),
    keyspaceHits,
    keyspaceMisses,
    hitRatio: lookups === 0 ? null : keyspaceHits / lookups,
    evictedKeys: sum('evicted_keys'),
    uptimeSeconds: Math.min(...infos.map((info) => Number(info.get('uptime_in_seconds') ?? 0))),
  };
}

function parseInfo(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

/** As `bytesToHuman` in Redis's `src/server.c`. */
function humanBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes}B`;
  const unit = Math.min(Math.floor(Math.log2(bytes) / 10), 5);
  return `${(bytes / 1024 ** unit).toFixed(2)}${'BKMGTP'[unit] as string}`;
}
