/** One line of `npm run fleet`: what a pod says of itself, and of how much more than a second ago. */

/** Asks a pod for all pods' figures; the line takes those of the pod itself. */
export const STATS = `{ cacheStats {
  status complete
  pendingInvalidations { id }
  pods { id leaseHeld breaker lagMs l1Entries namespaces { l1Hits l2Hits misses loads bypassed staleServed } }
} }`;

type Counter = 'l1Hits' | 'l2Hits' | 'misses' | 'loads' | 'bypassed' | 'staleServed';

export interface Stats {
  readonly status: string;
  readonly complete: boolean;
  readonly pendingInvalidations: readonly unknown[];
  readonly pods: readonly {
    readonly id: string;
    readonly leaseHeld: boolean;
    readonly breaker: string;
    readonly lagMs: number | null;
    readonly l1Entries: number;
    readonly namespaces: readonly Readonly<Record<Counter, number>>[];
  }[];
}

const COUNTERS: readonly (readonly [Counter, string])[] = [
  ['l1Hits', 'l1'],
  ['l2Hits', 'l2'],
  ['misses', 'misses'],
  ['loads', 'loads'],
  ['bypassed', 'bypassed'],
  ['staleServed', 'stale'],
];

/** By pod, as shown before. */
const shown = new Map<string, Readonly<Record<Counter, number>>>();

/** @param stats undefined: it did not answer. */
export function lineOf(name: string, stats: Stats | undefined): string {
  const pod = stats?.pods.find(({ id }) => id === name);
  if (stats === undefined || pod === undefined) return `${name}  does not answer`;
  const sums = Object.fromEntries(
    COUNTERS.map(([counter]) => [counter, pod.namespaces.reduce((sum, namespace) => sum + namespace[counter], 0)]),
  ) as Record<Counter, number>;
  const before = shown.get(name) ?? sums;
  shown.set(name, sums);
  // A pod that was restarted counts from zero.
  const figures = COUNTERS.map(
    ([counter, title]) => `${title} ${String(Math.max(0, sums[counter] - before[counter])).padEnd(5)}`,
  );
  const lease = pod.leaseHeld ? 'lease' : '-----';
  const lag = pod.lagMs === null ? '' : `${pod.lagMs.toFixed(0)} ms`;
  return (
    `${name}  ${stats.status.padEnd(9)} ${lease} ${lag.padStart(7)}  ${pod.breaker.padEnd(9)} ${figures.join(' ')} ` +
    `in memory ${String(pod.l1Entries).padEnd(5)} pending ${stats.pendingInvalidations.length}${stats.complete ? '' : '  (not all pods heard)'}`
  );
}
