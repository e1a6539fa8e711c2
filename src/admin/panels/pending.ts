/** What is on record and not applied yet. */
import { bodyOf, h, render } from '../dom.js';
import type { Stats } from '../traffic.js';
import { amount, count, duration } from '../words.js';
import { ageElement } from './elements.js';
import { subjectOf } from './recent.js';

const SHOWN = 4;
/** The interface lists no more than these. */
const MAX_LISTED = 100;

export function showPending({ pendingInvalidations: pending }: Stats): void {
  const [oldest] = pending;
  render(
    bodyOf('pending'),
    h(
      'p',
      { class: 'big' },
      h('span', { class: 'value' }, pending.length >= MAX_LISTED ? `${MAX_LISTED} or more` : count(pending.length)),
      h('span', { class: 'hint' }, oldest === undefined ? 'nothing waits' : `oldest ${duration(oldest.elapsedMs)}`),
    ),
    oldest !== undefined && [
      h(
        'ul',
        { class: 'list' },
        pending
          .slice(0, SHOWN)
          .map((each) =>
            h(
              'li',
              {},
              each.pattern === null ? subjectOf(each) : h('code', {}, each.pattern),
              h(
                'p',
                { class: 'hint' },
                ageElement(each.requestedAt, each.elapsedMs),
                each.actor !== null && `, by ${each.actor}`,
              ),
            ),
          ),
      ),
      pending.length > SHOWN && h('p', { class: 'hint' }, `and ${amount(pending.length - SHOWN, 'other')}`),
      h('p', { class: 'hint' }, 'Each is applied before a pod that lost Redis trusts the cache again.'),
    ],
  );
}
