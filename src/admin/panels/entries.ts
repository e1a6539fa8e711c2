/** What is cached, as a tree of what keys begin with. Keys come page by page, when asked for, and are bounded: nothing here polls. */
import { type Api, sentenceOf } from '../api.js';
import { byId, h } from '../dom.js';
import { CacheEntriesDocument, type CacheEntriesQuery } from '../operations.js';
import { type Branch, treeOf } from '../tree.js';
import { amount, bytes, count, duration, literal } from '../words.js';
import { fieldLabel } from './elements.js';

type Entry = NonNullable<CacheEntriesQuery['cacheEntries']>['edges'][number]['node'];

const PAGE = 500;
/** Pages may be short; this many are asked for at once. */
const PAGES_AT_ONCE = 4;
const MAX_ENTRIES = 5_000;

export interface EntryActions {
  readonly explain: (key: string) => void;
  /** @param pattern a glob. */
  readonly purge: (pattern: string) => void;
}

export class EntriesPanel {
  readonly #api: Api;
  readonly #actions: EntryActions;
  readonly #prefix = h('input', {
    type: 'text',
    id: 'entries-prefix',
    class: 'code',
    placeholder: 'device_meta:green',
    autocomplete: 'off',
    spellcheck: 'false',
  });
  readonly #said = h(
    'p',
    { class: 'hint', role: 'status', 'aria-live': 'polite' },
    'Keys, never values. They are read when you ask for them.',
  );
  readonly #tree = h('div', { class: 'tree' });
  readonly #more = h('button', { type: 'button', class: 'quiet', hidden: true, onclick: () => this.#load() }, 'More');
  #entries = new Map<string, Entry>();
  #open = new Set<string>();
  #pattern = '*';
  #after: string | null = null;
  #lists = 0;

  constructor(api: Api, actions: EntryActions) {
    this.#api = api;
    this.#actions = actions;
    const list = (event: SubmitEvent) => {
      event.preventDefault();
      this.#entries = new Map();
      this.#open = new Set();
      this.#pattern = `${literal(this.#prefix.value)}*`;
      this.#after = null;
      void this.#load();
    };
    byId('entries').append(
      h(
        'form',
        { onsubmit: list },
        fieldLabel(this.#prefix, 'Keys that begin with', 'empty: all'),
        h('div', { class: 'row' }, this.#prefix, h('button', { type: 'submit', class: 'quiet' }, 'List')),
      ),
      this.#said,
      this.#tree,
      this.#more,
    );
  }

  async #load(): Promise<void> {
    const list = ++this.#lists;
    this.#said.textContent = 'Reading …';
    let hasMore = true;
    try {
      for (let page = 0; page < PAGES_AT_ONCE && hasMore && this.#entries.size < MAX_ENTRIES; page++) {
        const { cacheEntries } = await this.#api.ask(CacheEntriesDocument, {
          pattern: this.#pattern,
          first: PAGE,
          after: this.#after,
        });
        if (list !== this.#lists) return;
        for (const { node } of cacheEntries?.edges ?? []) this.#entries.set(node.key, node);
        this.#after = cacheEntries?.pageInfo.endCursor ?? null;
        hasMore = cacheEntries?.pageInfo.hasNextPage === true;
      }
    } catch (error) {
      this.#said.textContent = sentenceOf(error);
      return;
    }
    this.#draw(hasMore);
  }

  #draw(hasMore: boolean): void {
    const size = this.#entries.size;
    const isFull = size >= MAX_ENTRIES;
    this.#more.hidden = !hasMore || isFull;
    this.#said.textContent = !hasMore
      ? `${amount(size, 'key')}, all that there are.`
      : isFull
        ? `${count(size)} keys, and there are more: begin with a longer prefix.`
        : `${amount(size, 'key')} so far, and there are more.`;
    const tree = treeOf([...this.#entries.values()]);
    this.#tree.replaceChildren(...(size === 0 ? [] : [tree.prefix === '' ? this.#list(tree) : h('ul', {}, this.#branch(tree))]));
  }

  #list({ branches, leaves, prefix }: Branch<Entry>): HTMLElement {
    return h(
      'ul',
      {},
      branches.map((branch) => this.#branch(branch)),
      leaves.map((leaf) => this.#leaf(leaf, prefix)),
    );
  }

  #branch(branch: Branch<Entry>): HTMLElement {
    const { prefix, size } = branch;
    const details = h(
      'details',
      { open: this.#open.has(prefix) },
      h('summary', {}, h('code', {}, `${prefix}…`), h('span', { class: 'hint' }, ` ${amount(size, 'key')}`)),
    );
    // Built when it is opened: there may be thousands below.
    const fill = () => {
      if (details.open) this.#open.add(prefix);
      else this.#open.delete(prefix);
      if (details.open && details.childElementCount === 1) {
        const purge = h(
          'button',
          { type: 'button', class: 'quiet small', onclick: () => this.#actions.purge(`${literal(prefix)}*`) },
          `Purge ${prefix}* …`,
        );
        details.append(h('p', { class: 'act' }, purge), this.#list(branch));
      }
    };
    details.addEventListener('toggle', fill);
    if (details.open) fill();
    return h('li', {}, details);
  }

  #leaf({ key, ttlSeconds, bytes: size }: Entry, prefix: string): HTMLElement {
    const freshness = ttlSeconds === 0 ? 'stale, kept by grace' : `${duration(1_000 * ttlSeconds)} fresh`;
    return h(
      'li',
      { class: 'leaf' },
      h('code', { title: key }, h('span', { class: 'known' }, prefix), key.slice(prefix.length)),
      h('span', { class: 'hint' }, `${freshness}, ${bytes(size)}`),
      h(
        'button',
        { type: 'button', class: 'quiet small', 'aria-label': `Why ${key}`, onclick: () => this.#actions.explain(key) },
        'Why',
      ),
    );
  }
}
