/** How look-ups ended, by namespace: in figures, and as a bar. */
import { stackedBar } from '../bars.js';
import { bodyOf, h, render } from '../dom.js';
import type { Outcomes, Stats } from '../traffic.js';
import { count, percent } from '../words.js';
import { table, timeElement } from './elements.js';

const PARTS = [
  { key: 'hits', className: 'hit', head: 'Hit' },
  { key: 'misses', className: 'miss', head: 'Miss' },
  { key: 'bypassed', className: 'bypassed', head: 'Bypassed' },
  { key: 'staleServed', className: 'stale', head: 'Stale' },
] as const;

/** @param recent of the last minutes; empty before there is a second answer: then what was counted since the pods' start is shown. */
export function showNamespaces(stats: Stats, recent: ReadonlyMap<string, Outcomes>): void {
  const isRecent = recent.size > 0;
  const rows = stats.namespaces
    .toSorted((a, b) => a.name.localeCompare(b.name))
    .map((counts) => {
      const outcomes = isRecent ? recent.get(counts.name) : counts;
      const lookUps = (outcomes?.hits ?? 0) + (outcomes?.misses ?? 0);
      return [
        h('code', {}, counts.name),
        stackedBar(PARTS.map(({ key, className }) => ({ className, value: outcomes?.[key] ?? 0 }))),
        ...PARTS.map(({ key }) => count(outcomes?.[key] ?? 0)),
        percent(lookUps === 0 ? null : (outcomes?.hits ?? 0) / lookUps),
      ];
    });
  const heads = [
    'Namespace',
    'Share',
    ...PARTS.map(({ head, className }) => ({ figure: head, className })),
    { figure: 'Hit ratio' },
  ];
  render(
    bodyOf('namespaces'),
    table('Look-ups by namespace', heads, rows),
    h(
      'p',
      { class: 'hint' },
      isRecent ? 'Since this page was opened, five minutes at most. ' : 'Since the pods started. ',
      'In all since ',
      timeElement(stats.since),
      `: ${count(stats.namespaces.reduce((sum, { hits, misses, bypassed, staleServed }) => sum + hits + misses + bypassed + staleServed, 0))}.`,
    ),
  );
}
