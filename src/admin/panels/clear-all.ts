/** Clearing everything: behind a dialog in which the word has to be typed. */
import { h } from '../dom.js';

const WORD = 'clear everything';

/** The button that opens the dialog. @param onConfirmed called when the word was typed and confirmed. */
export function clearAllButton(onConfirmed: () => unknown): HTMLButtonElement {
  const word = h('input', { id: 'clear-word', type: 'text', autocomplete: 'off', spellcheck: 'false' });
  const confirm = h('button', { type: 'submit', class: 'danger', disabled: true }, 'Clear everything');
  const dialog: HTMLDialogElement = h(
    'dialog',
    { 'aria-labelledby': 'clear-title' },
    h(
      'form',
      {
        onsubmit: (event: SubmitEvent) => {
          event.preventDefault();
          if (word.value !== WORD) return;
          dialog.close();
          onConfirmed();
        },
      },
      h('h2', { id: 'clear-title' }, 'Clear the whole cache?'),
      h(
        'p',
        {},
        'All pods lose all that they have cached. Answers stay right; until the cache is warm again the database is asked for everything.',
      ),
      h('label', { for: 'clear-word' }, 'Type ', h('strong', {}, WORD), ' to confirm'),
      word,
      h(
        'div',
        { class: 'row' },
        confirm,
        h('button', { type: 'button', class: 'quiet', onclick: () => dialog.close() }, 'Cancel'),
      ),
    ),
  );
  word.addEventListener('input', () => (confirm.disabled = word.value !== WORD));
  return h(
    'button',
    {
      type: 'button',
      class: 'quiet danger-text',
      onclick: () => {
        word.value = '';
        confirm.disabled = true;
        if (!dialog.isConnected) document.body.append(dialog);
        dialog.showModal();
        word.focus();
      },
    },
    'Clear everything …',
  );
}
