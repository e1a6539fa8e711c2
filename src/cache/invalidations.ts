/**
 * The one write path: every invalidation, an admin's or a change's own, goes through here. Either it is applied, or it is on
 * record and applied before anybody trusts the cache again, or the caller is told that neither could be done. Nothing is claimed
 * that isn't so.
 */
import { randomUUID } from 'node:crypto';
import { withDeadline } from './budget/deadline.js';
import type { Invalidation } from './invalidation.js';
import type { Intent, Outbox } from './outbox/outbox.js';
import type { Appended, Journal } from './protocol/journal.js';
import type { Dep } from './protocol/ledger.js';
import type { KeySpace, NamespaceNames } from './purge/key-space.js';
import type { Results } from './results/results.js';

/** Redis did not take an invalidation, and there is nowhere to put it on record. */
export class InvalidationLostError extends Error {
  override readonly name = 'InvalidationLostError';
}

export interface CacheWriter {
  /**
   * Runs a change of the source between the record of what it will invalidate and that invalidation. A change never fails
   * because of Redis: then the invalidation is PENDING. Rejects with what `change` rejects with, after invalidating all the same,
   * because a change that failed may have happened.
   * @param deps exact tags or keys that the change makes stale, absences included.
   */
  change<T>(
    deps: readonly string[],
    change: () => Promise<T>,
  ): Promise<{ readonly result: T; readonly invalidation: Invalidation }>;
}

export interface InvalidationsParts {
  readonly journal: Journal;
  readonly outbox: Outbox;
  readonly keySpace: KeySpace;
  readonly names: NamespaceNames;
  readonly results: Results;
  /** False: `Invalidation.pods` stays null. */
  readonly showsPods: boolean;
  /** Called when Redis did not take an invalidation that is on record now: nothing may be served before it is applied. */
  readonly onPending: (reason: unknown) => void;
}

/** How long a caller waits in all when Redis fails half-way: 250 ms until it took the invalidation, 550 ms for the pods. */
const ANSWER_WITHIN_MS = 800;
/** How long a purge waits for its walk to end before it answers; the walk goes on. */
const WALK_WAIT_MS = 5_000;

export class Invalidations implements CacheWriter {
  readonly #parts: InvalidationsParts;
  /** Recorded by this pod and not yet appended, oldest first. */
  readonly #pending = new Map<string, Invalidation>();
  readonly #walks = new Set<Promise<unknown>>();

  constructor(parts: InvalidationsParts) {
    this.#parts = parts;
  }

  async change<T>(deps: readonly string[], change: () => Promise<T>): Promise<{ result: T; invalidation: Invalidation }> {
    const intent: Intent = { id: randomUUID(), deps, changed: false, at: now() };
    await this.#parts.outbox.record(intent);
    let result: T;
    try {
      result = await change();
    } catch (error) {
      await this.#apply(intent);
      throw error;
    }
    return { result, invalidation: await this.#apply(intent) };
  }

  /** Makes everything that has one of the tags or keys unservable. */
  async invalidate(deps: readonly Dep[]): Promise<Invalidation> {
    return this.#purge({ id: randomUUID(), deps, changed: true, at: now() });
  }

  /** Makes everything that matches the glob, by key or tag, unservable, and frees the keys that match. */
  async invalidatePattern(pattern: string): Promise<Invalidation> {
    const intent: Intent = { id: randomUUID(), deps: [{ glob: pattern }], changed: true, at: now() };
    const invalidation = { ...(await this.#purge(intent)), pattern };
    return invalidation.status === 'APPLIED' ? this.#free(invalidation, pattern) : this.#keep(invalidation);
  }

  /** Counts what `invalidatePattern` would free, and does nothing. */
  async dryRun(pattern: string): Promise<Invalidation> {
    const invalidation = { ...newInvalidation(randomUUID(), now()), status: 'DRY_RUN' as const, pattern, removed: 0 };
    const matched = await this.#parts.keySpace.count(pattern).catch(() => null);
    return { ...invalidation, matched, elapsedMs: elapsedMs(invalidation) };
  }

  /** What became of an invalidation; null when nobody knows any more. */
  async find(id: string): Promise<Invalidation | null> {
    return this.#pending.get(id) ?? (await this.#parts.results.get(id));
  }

  pending(): readonly Invalidation[] {
    return [...this.#pending.values()];
  }

  /** Appends all that is on record. Called by the journal before anything is trusted. */
  async drain(): Promise<void> {
    const { journal, outbox } = this.#parts;
    for (const intent of await outbox.read()) {
      if (!intent.changed) continue; // its author appends it when the change has been made
      const appended = await journal.append(intent.deps);
      await outbox.remove(intent.id);
      void this.#settle(intent, appended);
    }
  }

  /** Waits for the walks that are still freeing keys. */
  async close(): Promise<void> {
    await Promise.all(this.#walks);
  }

  async #apply(intent: Intent): Promise<Invalidation> {
    let appended: Appended;
    try {
      appended = await this.#parts.journal.append(intent.deps);
    } catch (error) {
      return this.#pend(intent, error);
    }
    await this.#parts.outbox.remove(intent.id);
    return this.#settle(intent, appended);
  }

  async #purge(intent: Intent): Promise<Invalidation> {
    let appended: Appended;
    try {
      appended = await this.#parts.journal.append(intent.deps);
    } catch (error) {
      if (this.#parts.outbox.durable) return this.#pend(intent, error);
      throw new InvalidationLostError('Redis did not take the invalidation', { cause: error });
    }
    return this.#settle(intent, appended);
  }

  async #pend(intent: Intent, reason: unknown): Promise<Invalidation> {
    await this.#parts.outbox.record({ ...intent, changed: true });
    const pending = newInvalidation(intent.id, intent.at);
    this.#pending.set(intent.id, pending);
    this.#parts.onPending(reason);
    return { ...pending, elapsedMs: elapsedMs(pending) };
  }

  async #settle(intent: Intent, appended: Appended): Promise<Invalidation> {
    const pods = await appended.applied;
    const pending = this.#pending.get(intent.id) ?? newInvalidation(intent.id, intent.at);
    const applied: Invalidation = {
      ...pending,
      status: 'APPLIED',
      appliedAt: now(),
      elapsedMs: elapsedMs(pending),
      pods: this.#parts.showsPods ? pods : null,
    };
    const knownKeys = intent.deps
      .filter((dep) => typeof dep === 'string')
      .filter((dep) => this.#parts.names.of(dep) !== undefined);
    const { keySpace, results } = this.#parts;
    // Only memory, and the follow-up query, which is answered from here until it can be answered from there.
    const kept = Promise.allSettled([keySpace.freeKeys(knownKeys), results.put(applied)]);
    void kept.then(() => this.#pending.delete(intent.id));
    await inTime(kept, applied);
    return applied;
  }

  async #free(invalidation: Invalidation, pattern: string): Promise<Invalidation> {
    let removed = 0;
    let current: Invalidation = { ...invalidation, removed };
    const walk = (async () => {
      for await (const freed of this.#parts.keySpace.free(pattern)) current = { ...invalidation, removed: (removed += freed) };
      current = { ...invalidation, matched: removed, removed };
    })()
      .catch(() => undefined) // Redis is gone: what was freed until then stands, how many matched is not known
      .then(() => {
        current = { ...current, elapsedMs: elapsedMs(invalidation) };
      });
    const kept = walk.then(() => this.#keep(current));
    this.#walks.add(kept);
    void kept.finally(() => this.#walks.delete(kept));
    // Without a lease Redis is out, and the walk with it.
    const waitMs = this.#parts.journal.trusted() ? WALK_WAIT_MS : 0;
    await withDeadline(walk, waitMs).catch(() => void this.#keep(current)); // the follow-up query shows how far it is
    await inTime(kept, invalidation);
    return current;
  }

  async #keep(invalidation: Invalidation): Promise<Invalidation> {
    if (this.#pending.has(invalidation.id)) this.#pending.set(invalidation.id, invalidation);
    else await this.#parts.results.put(invalidation).catch(() => undefined); // only the follow-up query misses it
    return invalidation;
  }
}

function newInvalidation(id: string, requestedAt: Date): Invalidation {
  return {
    id,
    status: 'PENDING',
    pattern: null,
    matched: null,
    removed: null,
    requestedAt,
    appliedAt: null,
    elapsedMs: 0,
    pods: null,
  };
}

/** Waits for what an answer can do without, as long as that is not late. */
async function inTime(work: Promise<unknown>, invalidation: Invalidation): Promise<void> {
  await withDeadline(work, Math.max(0, ANSWER_WITHIN_MS - elapsedMs(invalidation))).catch(() => undefined);
}

/** By a clock that only goes forward. */
function now(): Date {
  return new Date(performance.timeOrigin + performance.now());
}

function elapsedMs(invalidation: Pick<Invalidation, 'requestedAt'>): number {
  return Math.max(0, performance.timeOrigin + performance.now() - invalidation.requestedAt.getTime());
}
