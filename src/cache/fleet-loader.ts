/**
 * Loads cold keys, one load for all pods: who claims a key asks the source and stores the answer, the others wait for that a little.
 * Whatever goes wrong with the claims costs a second load and nothing else. Called by the reader, for what nobody in this pod loads.
 */
import type { Backend } from './backend.js';
import type { Budget } from './budget/budget.js';
import { withDeadline } from './budget/deadline.js';
import type { ReadPause } from './budget/pause.js';
import { type Entry, freshForMs, type Stamp } from './entry.js';
import { type BatchLoad, JITTER, keyOf, type Loaded, type Namespace } from './lookup.js';
import type { Claims } from './protocol/locks.js';
import type { SourceHealth } from './source-health.js';
import type { Counters, NamespaceCounters } from './stats/counters.js';
import type { Shelf, Tiers } from './tiers/tiers.js';

/** When those who wait for another pod's load look for it. */
const LOOK_AFTER_MS = [5, 10, 20, 40, 80, 95];
/** Long enough for a Redis that is busy, or a pod that is: who gives up loads what is being loaded. */
const LOOK_DEADLINE_MS = 50;

/** One read's loads: what they are of, who pays for the waits, where they are counted. */
export interface FleetLoad<V = unknown> {
  readonly namespace: Namespace;
  readonly budget: Budget;
  readonly load: BatchLoad<V>;
  readonly counts: NamespaceCounters;
}

export interface FleetLoaderParts {
  readonly backend: Pick<Backend, 'journal' | 'locks'>;
  readonly tiers: Tiers;
  readonly pause: ReadPause;
  readonly source: SourceHealth;
  readonly counters: Counters;
}

export class FleetLoader {
  readonly #parts: FleetLoaderParts;

  constructor(parts: FleetLoaderParts) {
    this.#parts = parts;
  }

  /** Rejects with what the source rejects with. */
  async load<V>(keys: readonly string[], read: FleetLoad<V>): Promise<ReadonlyMap<string, Entry>> {
    // A load of this pod may have ended while the store was asked for what it has stored since.
    const found = this.#fresh(this.#parts.tiers.inMemory(read.namespace, keys));
    const cold = keys.filter((key) => !found.has(key));
    const claims = cold.length === 0 ? undefined : await this.#claim(cold, read);
    const mine = claims === undefined ? cold : cold.filter((key) => claims.won.has(key));
    const stored = cold.filter((key) => claims?.stored.has(key));
    const others = claims === undefined ? [] : cold.filter((key) => !claims.won.has(key) && !claims.stored.has(key));
    const [loaded, ...shared] = await Promise.all([
      mine.length === 0 ? new Map<string, Entry>() : this.#ask(mine, read, claims && mine),
      this.#lookAgain(stored, read),
      this.#awaitOthers(others, read),
    ]);
    for (const each of shared) for (const [key, entry] of each) found.set(key, entry);
    read.counts.coalesced += found.size;
    const left = [...stored, ...others].filter((key) => !found.has(key));
    const rest = left.length === 0 ? [] : await this.#ask(left, read);
    return new Map([...found, ...loaded, ...rest]);
  }

  /** What every pod may claim and load; undefined when that can't be agreed on: then every pod loads for itself. */
  async #claim(keys: readonly string[], { budget, counts }: FleetLoad): Promise<Claims | undefined> {
    const { backend, pause, counters } = this.#parts;
    const { journal, locks } = backend;
    const stamp = journal.ledger.stamp();
    const canAsk = journal.trusted() && budget.remainingMs > 0 && pause.state(journal.lastSyncAt) === 'CLOSED';
    if (locks === undefined || stamp === undefined || !canAsk) return undefined;
    try {
      return await budget.spend((deadlineMs) => withDeadline(locks.claim(keys, stamp), deadlineMs));
    } catch {
      counters.failed('claim', counts);
      return undefined; // the next sync or read finds out what is wrong with Redis
    }
  }

  async #lookAgain(keys: readonly string[], { namespace, budget }: FleetLoad): Promise<Shelf> {
    if (keys.length === 0) return new Map();
    try {
      const shelf = await budget.spend((deadlineMs) => this.#parts.tiers.inStore(namespace, keys, deadlineMs));
      return this.#fresh(shelf);
    } catch {
      return new Map(); // as above
    }
  }

  async #awaitOthers(keys: readonly string[], { namespace, budget }: FleetLoad): Promise<Shelf> {
    const found = new Map<string, Entry>();
    let missing = keys;
    for (const lookAfterMs of LOOK_AFTER_MS) {
      if (missing.length === 0 || budget.othersLoads.remainingMs === 0) break;
      try {
        await budget.othersLoads.spend(async (deadlineMs) => {
          await new Promise((resolve) => setTimeout(resolve, Math.min(lookAfterMs, deadlineMs)));
          const shelf = await this.#parts.tiers.inStore(namespace, missing, LOOK_DEADLINE_MS);
          for (const [key, entry] of this.#fresh(shelf)) found.set(key, entry);
        });
      } catch {
        break; // Redis is out or slow: waiting for it any longer is worse than a second load
      }
      missing = missing.filter((key) => !found.has(key));
    }
    return found;
  }

  #fresh(shelf: Shelf): Shelf {
    const nowMs = this.#parts.backend.journal.nowMs();
    return new Map([...shelf].filter(([, entry]) => freshForMs(entry, nowMs) > 0));
  }

  /** @param claimed what the other pods wait for, and are told of as soon as it is stored. */
  async #ask<V>(
    keys: readonly string[],
    { namespace, load, counts }: FleetLoad<V>,
    claimed: readonly string[] = [],
  ): Promise<ReadonlyMap<string, Entry>> {
    const { journal } = this.#parts.backend;
    const { source } = this.#parts;
    // Before the source is asked: what is invalidated from here on makes what it answers unservable.
    const stamp = journal.ledger.stamp();
    const begunAtMs = journal.nowMs();
    const storable = stamp !== undefined && journal.trusted();
    counts.loads += keys.length;
    const entries = new Map<string, Entry>();
    try {
      const loaded = await load(keys.map((key) => key.slice(namespace.name.length + 1)));
      source.answered();
      for (const [id, answer] of loaded) {
        const key = keyOf(namespace, id);
        entries.set(key, toEntry(namespace, key, answer, stamp, begunAtMs));
      }
    } catch (error) {
      source.failed();
      throw error;
    } finally {
      void this.#fill(namespace, storable ? entries : new Map(), counts).then((stored) => this.#release(claimed, stored, stamp));
    }
    return entries;
  }

  /** Tells what it has stored. Not awaited by any read. Never rejects. */
  async #fill(namespace: Namespace, entries: ReadonlyMap<string, Entry>, counts: NamespaceCounters): Promise<Shelf> {
    const { journal } = this.#parts.backend;
    const servable = new Map([...entries].filter(([, entry]) => journal.ledger.servable(entry)));
    counts.rejectedFills += entries.size - servable.size;
    try {
      await this.#parts.tiers.store(namespace, servable);
      return servable;
    } catch {
      this.#parts.counters.failed('fill', counts);
      return new Map();
    }
  }

  async #release(keys: readonly string[], stored: Shelf, stamp: Stamp | undefined): Promise<void> {
    const { journal, locks } = this.#parts.backend;
    if (locks === undefined || stamp === undefined || !journal.trusted()) return;
    const [done, given] = [keys.filter((key) => stored.has(key)), keys.filter((key) => !stored.has(key))];
    const told = done.length === 0 ? undefined : locks.stored(done, stamp);
    const released = given.length === 0 ? undefined : locks.release(given);
    await Promise.allSettled([told, released]); // a claim ends by itself in two seconds
  }
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
