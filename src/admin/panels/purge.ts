/** Purging by pattern or by ids: counted before, explained after. Without `cache:admin` it says so and only copies requests. */
import { type Api, sentenceOf } from '../api.js';
import { DryRun, type Forecast } from '../dry-run.js';
import { byId, h } from '../dom.js';
import { ClearCacheDocument, InvalidateCacheDocument, InvalidateDevicesDocument } from '../operations.js';
import type { Invalidation } from '../outcome.js';
import type { Target } from '../requests.js';
import { amount } from '../words.js';
import { clearAllButton } from './clear-all.js';
import { copyAs } from './copy-as.js';
import { fieldLabel } from './elements.js';
import { PurgeOutcome } from './purge-outcome.js';

export class PurgePanel {
  readonly #api: Api;
  readonly #onPurged: () => void;
  readonly #dryRun: DryRun;
  readonly #outcome: PurgeOutcome;
  #mayPurge = false;
  #isBusy = false;
  #forecast: Forecast | undefined;

  readonly #byPattern = h('input', { type: 'radio', name: 'by', id: 'by-pattern', checked: true });
  readonly #byIds = h('input', { type: 'radio', name: 'by', id: 'by-ids' });
  readonly #pattern = h('input', {
    type: 'text',
    id: 'pattern',
    class: 'code',
    placeholder: 'device_meta:green*',
    autocomplete: 'off',
    spellcheck: 'false',
  });
  readonly #ids = h('textarea', {
    id: 'ids',
    class: 'code',
    rows: '3',
    placeholder: 'greenhouse-9c04|Tomatoes',
    autocomplete: 'off',
    spellcheck: 'false',
  });
  readonly #patternField = h(
    'div',
    { class: 'field' },
    fieldLabel(this.#pattern, 'Pattern', 'of keys, with * ? […]'),
    this.#pattern,
  );
  readonly #idsField = h('div', { class: 'field', hidden: true }, fieldLabel(this.#ids, 'Device ids', 'one a line'), this.#ids);
  readonly #said = h('p', { class: 'hint forecast', role: 'status', 'aria-live': 'polite' });
  readonly #button = h('button', { type: 'submit', class: 'danger' }, 'Purge');
  readonly #clear = clearAllButton(() => this.#clearAll());
  readonly #reason = h('p', { class: 'reason', id: 'purge-reason' });

  /** @param onPurged there is something new among the recent purges. */
  constructor(api: Api, onPurged: () => void) {
    this.#api = api;
    this.#onPurged = onPurged;
    this.#outcome = new PurgeOutcome(api, onPurged);
    this.#dryRun = new DryRun(api, (forecast) => {
      this.#forecast = forecast;
      this.#refresh();
    });
    const choose = () => {
      this.#patternField.hidden = this.#byIds.checked;
      this.#idsField.hidden = !this.#byIds.checked;
      this.#count();
    };
    for (const radio of [this.#byPattern, this.#byIds]) radio.addEventListener('change', choose);
    for (const field of [this.#pattern, this.#ids]) field.addEventListener('input', () => this.#count());
    const submit = (event: SubmitEvent) => {
      event.preventDefault();
      void this.#purge();
    };
    byId('purge').append(
      h(
        'form',
        { onsubmit: submit },
        h(
          'fieldset',
          { class: 'choice' },
          h('legend', { class: 'hidden' }, 'What to purge'),
          h('label', {}, this.#byPattern, ' by pattern'),
          h('label', {}, this.#byIds, ' by device ids'),
        ),
        this.#patternField,
        this.#idsField,
        this.#said,
        this.#reason,
        h('div', { class: 'row' }, this.#button, this.#clear),
      ),
      this.#outcome.element,
      copyAs(() => this.#target()),
    );
    this.#refresh();
  }

  allow(mayPurge: boolean): void {
    if (this.#mayPurge === mayPurge) return;
    this.#mayPurge = mayPurge;
    this.#count();
  }

  /** What was counted may no longer be so. */
  recount(): void {
    this.#count();
  }

  /** Fills the form in for somebody who found the keys elsewhere on the page. */
  suggest(pattern: string): void {
    this.#byPattern.checked = true;
    this.#byPattern.dispatchEvent(new Event('change'));
    this.#pattern.value = pattern;
    this.#pattern.focus();
    this.#count();
  }

  #target(): Target | undefined {
    if (this.#byPattern.checked) return this.#pattern.value === '' ? undefined : { pattern: this.#pattern.value };
    const ids = [...new Set(this.#ids.value.split('\n').filter((id) => id !== ''))];
    return ids.length === 0 ? undefined : { ids };
  }

  #count(): void {
    if (this.#mayPurge) this.#dryRun.of(this.#target());
    else this.#refresh();
  }

  #refresh(): void {
    const forecast = this.#forecast;
    const isReady = forecast?.state === 'counted' || forecast?.state === 'uncounted';
    this.#said.textContent = this.#mayPurge ? (forecast?.sentence ?? '') : '';
    this.#said.classList.toggle('refused', forecast?.state === 'refused');
    this.#button.textContent = forecast?.button ?? 'Purge';
    this.#button.disabled = !this.#mayPurge || this.#isBusy || !isReady;
    this.#clear.disabled = !this.#mayPurge || this.#isBusy;
    this.#reason.textContent = this.#mayPurge ? '' : 'Your token may look, and not purge: that needs the permission cache:admin.';
  }

  async #purge(): Promise<void> {
    const target = this.#target();
    if (target === undefined || this.#button.disabled) return;
    if ('pattern' in target) {
      const { pattern } = target;
      await this.#run(pattern, async () => (await this.#api.ask(InvalidateCacheDocument, { pattern })).invalidateCache);
    } else {
      const ids = [...target.ids];
      await this.#run(
        amount(ids.length, 'device'),
        async () => (await this.#api.ask(InvalidateDevicesDocument, { ids })).invalidateDevices,
      );
    }
  }

  async #clearAll(): Promise<void> {
    await this.#run('*', async () => (await this.#api.ask(ClearCacheDocument, {})).clearCache);
  }

  async #run(subject: string, purge: () => Promise<Invalidation | null>): Promise<void> {
    this.#isBusy = true;
    this.#refresh();
    try {
      const invalidation = await purge();
      if (invalidation !== null) this.#outcome.show(subject, invalidation);
    } catch (error) {
      this.#outcome.fail(sentenceOf(error));
    } finally {
      this.#isBusy = false;
      this.#count();
      this.#onPurged();
    }
  }
}
