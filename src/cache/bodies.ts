/**
 * Whole responses through both tiers: the same stamps, the same check and the same memory as everything else, but admitted only when
 * somebody asks twice. A first answer goes to a small part of this pod's memory; the second sight of it takes it into the main part
 * and into Redis, also when it was pushed out of the small part meanwhile, since its key is remembered for longer. So a stream of
 * unique requests pushes out nothing and fills nothing. Used by `response-cache/`.
 */
import { LRUCache } from 'lru-cache';
import type { Backend } from './backend.js';
import { type BodyEntry, sizeOfBody } from './body.js';
import type { Budget } from './budget/budget.js';
import { withDeadline } from './budget/deadline.js';
import type { ReadPause } from './budget/pause.js';
import { type Entry, freshForMs, servedForMs, type Stamp } from './entry.js';
import type { Counters } from './stats/counters.js';
import { L1 } from './tiers/l1.js';

/** When those who wait for another pod's execution look for it. */
const LOOK_AFTER_MS = [5, 10, 20, 40, 80, 95];
/** The longest that storing one may keep its connection busy; nobody waits for it. */
const FILL_DEADLINE_MS = 1_000;
/** Some 5 MB. */
const MAX_SEEN = 20_000;

/** The moment before an execution: what is invalidated from there on makes its response unservable. */
export interface Begun {
  readonly stamp: Stamp;
  /** Milliseconds of the journal's clock. */
  readonly atMs: number;
}

export interface BodyHit {
  readonly entry: BodyEntry;
  readonly tier: 'l1' | 'l2';
  /** Past its time: it may be served, and is to be made anew. */
  readonly isStale: boolean;
}

/** Which will do: those that are fresh, or else also one that is `stale` and may be served while it is made anew. */
type Freshness = 'fresh' | 'stale';

export interface BodiesParts {
  readonly backend: Backend;
  readonly counters: Counters;
  readonly pause: ReadPause;
  /** For what was asked for once. */
  readonly probationBytes: number;
  /** For what was asked for again. */
  readonly mainBytes: number;
}

export class Bodies {
  readonly #parts: BodiesParts;
  readonly #probation: L1;
  /** Keys of what was asked for once, and the bytes it took: of as much as fills half of the main part, which is best by measurement. */
  readonly #seen: LRUCache<string, number>;

  constructor(parts: BodiesParts) {
    const { journal } = parts.backend;
    this.#parts = parts;
    this.#probation = new L1(parts.probationBytes, journal.ledger, () => journal.nowMs());
    const seenBytes = Math.ceil(parts.mainBytes / 2);
    this.#seen = new LRUCache({ max: MAX_SEEN, maxSize: seenBytes, sizeCalculation: (bytes) => bytes });
  }

  /** What waits for its second sight. */
  get probation(): { readonly entries: number; readonly bytes: number } {
    return { entries: this.#probation.size, bytes: this.#probation.bytes };
  }

  /** What waits under a key, judged by nobody, and without counting as a sight of it. */
  peek(key: string): Entry | undefined {
    return this.#probation.peek(key);
  }

  /** Whether anything may be served or stored now. */
  get isTrusted(): boolean {
    return this.#parts.backend.journal.trusted();
  }

  nowMs(): number {
    return this.#parts.backend.journal.nowMs();
  }

  /** Whether an entry may be served: checked for each who wants it, after they came. */
  servable(entry: BodyEntry, freshness: Freshness = 'fresh'): boolean {
    const { journal } = this.#parts.backend;
    return journal.trusted() && msLeft(entry, journal.nowMs(), freshness) > 0 && journal.ledger.servable(entry);
  }

  /** The first of the keys that this pod's memory has something servable for, fresh before stale. */
  inMemory(keys: readonly string[], freshness: Freshness = 'fresh'): BodyHit | undefined {
    const { journal, bodies } = this.#parts.backend;
    if (!journal.trusted()) return undefined;
    let stale: BodyEntry | undefined;
    for (const key of keys) {
      const main = bodies.get(key) as BodyEntry | undefined;
      const entry = main ?? (this.#probation.get(key) as BodyEntry | undefined);
      if (entry === undefined || msLeft(entry, journal.nowMs(), freshness) <= 0) continue;
      if (main === undefined) void this.admit(entry);
      if (freshForMs(entry, journal.nowMs()) > 0) return { entry, tier: 'l1', isStale: false };
      stale ??= entry;
    }
    return stale === undefined ? undefined : { entry: stale, tier: 'l1', isStale: true };
  }

  /** The same in Redis, all keys in one round trip. Undefined also where Redis fails, or is known to be out. */
  async inStore(keys: readonly string[], budget: Budget, freshness: Freshness = 'fresh'): Promise<BodyHit | undefined> {
    const { backend, counters, pause } = this.#parts;
    const { journal, bodyStore, bodies } = backend;
    if (bodyStore === undefined || !journal.trusted() || budget.remainingMs === 0) return undefined;
    if (!pause.admits(journal.lastSyncAt)) return undefined;
    try {
      const found = await budget.spend((deadlineMs) => withDeadline(bodyStore.getMany(keys), deadlineMs));
      pause.succeeded();
      const servable = found.filter(
        (each, i): each is BodyEntry => each !== undefined && each.k === keys[i] && this.servable(each, freshness),
      );
      const fresh = servable.find((each) => freshForMs(each, journal.nowMs()) > 0);
      const entry = fresh ?? servable[0];
      if (entry === undefined) return undefined;
      bodies.set(entry.k, entry, 0, sizeOfBody(entry));
      return { entry, tier: 'l2', isStale: fresh === undefined };
    } catch {
      pause.failed();
      counters.failed('read', counters.of('response'));
      return undefined;
    }
  }

  /** To be called before an execution; undefined while nothing may be stored. */
  begin(): Begun | undefined {
    const { journal } = this.#parts.backend;
    const stamp = journal.ledger.stamp();
    return stamp === undefined || !journal.trusted() ? undefined : { stamp, atMs: journal.nowMs() };
  }

  /**
   * Keeps a first answer, or a later one of what was asked for before. False when what it was made from was invalidated meanwhile, or
   * there is no room for one so large.
   * @param isWanted whether it is known that somebody asks for it repeatedly.
   */
  keep(entry: BodyEntry, isWanted = false): boolean {
    if (!this.servable(entry)) {
      this.#parts.counters.of('response').rejectedFills++;
      return false;
    }
    const { k: key } = entry;
    if (isWanted || this.#seen.has(key) || this.#parts.backend.bodies.get(key) !== undefined) {
      void this.admit(entry);
      return true;
    }
    const bytes = sizeOfBody(entry);
    this.#probation.set(key, entry, 0, bytes);
    if (!this.#probation.has(key)) return false;
    this.#seen.set(key, bytes);
    return true;
  }

  /** Takes what was asked for twice into the main part of memory, and into Redis, which nobody needs to wait for. Never rejects. */
  async admit(entry: BodyEntry): Promise<void> {
    const { bodies, bodyStore, journal } = this.#parts.backend;
    const { counters } = this.#parts;
    const { k: key } = entry;
    this.#probation.delete(key);
    this.#seen.delete(key);
    bodies.set(key, entry, 0, sizeOfBody(entry));
    const remainingMs = servedForMs(entry, journal.nowMs());
    if (bodyStore === undefined || !journal.trusted() || remainingMs <= 0) return;
    await withDeadline(bodyStore.set(key, entry, remainingMs), FILL_DEADLINE_MS).catch(() => {
      counters.failed('fill', counters.of('response'));
    });
  }

  /** Takes one away of which another stands in the place now, under another key. Never rejects. */
  async forget(key: string): Promise<void> {
    const { bodies, bodyStore, journal } = this.#parts.backend;
    const { counters } = this.#parts;
    this.#probation.delete(key);
    bodies.delete(key);
    if (bodyStore === undefined || !journal.trusted()) return;
    await withDeadline(bodyStore.delete(key), FILL_DEADLINE_MS).catch(() => {
      counters.failed('fill', counters.of('response'));
    });
  }

  /** Whether this pod shall execute what nobody has an answer to. True as well where pods can't agree on that. */
  async claim(key: string, budget: Budget): Promise<boolean> {
    const { backend, counters, pause } = this.#parts;
    const { journal, locks } = backend;
    if (locks === undefined || !journal.trusted() || budget.remainingMs === 0) return true;
    const stamp = journal.ledger.stamp();
    if (stamp === undefined || pause.state(journal.lastSyncAt) !== 'CLOSED') return true;
    try {
      return (await budget.spend((deadlineMs) => withDeadline(locks.claim([key], stamp), deadlineMs))).won.has(key);
    } catch {
      counters.failed('claim', counters.of('response'));
      return true;
    }
  }

  /** Ends a claim that was won, once those who wait elsewhere find the answer, if there is one. Never rejects. */
  async release(key: string, entry: BodyEntry | undefined): Promise<void> {
    const { journal, locks } = this.#parts.backend;
    if (locks === undefined || !journal.trusted()) return;
    const end = async (): Promise<void> => {
      if (entry === undefined) {
        await locks.release([key]);
      } else if (await locks.releaseUnlessWanted(key)) {
        await this.admit(entry);
        await locks.stored([key], { epoch: entry.e, seq: entry.s });
      }
    };
    await withDeadline(end(), FILL_DEADLINE_MS).catch(() => undefined); // it ends by itself in two seconds
  }

  /** Waits for what the pod that won the claim stores; undefined when it ended without, or takes too long. */
  async awaitOthers(key: string, keys: readonly string[], budget: Budget): Promise<BodyHit | undefined> {
    const { locks } = this.#parts.backend;
    for (const lookAfterMs of LOOK_AFTER_MS) {
      if (budget.othersLoads.remainingMs === 0) return undefined;
      const [isClaimed, hit] = await budget.othersLoads.spend(async (deadlineMs) => {
        await new Promise((resolve) => setTimeout(resolve, Math.min(lookAfterMs, deadlineMs)));
        // In this order: a load is marked as stored, or its claim ends, after its answer was stored.
        const claimed = await withDeadline(locks?.isClaimed(key) ?? Promise.resolve(false), lookAfterMs).catch(() => false);
        return [claimed, await this.inStore(keys, budget)] as const;
      });
      if (hit !== undefined || !isClaimed) return hit;
    }
    return undefined;
  }
}

function msLeft(entry: BodyEntry, nowMs: number, freshness: Freshness): number {
  return freshness === 'fresh' ? freshForMs(entry, nowMs) : servedForMs(entry, nowMs);
}
