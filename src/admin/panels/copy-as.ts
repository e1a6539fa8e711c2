/** Buttons that copy the purge as it stands in the form, for somebody else or for a script. The token is never in it. */
import { h } from '../dom.js';
import { asCurl, asGraphQL, type Target } from '../requests.js';

/** @param targetNow what the form names; undefined while it names nothing. */
export function copyAs(targetNow: () => Target | undefined): HTMLElement {
  const said = h('p', { class: 'hint', role: 'status', 'aria-live': 'polite' });
  const shown = h('pre', { hidden: true, tabindex: '0', 'aria-label': 'The request' });
  const copy = async (write: (target: Target) => string) => {
    const target = targetNow();
    if (target === undefined) {
      said.textContent = 'Name a pattern or ids first.';
      return;
    }
    shown.textContent = write(target);
    shown.hidden = false;
    try {
      await navigator.clipboard.writeText(shown.textContent);
      said.textContent = 'Copied. It needs your token in place of $TOKEN, or in a header.';
    } catch {
      // Not allowed, or no secure context.
      getSelection()?.selectAllChildren(shown);
      said.textContent = 'Selected: copy it with the keyboard.';
    }
  };
  return h(
    'div',
    { class: 'copy' },
    h('div', { class: 'row' }, [
      h('button', { type: 'button', class: 'quiet', onclick: () => copy(asGraphQL) }, 'Copy as GraphQL'),
      h(
        'button',
        { type: 'button', class: 'quiet', onclick: () => copy((target) => asCurl(target, location.origin)) },
        'Copy as curl',
      ),
    ]),
    said,
    shown,
  );
}
