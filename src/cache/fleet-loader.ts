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
import type { SourceHealth } from './source-health.js';
import type { Counters, NamespaceCounters } from './stats/counters.js';
import type { Tiers } from './tiers/tiers.js';

/** When those who wait for another pod's load look for it. */
const LOOK_AFTER_MS = [5, 10, 20, 40, 80, 95];

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
    const won = await this.#claim(keys, read);
    if (won === undefined) return this.#ask(keys, read);
    const [mine, others] = [keys.filter((key) => won.has(key)), keys.filter((key) => !won.has(key))];
    const [loaded, found] = await Promise.all([
      mine.length === 0 ? new Map<string, Entry>() : this.#ask(mine, read, mine),
      this.#awaitOthers(others, read),
    ]);
    read.counts.coalesced += found.size;
    const left = others.filter((key) => !found.has(key));
    return left.length === 0 ? new Map([...loaded, ...found]) : new Map([...loaded, ...found, ...(await this.#ask(left, read))]);
  }

  /** The keys that this pod shall load; undefined when that can't be agreed on: then every pod loads for itself. */
  async #claim(keys: readonly string[], { budget, counts }: FleetLoad): Promise<ReadonlySet<string> | undefined> {
    const { backend, pause, counters } = this.#parts;
    const { journal, locks } = backend;
    const canAsk = journal.trusted() && budget.remainingMs > 0 && pause.state(journal.lastSyncAt) === 'CLOSED';
    if (locks === undefined || !canAsk) return undefined;
    try {
      return await budget.spend((deadlineMs) => withDeadline(locks.claim(keys), deadlineMs));
    } catch {
      counters.failed('claim', counts);
      return undefined; // the next sync or read finds out what is wrong with Redis
    }
  }

  async #awaitOthers(keys: readonly string[], { namespace, budget }: FleetLoad): Promise<Map<string, Entry>> {
    const { journal } = this.#parts.backend;
    const found = new Map<string, Entry>();
    let missing = keys;
    for (const lookAfterMs of LOOK_AFTER_MS) {
      if (missing.length === 0 || budget.othersLoads.remainingMs === 0) break;
      try {
        await budget.othersLoads.spend(async (deadlineMs) => {
          await new Promise((resolve) => setTimeout(resolve, Math.min(lookAfterMs, deadlineMs)));
          const shelf = await this.#parts.tiers.inStore(namespace, missing, Math.max(lookAfterMs, LOOK_AFTER_MS[0] as number));
          for (const [key, entry] of shelf) if (freshForMs(entry, journal.nowMs()) > 0) found.set(key, entry);
        });
      } catch {
        break; // Redis is out or slow: waiting for it any longer is worse than a second load
      }
      missing = missing.filter((key) => !found.has(key));
    }
    return found;
  }

  /** @param claimed what the other pods wait for, to be released as soon as it is stored. */
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
      void this.#fill(namespace, storable ? entries : new Map(), counts).then(() => this.#release(claimed));
    }
    return entries;
  }

  /** Not awaited by any read. Never rejects. */
  async #fill(namespace: Namespace, entries: ReadonlyMap<string, Entry>, counts: NamespaceCounters): Promise<void> {
    const { journal } = this.#parts.backend;
    const servable = new Map([...entries].filter(([, entry]) => journal.ledger.servable(entry)));
    counts.rejectedFills += entries.size - servable.size;
    await this.#parts.tiers.store(namespace, servable).catch(() => {
      this.#parts.counters.failed('fill', counts);
    });
  }

  async #release(keys: readonly string[]): Promise<void> {
    const { journal, locks } = this.#parts.backend;
    if (keys.length === 0 || !journal.trusted()) return;
    await locks?.release(keys).catch(() => undefined); // it ends by itself in two seconds
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
