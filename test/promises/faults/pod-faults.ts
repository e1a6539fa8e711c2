/**
 * Faults that one pod feels: its process, its way to Redis, one of its connections, chosen commands and replies. Only those of the process
 * excuse requests to it.
 */
import type { Fault } from './faults.js';
import { byRule, onProxy, untilStruck } from './pod-proxy.js';
import { REPLY_FAULTS } from './reply-faults.js';
import { PREFIX } from '../fleet/fleet.js';
import { connectToRedis } from '../fleet/redis-client.js';

export const PROCESS_FAULTS: readonly Fault[] = [
  {
    name: 'pod killed',
    lane: 'pod',
    lasts: [0, 1_000],
    breaks: (pod) => ({ pod }),
    run: async ({ pod, last }) => {
      await pod.kill();
      await last();
      await pod.start();
      return 1;
    },
  },
  {
    name: 'pod frozen',
    lane: 'pod',
    lasts: [100, 3_000],
    breaks: (pod) => ({ pod }),
    run: async ({ pod, last }) => {
      await pod.freeze();
      await last();
      pod.thaw();
      return 1;
    },
  },
  {
    name: 'pod joins and leaves',
    lane: 'pod',
    lasts: [500, 3_000],
    breaks: () => ({ pod: 'e' }),
    run: async ({ fleet, last }) => {
      await fleet.visitor.start();
      await last();
      await fleet.visitor.stop();
      return 1;
    },
  },
];

const NETWORK: readonly Fault[] = [
  onProxy('pod cut off from Redis', [300, 3_000], async (proxy, { last }) => {
    const cut = await proxy.cut();
    await last();
    await proxy.listen();
    return cut;
  }),
  byRule('pod and Redis silent to each other', [300, 3_000], () => ({ on: 'command', action: { kind: 'hold' } })),
  {
    name: 'pod cut off from Redis and MongoDB',
    lane: 'pod',
    lasts: [300, 3_000],
    breaks: (pod) => ({ redis: pod, mongodb: pod }),
    run: async ({ pod, last }) => {
      const cut = (await pod.redis?.cut()) ?? 0;
      await pod.mongodb.cut();
      await last();
      await Promise.all([pod.redis?.listen(), pod.mongodb.heal()]);
      return cut;
    },
  },
  {
    name: 'log lost while a pod is cut off',
    lane: 'pod',
    lasts: [800, 2_000],
    breaks: () => ({ redis: 'all', losesData: true }),
    run: async ({ fleet, pod, last }) => {
      const redis = await connectToRedis(fleet.topology.single?.port as number);
      await pod.redis?.cut();
      await last();
      const lost = await redis.del(`${PREFIX}{bus}log`).catch(() => 0); // another fault may have Redis
      await pod.redis?.listen();
      redis.disconnect();
      return lost;
    },
  },
  ...(['values', 'commands', 'subscriber'] as const).flatMap((connection) => [
    onProxy(`connection for ${connection} cut`, [0, 500], async (proxy, { last }) => {
      let count = proxy.reset(connection);
      await last();
      await untilStruck(() => (count += proxy.reset(connection)) > 0);
      return count;
    }),
    byRule(`connection for ${connection} silent`, [200, 1_500], () => ({
      on: connection === 'subscriber' ? 'push' : 'reply',
      connection,
      action: { kind: 'hold' },
    })),
  ]),
];

export const POD_FAULTS: readonly Fault[] = [...PROCESS_FAULTS, ...NETWORK, ...REPLY_FAULTS];
