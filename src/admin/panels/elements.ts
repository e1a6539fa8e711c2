/** Small elements that several panels show. */
import { h } from '../dom.js';
import { duration, time, UNKNOWN } from '../words.js';

/** Local time; the exact one in UTC when asked for by pointing at it. */
export function timeElement(at: string | Date | null, options?: { readonly withSeconds?: boolean }): HTMLElement | string {
  if (at === null) return UNKNOWN;
  const date = new Date(at);
  const iso = date.toISOString();
  return h('time', { datetime: iso, title: iso }, time(date, options));
}

/** How long ago, with the exact time when pointed at. */
export function ageElement(since: string, ageMs: number): HTMLElement {
  return h('time', { datetime: since, title: since }, duration(ageMs));
}

/** A table whose first column names the rows. */
export function table(
  caption: string,
  heads: readonly (string | { readonly figure: string; readonly className?: string })[],
  rows: readonly (readonly Parameters<typeof h>[2][])[],
): HTMLElement {
  const isFigure = (column: number) => typeof heads[column] === 'object';
  return h(
    'table',
    {},
    h('caption', { class: 'hidden' }, caption),
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        heads.map((head) =>
          typeof head === 'string'
            ? h('th', { scope: 'col' }, head)
            : h(
                'th',
                { scope: 'col', class: 'figure' },
                head.className !== undefined && h('span', { class: `swatch ${head.className}`, 'aria-hidden': 'true' }),
                head.figure,
              ),
        ),
      ),
    ),
    h(
      'tbody',
      {},
      rows.map((cells) =>
        h(
          'tr',
          {},
          cells.map((cell, column) =>
            column === 0 ? h('th', { scope: 'row' }, cell) : h('td', { class: isFigure(column) && 'figure' }, cell),
          ),
        ),
      ),
    ),
  );
}

/** A state in words, with a sign that is not only a colour. */
export function sign(tone: 'good' | 'warning' | 'bad', text: string): HTMLElement {
  const mark = { good: '●', warning: '▲', bad: '■' }[tone];
  return h('span', { class: `sign ${tone}` }, h('span', { class: 'mark', 'aria-hidden': 'true' }, mark), ` ${text}`);
}

/** Name and value pairs. */
export function facts(pairs: readonly (readonly [string, Parameters<typeof h>[2]] | undefined)[]): HTMLElement {
  return h(
    'dl',
    { class: 'facts' },
    pairs.flatMap((pair) => (pair === undefined ? [] : [h('div', {}, h('dt', {}, pair[0]), h('dd', {}, pair[1]))])),
  );
}

/** A field's name, and beside it what may be written into it. */
export function fieldLabel(field: HTMLInputElement | HTMLTextAreaElement, name: string, hint: string): HTMLElement {
  const hintId = `${field.id}-hint`;
  field.setAttribute('aria-describedby', hintId);
  return h('div', { class: 'label' }, h('label', { for: field.id }, name), h('span', { class: 'hint', id: hintId }, hint));
}
