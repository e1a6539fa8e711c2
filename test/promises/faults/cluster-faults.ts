/** Faults of a Cluster of three masters: slots that move while they are used, and masters that freeze or come back empty. */
import type { ClusterTopology } from '../fleet/cluster-topology.js';
import type { Fault, FaultContext } from './faults.js';
import { PREFIX } from '../fleet/fleet.js';
import type { Breakage } from '../checker/history.js';
import { connectToRedis } from '../fleet/redis-client.js';

const BREAKS: Breakage = { redis: 'all' };
const BREAKS_AND_FORGETS: Breakage = { redis: 'all', losesData: true };
const SLOTS = 16_384;

function fault(
  name: string,
  lasts: readonly [number, number],
  breaks: Breakage,
  run: (topology: ClusterTopology, context: FaultContext) => Promise<number>,
): Fault {
  return {
    name,
    lane: 'redis',
    lasts,
    breaks: () => breaks,
    run: async (context) => {
      const topology = context.fleet.topology.cluster as ClusterTopology;
      const struck = await run(topology, context);
      await topology.untilWhole();
      return struck;
    },
  };
}

export const CLUSTER_FAULTS: readonly Fault[] = [
  // Another master is another history: a new epoch begins there.
  fault('slot of the bookkeeping moved', [0, 0], BREAKS_AND_FORGETS, async (topology) => {
    await topology.moveSlot(topology.slotOf(`${PREFIX}{bus}`));
    return 1;
  }),

  fault('slots of values moved', [0, 0], BREAKS, async (topology, { random }) => {
    let moved = 0;
    const used = random.integer(0, 9);
    for (let device = 0; device < 12; device++) {
      moved += await topology.moveSlot(topology.slotOf(`${PREFIX}device_meta:k${used}-${device}`));
    }
    for (let other = 0; other < 20; other++) await topology.moveSlot(random.integer(0, SLOTS - 1));
    return moved;
  }),

  fault('master frozen', [100, 3_000], BREAKS, async (topology, { random, last }) => {
    const master = random.pick(topology.servers);
    await master.pause();
    await last();
    master.resume();
    return 1;
  }),

  fault('master killed, back empty', [0, 3_000], BREAKS_AND_FORGETS, async (topology, { random, last }) => {
    const master = random.pick(topology.servers);
    await master.kill();
    await last();
    await master.restart();
    return 1;
  }),

  fault('everything flushed', [0, 0], BREAKS_AND_FORGETS, async (topology) => {
    for (const { port } of topology.servers) {
      const client = await connectToRedis(port);
      await client.flushall();
      client.disconnect();
    }
    return 1;
  }),
];
