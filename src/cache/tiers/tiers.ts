/**
 * Both tiers as one shelf: this pod's memory, and the store behind it. Whatever leaves here has passed the one check just now, in
 * the same turn; who hands it on later, or to somebody who came later, checks again. Called by the reader and the fleet's loader.
 */
import type { Backend } from '../backend.js';
import { withDeadline } from '../budget/deadline.js';
import { decodeEntry, type Entry } from '../entry.js';
import { graceSecondsOf, objectionTo } from '../judgement.js';
import type { Namespace } from '../lookup.js';
import { Row } from './values.js';

/** The longest a fill may keep its connection busy before it is given up; no read waits for it. */
const FILL_DEADLINE_MS = 1_000;

/** What stands under keys and was not invalidated. It may be past its time. */
export type Shelf = Map<string, Entry>;

export class Tiers {
  readonly #backend: Pick<Backend, 'journal' | 'values' | 'l1'>;

  constructor(backend: Pick<Backend, 'journal' | 'values' | 'l1'>) {
    this.#backend = backend;
  }

  /** What this pod has in its memory. */
  inMemory(namespace: Namespace, keys: readonly string[]): Shelf {
    const found: Shelf = new Map();
    const { journal, l1 } = this.#backend;
    if (l1 === undefined || !journal.trusted()) return found;
    for (const key of keys) {
      const entry = l1.get(key);
      if (entry?.v === namespace.valueVersion) found.set(key, entry);
    }
    return found;
  }

  /** What the store has, by one MGET. Rejects when it can't be asked, or not in time. */
  async inStore(namespace: Namespace, keys: readonly string[], deadlineMs: number): Promise<Shelf> {
    const { journal, values, l1 } = this.#backend;
    const rows = await withDeadline(values.getMany<unknown>([...keys]), deadlineMs);
    const found: Shelf = new Map();
    if (!journal.trusted()) return found;
    for (const [i, key] of keys.entries()) {
      const entry = decodeEntry(rows[i]);
      if (entry === undefined || objectionTo(entry, key, namespace, journal.ledger) !== undefined) continue;
      l1?.set(key, entry, graceSecondsOf(entry, namespace));
      found.set(key, entry);
    }
    return found;
  }

  /** Stores what was loaded, in both. Rejects when the store can't be asked; what comes too late is unservable, not dangerous. */
  async store(namespace: Namespace, entries: ReadonlyMap<string, Entry>): Promise<void> {
    const { journal, values, l1 } = this.#backend;
    const rows = [...entries].map(([key, value]) => {
      const text = JSON.stringify(value);
      const graceSeconds = graceSecondsOf(value, namespace);
      // A copy: the source's own may refer to more than it says, as a slice of a long text does, or an array with room to grow.
      l1?.set(key, JSON.parse(text) as Entry, graceSeconds);
      return { key, value: new Row(text), ttl: (value.f + graceSeconds) * 1000 };
    });
    if (rows.length > 0 && journal.trusted()) await withDeadline(values.setMany(rows), FILL_DEADLINE_MS);
  }
}
