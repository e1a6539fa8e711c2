/** Faults of chosen commands and replies between one pod and Redis. None of them excuses a request that fails. */
import type { Fault } from './faults.js';
import { byRule, onProxy, untilStruck } from './pod-proxy.js';

/** The scripts that append, sync and lock; the bulk reads; the fills. */
const SCRIPTS = ['EVALSHA', 'EVAL'];

export const REPLY_FAULTS: readonly Fault[] = [
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
