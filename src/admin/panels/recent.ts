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

/** @param purges newest first, or why they are not known. */
export function showRecent(purges: readonly Purge[] | string): void {
  const body = bodyOf('recent');
  if (typeof purges === 'string') return render(body, h('p', { class: 'hint' }, purges));
  if (purges.length === 0) return render(body, h('p', { class: 'hint' }, 'Nobody has purged anything in the last day.'));
  render(
    body,
    table(
      'Recent purges',
      ['When', 'What', 'By', 'Status', { figure: 'Matched' }, { figure: 'Pods' }, { figure: 'Took' }],
      purges.map((purge) => [
        timeElement(purge.requestedAt, { withSeconds: true }),
        purge.pattern === null ? subjectOf(purge) : h('code', {}, purge.pattern),
        h('span', { class: 'actor', title: purge.actor }, purge.actor ?? UNKNOWN),
        purge.status === 'APPLIED' ? sign('good', 'applied') : sign('warning', 'pending'),
        count(purge.matched),
        purge.pods === null ? UNKNOWN : `${purge.pods.acknowledged} of ${purge.pods.live}`,
        purge.status === 'APPLIED' ? duration(purge.elapsedMs) : `${duration(purge.elapsedMs)} so far`,
      ]),
    ),
  );
}
