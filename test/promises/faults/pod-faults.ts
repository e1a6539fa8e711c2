/**
 * Faults that one pod feels: its process, its way to Redis, one of its connections, chosen commands and replies. Only those of the process
 * excuse requests to it.
 */
import { waitFor } from '../../harness/wait.js';
import type { RespProxy } from '../../harness/resp-proxy.js';
import type { ConnectionKind, RuleOptions } from '../../harness/resp-rules.js';
import type { Fault, FaultContext } from './faults.js';
import { PREFIX } from '../fleet/fleet.js';
import { connectToRedis } from '../fleet/redis-client.js';

const STRIKE_MS = 3_000;

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

/** The scripts that append, sync and lock; the bulk reads; the fills. */
const SCRIPTS = ['EVALSHA', 'EVAL'];

const REPLIES: readonly Fault[] = [
  byRule('scripts answered slowly', [500, 2_000], (random) => ({
    on: 'reply',
    commands: SCRIPTS,
    every: random.integer(1, 3),
    action: { kind: 'delay', ms: random.integer(20, 400) },
  })),
  byRule('connection reset when a script was done', [300, 1_500], (random) => ({
    on: 'reply',
    commands: SCRIPTS,
    every: random.integer(2, 6),
    action: { kind: 'cut' },
  })),
  onProxy('connection reset when it subscribes', [300, 1_500], async (proxy, { last }) => {
    const rule = proxy.add({ on: 'command', commands: ['SUBSCRIBE'], action: { kind: 'cut' } });
    proxy.reset('subscriber');
    await last();
    await untilStruck(() => rule.struck > 0);
    rule.end();
    return rule.struck;
  }),
  byRule('answers of scripts lost', [300, 1_500], (random) => ({
    on: 'reply',
    commands: SCRIPTS,
    every: random.integer(3, 9),
    action: { kind: 'swallow' },
  })),
  byRule('answers of reads lost', [300, 1_500], (random) => ({
    on: 'reply',
    commands: ['MGET', 'GET'],
    every: random.integer(3, 9),
    action: { kind: 'swallow' },
  })),
  byRule('reads lost', [300, 1_500], (random) => ({
    on: 'command',
    commands: ['MGET', 'GET'],
    every: random.integer(3, 9),
    action: { kind: 'swallow' },
  })),
  byRule('answers in slices', [300, 1_500], (random) => ({
    on: 'reply',
    every: random.integer(1, 4),
    action: { kind: 'slice', bytes: random.integer(20, 3_000), gapMs: random.integer(0, 2) },
  })),
  byRule('fills held back', [200, 1_500], () => ({ on: 'command', commands: ['SET'], action: { kind: 'hold' } })),
  byRule('nudges lost', [500, 2_000], () => ({ on: 'push', action: { kind: 'swallow' } })),
];

export const POD_FAULTS: readonly Fault[] = [...PROCESS_FAULTS, ...NETWORK, ...REPLIES];

/** A fault that has found nothing to strike lasts somewhat longer. */
function untilStruck(hasStruck: () => boolean): Promise<unknown> {
  return waitFor(hasStruck, { timeoutMs: STRIKE_MS }).catch(() => undefined); // the run says that it never struck
}

function onProxy(
  name: string,
  lasts: readonly [number, number],
  run: (proxy: RespProxy, context: FaultContext) => Promise<number>,
): Fault {
  return {
    name,
    lane: 'pod',
    lasts,
    breaks: (pod) => ({ redis: pod }),
    run: (context) => run(context.pod.redis as RespProxy, context),
  };
}

/** A fault that is one rule of the pod's proxy. */
function byRule(
  name: string,
  lasts: readonly [number, number],
  options: (random: FaultContext['random']) => RuleOptions & { readonly connection?: ConnectionKind },
): Fault {
  return onProxy(name, lasts, async (proxy, { random, last }) => {
    const rule = proxy.add(options(random));
    await last();
    await untilStruck(() => rule.struck > 0);
    rule.end();
    return rule.struck;
  });
}
