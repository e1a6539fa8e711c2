/**
 * Looks keys up: one MGET, the check on everything that comes back, one load of what is missing, one write of what was loaded.
 * The only place that decides what a failing Redis means to a read: a miss that is not asked again for a while, never an error.
 */
import { Answers } from './answers.js';
import type { Backend } from './backend.js';
import type { Budget } from './budget/budget.js';
import { withDeadline } from './budget/deadline.js';
import type { ReadPause } from './budget/pause.js';
import { decodeEntry, type Entry, freshForMs, type Stamp } from './entry.js';
import { Loads } from './loads.js';
import type { Counters, NamespaceCounters } from './stats/counters.js';

/** A first part of cache keys, with how long its entries live. Keys are `<name>:<id>`. */
export interface Namespace {
  readonly name: string;
  /** Raised when the shape of the values changes; an entry of another version is a miss. */
  readonly valueVersion: number;
  /** How long a value is fresh; jitter only shortens it, by up to 10 %. */
  readonly ttlSeconds: number;
  /** How long an absence is fresh. */
  readonly negativeTtlSeconds: number;
  /** How long after expiry a value (never an absence) is kept to stand in while the source is down; 0 = not at all. */
  readonly graceSeconds: number;
}

/** What a source says of one id. `value: null` is an absence, which is cached too. */
export interface Loaded<V> {
  readonly value: V | null;
  /** What the answer depends on beside its own key, e.g. `device:<id>`. */
  readonly tags: readonly string[];
}

/** What the cache says of one id. */
export interface Found<V> {
  readonly value: V | null;
  /** The entry's own key and its tags, for `RequestScope.touched`. */
  readonly deps: readonly string[];
}

/** Asks the source for all ids at once. An id that is not in the map was not answered and is treated as an error. */
export type BatchLoad<V> = (ids: readonly string[]) => Promise<ReadonlyMap<string, Loaded<V>>>;

export interface CacheReader {
  /**
   * Looks ids (unique) of one namespace up: one MGET, one load of what is missing, one pipelined write. Redis can't fail it. What
   * `load` rejects with is thrown by `get` for the ids that it concerns; it rejects with it when nothing else was cached.
   */
  getMany<V>(
    namespace: Namespace,
    ids: readonly string[],
    budget: Budget,
    load: BatchLoad<V>,
  ): Promise<ReadonlyMap<string, Found<V>>>;
}

/** The longest a fill may keep its connection busy before it is given up; nobody waits for it. */
const FILL_DEADLINE_MS = 1_000;
/** Jitter takes off up to this share of a time to live, so that what was loaded together doesn't expire together. */
const JITTER = 0.1;

export class Reader implements CacheReader {
  readonly #backend: Pick<Backend, 'journal' | 'values' | 'tier'>;
  readonly #counters: Counters;
  readonly #pause: ReadPause;
  readonly #loads = new Loads();

  constructor(backend: Pick<Backend, 'journal' | 'values' | 'tier'>, counters: Counters, pause: ReadPause) {
    this.#backend = backend;
    this.#counters = counters;
    this.#pause = pause;
  }

  async getMany<V>(
    namespace: Namespace,
    ids: readonly string[],
    budget: Budget,
    load: BatchLoad<V>,
  ): Promise<ReadonlyMap<string, Found<V>>> {
    if (ids.length === 0) return new Map(); // Redis takes an MGET of nothing for a mistake
    const { journal } = this.#backend;
    const counts = this.#counters.of(namespace.name);
    const arrivedAt = this.#loads.arrive();
    const cached = await this.#read(namespace, ids, budget, counts);
    const missing = ids.filter((id) => !cached.has(id));
    const answers = new Answers<Found<V>>();
    let loaded: ReadonlyMap<string, Entry> = new Map();
    try {
      loaded = await this.#loads.getMany(
        missing.map((id) => keyOf(namespace, id)),
        {
          arrivedAt,
          load: (keys) => this.#load(namespace, keys, load, counts),
          acceptable: (entry) => journal.trusted() && journal.ledger.servable(entry),
          onJoined: (count) => {
            counts.coalesced += count;
          },
        },
      );
    } catch (error) {
      if (cached.size === 0) throw error;
      for (const id of missing) answers.fail(id, error);
    }
    for (const id of ids) {
      const entry = cached.get(id) ?? loaded.get(keyOf(namespace, id));
      if (entry !== undefined) answers.set(id, { value: entry.x as V | null, deps: entry.d });
    }
    return answers;
  }

  /** What is cached and may be served; counts how each look-up ended. */
  async #read(
    namespace: Namespace,
    ids: readonly string[],
    budget: Budget,
    counts: NamespaceCounters,
  ): Promise<ReadonlyMap<string, Entry>> {
    const { journal, values, tier } = this.#backend;
    const pause = this.#pause;
    const trusted = journal.trusted() || (await budget.spend((deadlineMs) => journal.whenTrusted(deadlineMs)));
    if (!trusted || budget.remainingMs === 0 || !pause.admits(journal.lastSyncAt)) {
      counts.bypassed += ids.length;
      return new Map();
    }
    const keys = ids.map((id) => keyOf(namespace, id));
    let rows: unknown[];
    try {
      rows = await budget.spend((deadlineMs) => withDeadline(values.getMany<unknown>(keys), deadlineMs));
      pause.succeeded();
    } catch {
      pause.failed();
      counts.errors++;
      counts.bypassed += ids.length;
      return new Map();
    }
    const servable = new Map<string, Entry>();
    for (const [i, id] of ids.entries()) {
      const entry = decodeEntry(rows[i]);
      if (entry !== undefined && this.#mayServe(namespace, keys[i] as string, entry)) servable.set(id, entry);
    }
    counts[`${tier}Hits`] += servable.size;
    counts.misses += ids.length - servable.size;
    return servable;
  }

  #mayServe(namespace: Namespace, key: string, entry: Entry): boolean {
    const { journal } = this.#backend;
    return (
      entry.v === namespace.valueVersion &&
      entry.d[0] === key &&
      freshForMs(entry, journal.nowMs()) > 0 &&
      journal.trusted() &&
      journal.ledger.servable(entry)
    );
  }

  async #load<V>(
    namespace: Namespace,
    keys: readonly string[],
    load: BatchLoad<V>,
    counts: NamespaceCounters,
  ): Promise<ReadonlyMap<string, Entry>> {
    const { journal } = this.#backend;
    // Before the source is asked: what is invalidated from here on makes what it answers unservable.
    const stamp = journal.ledger.stamp();
    const begunAtMs = journal.nowMs();
    const storable = journal.trusted();
    counts.loads += keys.length;
    const idsByKey = new Map(keys.map((key) => [key, key.slice(namespace.name.length + 1)]));
    const loaded = await load([...idsByKey.values()]);
    const entries = new Map<string, Entry>();
    for (const [key, id] of idsByKey) {
      const answer = loaded.get(id);
      if (answer !== undefined) entries.set(key, toEntry(namespace, key, answer, stamp, begunAtMs));
    }
    if (stamp !== undefined && storable) this.#fill(namespace, entries, counts);
    return entries;
  }

  /** Not awaited by anybody: an entry that comes too late is unservable, not dangerous. */
  #fill(namespace: Namespace, entries: ReadonlyMap<string, Entry>, counts: NamespaceCounters): void {
    const { journal, values } = this.#backend;
    const rows = [...entries].filter(([, entry]) => journal.ledger.servable(entry));
    counts.rejectedFills += entries.size - rows.length;
    if (rows.length === 0 || !journal.trusted()) return;
    const stored = values.setMany(
      rows.map(([key, entry]) => {
        const graceSeconds = entry.x === null ? 0 : namespace.graceSeconds;
        return { key, value: entry, ttl: (entry.f + graceSeconds) * 1000 };
      }),
    );
    withDeadline(stored, FILL_DEADLINE_MS).catch(() => {
      counts.errors++;
    });
  }
}

function keyOf(namespace: Namespace, id: string): string {
  return `${namespace.name}:${id}`;
}

function toEntry<V>(namespace: Namespace, key: string, answer: Loaded<V>, stamp: Stamp | undefined, begunAtMs: number): Entry {
  const ttlSeconds = answer.value === null ? namespace.negativeTtlSeconds : namespace.ttlSeconds;
  return {
    v: namespace.valueVersion,
    e: stamp?.epoch ?? '',
    s: stamp?.seq ?? 0,
    t: Math.round(begunAtMs),
    f: Math.round(ttlSeconds * (1 - Math.random() * JITTER) * 1000) / 1000,
    d: [key, ...answer.tags],
    x: answer.value,
  };
}
