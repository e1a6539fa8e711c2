/**
 * A Redis Cluster of three masters without replicas. Started here, with a way to move a slot from one master to another while it is in
 * use; broken by `cluster-faults.ts`.
 */
import { execFileSync } from 'node:child_process';
import calculateSlot from 'cluster-key-slot';
import type { Redis } from 'ioredis';
import { freePort } from '../../harness/ports.js';
import { type RedisServer, startRedis } from '../../harness/redis.js';
import { waitFor } from '../../harness/wait.js';
import { connectToRedis } from './redis-client.js';

const MASTERS = 3;
const MIGRATE_TIMEOUT_MS = 5_000;
const NODE_TIMEOUT_MS = 2_000;

export interface ClusterTopology {
  readonly url: string;
  readonly servers: readonly RedisServer[];
  readonly slotOf: (key: string) => number;
  /** Moves a slot with all its keys, one after the other, to the next master. Answers how many keys there were. */
  readonly moveSlot: (slot: number) => Promise<number>;
  /** Resolves when every master says that all slots are served. */
  readonly untilWhole: () => Promise<void>;
}

export async function startCluster(): Promise<ClusterTopology> {
  const servers = await Promise.all(Array.from({ length: MASTERS }, () => startNode()));
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
  execFileSync('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-yes'], { stdio: 'pipe' });

  const clients = await Promise.all(servers.map(({ port }) => connectToRedis(port)));
  const ids = await Promise.all(clients.map(async (client) => String(await client.call('CLUSTER', 'MYID'))));
  const untilWhole = async (): Promise<void> => {
    const isWhole = async () => {
      const infos = await Promise.all(clients.map(async (client) => String(await client.call('CLUSTER', 'INFO'))));
      return infos.every((info) => info.includes('cluster_state:ok') && info.includes('cluster_slots_ok:16384'));
    };
    await waitFor(isWhole, { timeoutMs: 30_000, describe: 'the Cluster to be whole' });
  };
  await untilWhole();

  const moveSlot = async (slot: number): Promise<number> => {
    const from = await ownerOf(slot, clients, ids);
    if (from === undefined) return 0;
    const to = (from + 1) % MASTERS;
    const [source, target] = [clients[from] as Redis, clients[to] as Redis];
    await target.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', ids[from] as string);
    await source.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', ids[to] as string);
    let moved = 0;
    for (;;) {
      const [key] = (await source.call('CLUSTER', 'GETKEYSINSLOT', slot, 1)) as string[];
      if (key === undefined) break;
      await source.call('MIGRATE', '127.0.0.1', (servers[to] as RedisServer).port, key, 0, MIGRATE_TIMEOUT_MS);
      moved++;
    }
    // The target first: a slot must never have nobody.
    for (const client of [target, source, ...clients]) await client.call('CLUSTER', 'SETSLOT', slot, 'NODE', ids[to] as string);
    return moved;
  };
  return {
    url: addresses.map((address) => `redis://${address}`).join(','),
    servers,
    slotOf: calculateSlot,
    moveSlot,
    untilWhole,
  };
}

async function startNode(): Promise<RedisServer> {
  const busPort = await freePort();
  const args = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort), '--cluster-node-timeout', String(NODE_TIMEOUT_MS)];
  return startRedis({ args: [...args, '--cluster-require-full-coverage', 'no'] });
}

/** Place of the master that says itself that it has the slot: what the others say may be old. Undefined while none does. */
async function ownerOf(slot: number, clients: readonly Redis[], ids: readonly string[]): Promise<number | undefined> {
  for (const [place, client] of clients.entries()) {
    const ranges = (await client.call('CLUSTER', 'SLOTS')) as [number, number, [string, number, string]][];
    const id = ranges.find(([first, last]) => first <= slot && slot <= last)?.[2][2];
    if (id === ids[place]) return place;
  }
  return undefined;
}
