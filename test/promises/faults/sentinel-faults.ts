/** Faults of a primary and a replica under Sentinels: each ends with both there again and one replicating the other. */
import type { Fault } from './faults.js';
import type { Breakage } from '../checker/history.js';
import { connectToRedis } from '../fleet/redis-client.js';
import type { SentinelTopology } from '../fleet/sentinel-topology.js';

/** Replication is asynchronous: what the old primary took last may be gone. */
const BREAKS: Breakage = { redis: 'all', losesData: true };

function fault(
  name: string,
  lasts: readonly [number, number],
  run: (topology: SentinelTopology, last: () => Promise<void>) => Promise<number>,
): Fault {
  return {
    name,
    lane: 'redis',
    lasts,
    breaks: () => BREAKS,
    run: async ({ fleet, last }) => {
      const topology = fleet.topology.sentinel as SentinelTopology;
      const struck = await run(topology, last);
      await topology.untilReplicated();
      return struck;
    },
  };
}

export const SENTINEL_FAULTS: readonly Fault[] = [
  fault('failover asked for', [0, 0], async (topology) => {
    const old = await topology.primary();
    await topology.failOver();
    await topology.untilReplaced(old);
    return 1;
  }),

  fault('primary killed, replica takes over', [0, 2_000], async (topology, last) => {
    const old = await topology.primary();
    await old.kill();
    await topology.untilReplaced(old);
    await last();
    await old.restart();
    return 1;
  }),

  fault('primary frozen, replica takes over', [0, 2_000], async (topology, last) => {
    const old = await topology.primary();
    await old.pause();
    await topology.untilReplaced(old);
    await last();
    old.resume();
    return 1;
  }),

  fault('primary frozen for a moment', [100, 1_000], async (topology, last) => {
    const primary = await topology.primary();
    await primary.pause();
    await last();
    primary.resume();
    return 1;
  }),

  fault('replica frozen: the primary takes no writes', [1_000, 4_000], async (topology, last) => {
    const primary = await topology.primary();
    const replica = topology.servers.find((server) => server !== primary);
    await replica?.pause();
    await last();
    replica?.resume();
    return 1;
  }),

  fault('everything flushed', [0, 0], async (topology) => {
    const client = await connectToRedis((await topology.primary()).port);
    const answer = await client.flushall().catch(() => '');
    client.disconnect();
    return answer === 'OK' ? 1 : 0;
  }),
];
