/** The pods, a row each. */
import { meter } from '../bars.js';
import { bodyOf, h, render } from '../dom.js';
import type { Pod, Stats } from '../traffic.js';
import { bytes, count, duration, perSecond } from '../words.js';
import { sign, table, timeElement } from './elements.js';

const BREAKERS = {
  CLOSED: sign.bind(undefined, 'good', 'closed'),
  HALF_OPEN: sign.bind(undefined, 'warning', 'trying'),
  OPEN: sign.bind(undefined, 'bad', 'open'),
} as const;

export interface PodsView {
  readonly stats: Stats;
  readonly lookUpsPerSecond: ReadonlyMap<string, number>;
  /** Pods that were there and did not answer. */
  readonly missing: readonly string[];
  readonly gone: readonly { readonly id: string; readonly at: Date }[];
  readonly database: string;
}

export function showPods({ stats, lookUpsPerSecond, missing, gone, database }: PodsView): void {
  const pods = stats.pods.toSorted((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }));
  const versions = versionsThatDiffer(pods);
  const heads = [
    'Pod',
    'Lease',
    'Breaker',
    { figure: 'Lag' },
    { figure: 'Memory' },
    { figure: 'Entries' },
    { figure: 'Look-ups/s' },
    { figure: 'Started' },
  ];
  const rows = pods.map((pod) => [
    [pod.id, versions.has(pod.version) && h('span', { class: 'version' }, ` v${pod.version}`)],
    pod.leaseHeld ? sign('good', 'held') : sign('bad', `lost: ${database} answers`),
    BREAKERS[pod.breaker](),
    stats.status === 'EMBEDDED' ? 'no Redis' : duration(pod.lagMs),
    memory(pod),
    count(pod.l1Entries),
    perSecond(lookUpsPerSecond.get(pod.id)),
    timeElement(pod.startedAt),
  ]);
  const silent = missing
    .toSorted()
    .map((id) => [
      id,
      sign('warning', stats.status === 'DEGRADED' ? "can't be seen" : 'does not answer'),
      '',
      '',
      '',
      '',
      '',
      '',
    ]);
  const lost = gone.map(({ id, at }) => [
    id,
    [sign('warning', 'not counted since'), ' ', timeElement(at)],
    '',
    '',
    '',
    '',
    '',
    '',
  ]);
  render(
    bodyOf('pods'),
    table('Pods', heads, [...rows, ...silent, ...lost]),
    stats.status === 'DEGRADED' && h('p', { class: 'hint' }, 'Without Redis only the pod that answers can be seen.'),
  );
}

function memory({ l1Bytes, l1MaxBytes }: Pod): Parameters<typeof h>[2] {
  return l1MaxBytes === null
    ? bytes(l1Bytes)
    : [h('span', {}, `${bytes(l1Bytes)} of ${bytes(l1MaxBytes)}`), meter(l1Bytes, l1MaxBytes)];
}

/** All versions, where there are several; the one that all have says nothing. */
function versionsThatDiffer(pods: readonly Pod[]): ReadonlySet<string> {
  const versions = new Set(pods.map(({ version }) => version));
  return versions.size > 1 ? versions : new Set();
}
