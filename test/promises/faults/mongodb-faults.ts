/** Faults of MongoDB, by the proxies before it: what it was asked may still be done later, as behind a real network. */
import type { Fault, FaultContext } from './faults.js';
import type { TcpProxy } from '../../harness/tcp-proxy.js';

/** @param breakProxy of each pod; healed at the end. */
function fault(
  name: string,
  lasts: readonly [number, number],
  breakProxy: (proxy: TcpProxy, random: FaultContext['random']) => Promise<void>,
): Fault {
  return {
    name,
    lane: 'mongodb',
    lasts,
    breaks: () => ({ mongodb: 'all' }),
    run: async ({ fleet, random, last }) => {
      const proxies = fleet.targets.map(({ mongodb }) => mongodb);
      const strikes = () => proxies.reduce((sum, { struck }) => sum + struck, 0);
      const before = strikes();
      await Promise.all(proxies.map((proxy) => breakProxy(proxy, random)));
      await last();
      await Promise.all(proxies.map((proxy) => proxy.heal()));
      return strikes() - before;
    },
  };
}

export const MONGODB_FAULTS: readonly Fault[] = [
  fault('MongoDB slow', [500, 2_500], (proxy, random) => {
    proxy.delay(random.integer(20, 250));
    return Promise.resolve();
  }),
  fault('MongoDB silent', [300, 4_000], (proxy) => {
    proxy.blackhole();
    return Promise.resolve();
  }),
  fault('MongoDB gone', [1_500, 6_000], (proxy) => proxy.cut()),
];
