/** Bars of shares, as SVG because the content security policy allows no inline style. What they show stands beside them in figures. */
import { svg } from './dom.js';

/** One bar, parted; the parts' classes give their colour and texture. */
export function stackedBar(parts: readonly { readonly className: string; readonly value: number }[]): SVGSVGElement {
  const total = parts.reduce((sum, { value }) => sum + value, 0);
  let from = 0;
  return svg(
    'svg',
    { class: 'bar', 'aria-hidden': 'true', focusable: 'false' },
    svg('rect', { class: 'rail', width: '100%', height: '100%' }),
    parts.map(({ className, value }) => {
      const share = total === 0 ? 0 : (100 * value) / total;
      const rect = svg('rect', { class: className, x: `${from}%`, width: `${share}%`, height: '100%' });
      from += share;
      return rect;
    }),
  );
}

/** How much of a limit is used. */
export function meter(value: number, limit: number): SVGSVGElement {
  const share = limit === 0 ? 0 : Math.min(1, value / limit);
  return svg(
    'svg',
    { class: 'meter', 'aria-hidden': 'true', focusable: 'false' },
    svg('rect', { class: 'rail', width: '100%', height: '100%' }),
    svg('rect', { class: 'used', width: `${100 * share}%`, height: '100%' }),
  );
}
