/** What became of the last purge. Follows one that is pending until it is applied, on any pod that answers. */
import { type Api, Refusal } from '../api.js';
import { h } from '../dom.js';
import { CacheInvalidationDocument } from '../operations.js';
import { type Invalidation, outcomeOf } from '../outcome.js';
import { sign } from './elements.js';

const FOLLOW_MS = 2_000;

export class PurgeOutcome {
  readonly element = h('div', { class: 'outcome', role: 'status', 'aria-live': 'polite' });
  readonly #api: Api;
  readonly #onApplied: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(api: Api, onApplied: () => void) {
    this.#api = api;
    this.#onApplied = onApplied;
  }

  show(subject: string, invalidation: Invalidation): void {
    clearTimeout(this.#timer);
    const { tone, sentence, figures, meaning } = outcomeOf(invalidation);
    this.element.replaceChildren(
      h('p', { class: 'sentence' }, sign(tone, sentence)),
      h('p', { class: 'figures' }, h('code', {}, subject), ` · ${figures}`),
      ...(meaning === '' ? [] : [h('p', { class: 'hint' }, meaning)]),
    );
    if (invalidation.status !== 'PENDING') return;
    this.#timer = setTimeout(() => void this.#follow(subject, invalidation), FOLLOW_MS);
  }

  fail(sentence: string): void {
    clearTimeout(this.#timer);
    this.element.replaceChildren(h('p', { class: 'sentence' }, sign('bad', 'Not purged.')), h('p', {}, sentence));
  }

  async #follow(subject: string, before: Invalidation): Promise<void> {
    let now: Invalidation | null = before;
    try {
      now = (await this.#api.ask(CacheInvalidationDocument, { id: before.id })).cacheInvalidation;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      // It is still where it was, as far as anybody can say; asked again.
    }
    if (now?.status === 'APPLIED') {
      this.show(subject, now);
      this.#onApplied();
      return;
    }
    this.#timer = setTimeout(() => void this.#follow(subject, now ?? before), FOLLOW_MS);
  }
}
