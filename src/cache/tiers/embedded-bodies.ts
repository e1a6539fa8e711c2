/** Whole responses in a process on its own: in the one store that all its entries are in, so that they are counted and bounded there. */
import { type Entry, servedForMs } from '../entry.js';
import type { Journal } from '../protocol/journal.js';
import type { EmbeddedStore } from './embedded-store.js';
import type { Memory } from './l1.js';

export class EmbeddedBodies implements Memory {
  readonly #store: EmbeddedStore;
  readonly #journal: Journal;

  constructor(store: EmbeddedStore, journal: Journal) {
    this.#store = store;
    this.#journal = journal;
  }

  get(key: string): Entry | undefined {
    const entry = this.#store.getBody(key)?.entry;
    return entry !== undefined && this.#journal.ledger.servable(entry) ? entry : undefined;
  }

  delete(key: string): void {
    void this.#store.delete(key); // at once, whatever its type says
  }

  peek(key: string): Entry | undefined {
    const stored = this.#store.peek(key);
    return typeof stored === 'string' ? undefined : stored?.entry;
  }

  set(key: string, entry: Entry, _graceSeconds: number, bytes = 0): void {
    const ttlMs = servedForMs(entry, this.#journal.nowMs());
    if (ttlMs > 0) this.#store.setBody(key, { entry, bytes }, ttlMs);
  }
}
