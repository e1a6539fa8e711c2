/**
 * Looks keys up: this pod's memory, one MGET for the rest, the check on everything that comes back, one load of what is missing.
 * The only place that decides what a failing Redis means to a read: a miss that is not asked again for a while, never an error; and
 * what a failing source means: what has just expired stands in, marked, where there is something.
 */
import { Answers } from './answers.js';
import type { Backend } from './backend.js';
import type { Budget } from './budget/budget.js';
import { DeadlineError, withDeadline } from './budget/deadline.js';
import type { ReadPause } from './budget/pause.js';
import { type Entry, freshForMs } from './entry.js';
import { FleetLoader, type FleetLoad } from './fleet-loader.js';
import { ageOf } from './judgement.js';
import { Loads } from './loads.js';
import { type BatchLoad, type CacheReader, type Found, keyOf, type Namespace } from './lookup.js';
import { SourceHealth } from './source-health.js';
import type { Counters, NamespaceCounters } from './stats/counters.js';
import { type Shelf, Tiers } from './tiers/tiers.js';

/** A source that is silent for so long is down, where something can stand in; as long as an unreachable one takes to fail. */
const DOWN_AFTER_MS = 2_000;

/** What the cache has for a read. */
interface Cached {
  readonly fresh: Shelf;
  /** Past its time, but may stand in while the source is down. */
  readonly stale: Shelf;
  /** How the look-ups end that found nothing fresh: by a miss, or without having asked everybody. */
  endAs: 'misses' | 'bypassed';
}

export class Reader implements CacheReader {
  readonly #backend: Backend;
  readonly #counters: Counters;
  readonly #pause: ReadPause;
  readonly #tiers: Tiers;
  readonly #loader: FleetLoader;
  readonly #loads = new Loads();
  readonly #source = new SourceHealth();

  constructor(backend: Backend, counters: Counters, pause: ReadPause) {
    this.#backend = backend;
    this.#counters = counters;
    this.#pause = pause;
    this.#tiers = new Tiers(backend);
    this.#loader = new FleetLoader({ backend, tiers: this.#tiers, pause, source: this.#source, counters });
  }

  /** Whether the source did not answer when it was last asked, so that what is past its time stands in. */
  get isSourceDown(): boolean {
    return this.#source.isDown;
  }

  async getMany<V>(
    namespace: Namespace,
    ids: readonly string[],
    budget: Budget,
    load: BatchLoad<V>,
    counts = this.#counters.of(namespace.name),
  ): Promise<ReadonlyMap<string, Found<V>>> {
    if (ids.length === 0) return new Map(); // Redis takes an MGET of nothing for a mistake
    const arrivedAt = this.#loads.arrive();
    const keys = ids.map((id) => keyOf(namespace, id));
    const { fresh, stale, endAs } = await this.#read(namespace, keys, budget, counts);
    const answers = new Answers<Found<V>>();
    const answer = (key: string, entry: Entry, staleAgeSeconds?: number): void => {
      const found = { value: entry.x as V | null, deps: entry.d, freshForMs: freshForMs(entry, this.#backend.journal.nowMs()) };
      answers.set(idOf(namespace, key), staleAgeSeconds === undefined ? found : { ...found, staleAgeSeconds });
    };
    for (const [key, entry] of fresh) answer(key, entry);
    if (fresh.size === keys.length) return answers;

    const standIn = (key: string, entry: Entry): void => {
      counts.staleServed++;
      answer(key, entry, Math.max(0, Math.round((this.#backend.journal.nowMs() - entry.t) / 1000)));
    };
    let missing = keys.filter((key) => !fresh.has(key));
    const read = { namespace, budget, load, counts };
    if (this.#source.isDown && stale.size > 0) {
      // Nobody waits for a source that is known to be down; one read a second finds out whether it is back.
      if (this.#source.mayProbe()) void this.#load([...stale.keys()], arrivedAt, read).catch(() => undefined);
      for (const [key, entry] of stale) standIn(key, entry);
      missing = missing.filter((key) => !stale.has(key));
    }
    try {
      const loading = this.#load(missing, arrivedAt, read);
      const allCanStandIn = missing.length > 0 && missing.every((key) => stale.has(key));
      for (const [key, entry] of await (allCanStandIn ? withDeadline(loading, DOWN_AFTER_MS) : loading)) answer(key, entry);
      for (const key of missing) if (stale.has(key)) counts[endAs]++;
    } catch (error) {
      if (error instanceof DeadlineError) this.#source.failed(); // frozen: the load ends late, and nobody else waits for it
      for (const key of missing) {
        const entry = stale.get(key);
        if (entry !== undefined) standIn(key, entry);
      }
      if (answers.size === 0) throw error;
      for (const key of missing) if (!stale.has(key)) answers.fail(idOf(namespace, key), error);
    }
    return answers;
  }

  /** Counts how each look-up ended, except those with a stand-in: what becomes of them is not known yet. */
  async #read(namespace: Namespace, keys: readonly string[], budget: Budget, counts: NamespaceCounters): Promise<Cached> {
    const cached = await this.#look(namespace, keys, budget, counts);
    counts[cached.endAs] += keys.length - cached.fresh.size - cached.stale.size;
    return cached;
  }

  async #look(namespace: Namespace, keys: readonly string[], budget: Budget, counts: NamespaceCounters): Promise<Cached> {
    const { journal, tier } = this.#backend;
    const cached: Cached = { fresh: new Map(), stale: new Map(), endAs: 'bypassed' };
    const trusted = journal.trusted() || (await budget.spend((deadlineMs) => journal.whenTrusted(deadlineMs)));
    if (!trusted) return cached;

    this.#sort(namespace, this.#tiers.inMemory(namespace, keys), cached);
    const inMemory = cached.fresh.size;
    counts.l1Hits += inMemory;
    const wanted = inMemory === 0 ? keys : keys.filter((key) => !cached.fresh.has(key));
    if (wanted.length === 0 || budget.remainingMs === 0 || !this.#pause.admits(journal.lastSyncAt)) return cached;
    try {
      const shelf = await budget.spend((deadlineMs) => this.#tiers.inStore(namespace, wanted, deadlineMs));
      this.#pause.succeeded();
      this.#sort(namespace, shelf, cached);
      counts[`${tier}Hits`] += cached.fresh.size - inMemory;
      cached.endAs = 'misses';
    } catch {
      this.#pause.failed();
      this.#counters.failed('read', counts);
    }
    return cached;
  }

  #sort(namespace: Namespace, shelf: Shelf, { fresh, stale }: Cached): void {
    const nowMs = this.#backend.journal.nowMs();
    for (const [key, entry] of shelf) {
      const age = ageOf(entry, namespace, nowMs);
      if (age === 'fresh') {
        fresh.set(key, entry);
        stale.delete(key);
      } else if (age === 'stale') {
        stale.set(key, entry);
      }
    }
  }

  #load<V>(keys: readonly string[], arrivedAt: number, read: FleetLoad<V>): Promise<Map<string, Entry>> {
    const { journal } = this.#backend;
    return this.#loads.getMany(keys, {
      arrivedAt,
      load: (unclaimed) => this.#loader.load(unclaimed, read),
      acceptable: (entry) => journal.trusted() && journal.ledger.servable(entry),
      onJoined: (count) => {
        read.counts.coalesced += count;
      },
    });
  }
}

function idOf(namespace: Namespace, key: string): string {
  return key.slice(namespace.name.length + 1);
}
