/** Who purged what in the last day. */
import { bodyOf, h, render } from '../dom.js';
import type { CacheInvalidationsQuery } from '../operations.js';
import { amount, count, duration, UNKNOWN } from '../words.js';
import { sign, table, timeElement } from './elements.js';

export type Purge = NonNullable<CacheInvalidationsQuery['cacheInvalidations']>[number];

/** What was purged, in words. */
export function subjectOf({ pattern, ids }: Pick<Purge, 'pattern' | 'ids'>): string {
  return pattern ?? (ids === null ? 'a change of devices' : amount(ids, 'device'));
}

/**
 * Shows them, newest first.
 * @param problem why these are only the last that could be read.
 */
export function showRecent(purges: readonly Purge[], problem?: string): void {
  const body = bodyOf('recent');
  const note = problem === undefined ? undefined : h('p', { class: 'hint' }, `Not read anew: ${problem}`);
  if (purges.length === 0) {
    render(body, note ?? h('p', { class: 'hint' }, 'Nobody has purged anything in the last day.'));
    return;
  }
  render(
    body,
    table(
      'Recent purges',
      ['When', 'What', 'By', 'Status', { figure: 'Matched' }, { figure: 'Pods' }, { figure: 'Took' }],
      purges.map(rowOf),
    ),
    note,
  );
}

function rowOf(purge: Purge): Parameters<typeof table>[2][number] {
  return [
    timeElement(purge.requestedAt, { withSeconds: true }),
    purge.pattern === null ? subjectOf(purge) : h('code', {}, purge.pattern),
    h('span', { class: 'actor', title: purge.actor }, purge.actor ?? UNKNOWN),
    purge.status === 'APPLIED' ? sign('good', 'applied') : sign('warning', 'pending'),
    count(purge.matched),
    purge.pods === null ? UNKNOWN : `${purge.pods.acknowledged} of ${purge.pods.live}`,
    purge.status === 'APPLIED' ? duration(purge.elapsedMs) : `${duration(purge.elapsedMs)} so far`,
  ];
}
