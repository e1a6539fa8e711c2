/** How a fault uses the proxy between its pod and Redis. Called by the lists of faults. */
import type { RespProxy } from '../../harness/resp-proxy.js';
import type { RuleOptions } from '../../harness/resp-rules.js';
import { waitFor } from '../../harness/wait.js';
import type { Fault, FaultContext } from './faults.js';

const STRIKE_MS = 3_000;

/** A fault that has found nothing to strike lasts somewhat longer. */
export function untilStruck(hasStruck: () => boolean): Promise<unknown> {
  return waitFor(hasStruck, { timeoutMs: STRIKE_MS }).catch(() => undefined); // the run says that it never struck
}

export function onProxy(
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
export function byRule(
  name: string,
  lasts: readonly [number, number],
  options: (random: FaultContext['random']) => RuleOptions,
): Fault {
  return onProxy(name, lasts, async (proxy, { random, last }) => {
    const rule = proxy.add(options(random));
    await last();
    await untilStruck(() => rule.struck > 0);
    rule.end();
    return rule.struck;
  });
}
