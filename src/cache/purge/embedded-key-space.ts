/** The key space of a process without Redis: the same answers, from this process's memory. */
import { freshForMs, decodeEntry } from '../entry.js';
import { Glob } from '../protocol/glob.js';
import type { EmbeddedStore } from '../tiers/embedded-store.js';
import type { EntryInfo, EntryPage, KeySpace, NamespaceNames } from './key-space.js';
import { readJson, type Stored } from './stored.js';

export class EmbeddedKeySpace implements KeySpace {
  readonly #store: EmbeddedStore;
  readonly #names: NamespaceNames;
  readonly #nowMs: () => number;

  constructor(store: EmbeddedStore, names: NamespaceNames, nowMs: () => number) {
    this.#store = store;
    this.#names = names;
    this.#nowMs = nowMs;
  }

  count(pattern: string): Promise<number> {
    return Promise.resolve(this.#matching(pattern).length);
  }

  async *free(pattern: string): AsyncGenerator<number> {
    const keys = this.#matching(pattern);
    await this.freeKeys(keys);
    yield keys.length;
  }

  async freeKeys(keys: readonly string[]): Promise<void> {
    await this.#store.deleteMany([...keys]);
  }

  /** Walks in the order of the keys, so that a position is the last key listed. */
  list(pattern: string, first: number, from: string | undefined): Promise<EntryPage | undefined> {
    const keys = this.#matching(pattern)
      .filter((key) => from === undefined || key > from)
      .sort();
    const page = keys.slice(0, first);
    return Promise.resolve({
      entries: page.map((key) => this.#describe(key)),
      next: keys.length > page.length ? page.at(-1) : undefined,
    });
  }

  peek(key: string): Promise<Stored | undefined> {
    const stored = this.#store.peek(key);
    if (typeof stored !== 'string') return Promise.resolve(stored && { bytes: stored.bytes, value: stored.entry });
    return Promise.resolve({ bytes: Buffer.byteLength(stored), value: readJson(stored) });
  }

  #matching(pattern: string): string[] {
    const glob = new Glob(pattern);
    return [...this.#store.keys()].filter((key) => this.#names.of(key) !== undefined && glob.matches(key));
  }

  #describe(key: string): EntryInfo {
    const stored = this.#store.peek(key) ?? 'null';
    const entry = typeof stored === 'string' ? decodeEntry(JSON.parse(stored)) : stored.entry;
    const freshMs = entry === undefined ? this.#store.remainingTtlMs(key) : freshForMs(entry, this.#nowMs());
    return {
      key,
      ttlSeconds: Math.max(0, freshMs / 1000),
      bytes: typeof stored === 'string' ? Buffer.byteLength(stored) : stored.bytes,
    };
  }
}
