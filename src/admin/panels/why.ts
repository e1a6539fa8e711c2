/** Why one key is, or is not, answered from the cache. */
import { type Api, sentenceOf } from '../api.js';
import { byId, h } from '../dom.js';
import { ExplainCacheEntryDocument, type ExplainCacheEntryQuery } from '../operations.js';
import { bytes } from '../words.js';
import { facts, sign, timeElement } from './elements.js';

type Explanation = NonNullable<ExplainCacheEntryQuery['explainCacheEntry']>;

export class WhyPanel {
  readonly #api: Api;
  readonly #namespaces: () => readonly string[];
  readonly #key = h('input', {
    type: 'text',
    id: 'why-key',
    class: 'code',
    placeholder: 'greenhouse-9c04|Tomatoes',
    autocomplete: 'off',
    spellcheck: 'false',
  });
  readonly #answer = h('div', { class: 'answer', role: 'status', 'aria-live': 'polite' });

  /** @param namespaces by which a key is told from a device's id. */
  constructor(api: Api, namespaces: () => readonly string[]) {
    this.#api = api;
    this.#namespaces = namespaces;
    const submit = (event: SubmitEvent) => {
      event.preventDefault();
      void this.#ask();
    };
    byId('why').append(
      h(
        'form',
        { onsubmit: submit },
        h('label', { for: 'why-key' }, 'Device id or key'),
        h('div', { class: 'row' }, this.#key, h('button', { type: 'submit', class: 'quiet' }, 'Explain')),
      ),
      this.#answer,
    );
  }

  explain(key: string): void {
    this.#key.value = key;
    this.#key.focus();
    void this.#ask();
  }

  async #ask(): Promise<void> {
    const text = this.#key.value.trim();
    if (text === '') return;
    const key = this.#namespaces().some((name) => text.startsWith(`${name}:`)) ? text : `device_meta:${text}`;
    try {
      const { explainCacheEntry } = await this.#api.ask(ExplainCacheEntryDocument, { key });
      if (explainCacheEntry !== null) this.#show(explainCacheEntry);
    } catch (error) {
      this.#answer.replaceChildren(h('p', { class: 'refused' }, sentenceOf(error)));
    }
  }

  #show(entry: Explanation): void {
    const places = [entry.inMemory && "the pod's memory", entry.inRedis === true && 'Redis'].filter(Boolean);
    const isThere = places.length > 0;
    this.#answer.replaceChildren(
      h(
        'p',
        { class: 'sentence' },
        sign(entry.servable ? 'good' : 'warning', entry.servable ? 'From the cache.' : 'Not from the cache.'),
        ' ',
        entry.reason,
      ),
      facts([
        ['Key', h('code', {}, entry.key)],
        [
          'Found in',
          isThere ? places.join(' and ') : entry.inRedis === null ? "not in the pod's memory; Redis can't be asked" : 'nowhere',
        ],
        isThere ? ['Says', entry.absent === true ? 'that there is nothing' : 'a value'] : undefined,
        entry.storedAt === null ? undefined : ['Stored', timeElement(entry.storedAt, { withSeconds: true })],
        entry.freshUntil === null ? undefined : ['Fresh until', timeElement(entry.freshUntil, { withSeconds: true })],
        entry.staleUntil === null ? undefined : ['Stands in until', timeElement(entry.staleUntil, { withSeconds: true })],
        entry.sizeBytes === null ? undefined : ['Size', bytes(entry.sizeBytes)],
      ]),
      ...(entry.tags.length === 0
        ? []
        : [
            h('p', { class: 'hint' }, 'Built from; an invalidation of any of these makes it unservable:'),
            h(
              'ul',
              { class: 'tags', tabindex: '0', 'aria-label': 'What it was built from' },
              entry.tags.map((tag) => h('li', {}, h('code', {}, tag))),
            ),
          ]),
    );
  }
}
