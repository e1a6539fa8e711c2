/**
 * The one write path: every invalidation, an admin's or a change's own, goes through here. Either it is applied, or it is on
 * record and applied before anybody trusts the cache again, or the caller is told that neither could be done. Nothing is claimed
 * that isn't so.
 */
import { randomUUID } from 'node:crypto';
import { withDeadline } from './budget/deadline.js';
import { type History, MAX_HISTORY } from './history/history.js';
import { type Asked, elapsedMs, type Invalidation, newInvalidation, now } from './invalidation.js';
import { Drainer } from './outbox/drainer.js';
import type { Intent, Outbox } from './outbox/outbox.js';
import type { Appended, Journal } from './protocol/journal.js';
import type { Dep } from './protocol/ledger.js';
import type { KeySpace, NamespaceNames } from './purge/key-space.js';
import type { Results } from './results/results.js';

/** Redis did not take an invalidation, and it could not be put on record either. */
export class InvalidationLostError extends Error {
  override readonly name = 'InvalidationLostError';
}

export interface CacheWriter {
  /**
   * Runs a change of the source between the record of what it will invalidate and that invalidation. A change never fails
   * because of Redis: then the invalidation is PENDING. Rejects with `OutboxError`, before anything was changed, when the record
   * can't be made; and with what `change` rejects with, after invalidating all the same, because a change that failed may have
   * happened.
   * @param deps exact tags or keys that the change makes stale, absences included.
   * @param alsoStale those of them that only its result tells; on record only once Redis has not taken them.
   */
  change<T>(
    deps: readonly string[],
    change: () => Promise<T>,
    alsoStale?: (result: T) => readonly string[],
  ): Promise<{ readonly result: T; readonly invalidation: Invalidation }>;
}

export interface InvalidationsParts {
  readonly journal: Journal;
  readonly outbox: Outbox;
  readonly keySpace: KeySpace;
  readonly names: NamespaceNames;
  readonly results: Results;
  readonly history: History;
  /** Stops this pod from serving anything before what is on record has been applied. */
  readonly distrust: (reason: unknown) => void;
}

/** How long a caller waits in all when Redis fails half-way: 250 ms until it took the invalidation, 550 ms for the pods. */
const ANSWER_WITHIN_MS = 800;
/** How long a purge waits for its walk to end before it answers; the walk goes on. */
const WALK_WAIT_MS = 5_000;
/** How often a walk that takes long says how far it is. */
const KEEP_PROGRESS_MS = 1_000;
/** The longest that what became of an invalidation may take to be kept. */
const KEEP_DEADLINE_MS = 1_000;

export class Invalidations implements CacheWriter {
  readonly #parts: InvalidationsParts;
  readonly #drainer: Drainer;
  /** What goes on after the answer, and `close` waits for. */
  readonly #background = new Set<Promise<unknown>>();

  constructor(parts: InvalidationsParts) {
    this.#parts = parts;
    this.#drainer = new Drainer({ ...parts, settle: async (intent, appended) => (await this.#settle(intent, appended)).kept });
  }

  /** Begins to look after what other pods have left on record. */
  start(): void {
    this.#drainer.start();
  }

  async change<T>(
    deps: readonly string[],
    change: () => Promise<T>,
    alsoStale: (result: T) => readonly string[] = () => [],
  ): Promise<{ result: T; invalidation: Invalidation }> {
    const intent: Intent = { id: randomUUID(), deps, changed: false, at: now() };
    await this.#parts.outbox.record(intent);
    let result: T;
    try {
      result = await change();
    } catch (error) {
      await this.#applyChange(intent);
      throw error;
    }
    const stale = new Set([...deps, ...alsoStale(result)]);
    return { result, invalidation: await this.#applyChange({ ...intent, deps: [...stale] }) };
  }

  /** Makes everything that has one of the tags or keys unservable. */
  async invalidate(deps: readonly Dep[], asked: Asked): Promise<Invalidation> {
    return this.#applyPurge({ id: randomUUID(), deps, changed: true, at: now(), ...asked });
  }

  /** Makes everything that matches the glob, by key or tag, unservable, and frees the keys that match. */
  async invalidatePattern(pattern: string, asked: Asked): Promise<Invalidation> {
    const intent: Intent = { id: randomUUID(), deps: [{ glob: pattern }], changed: true, at: now(), ...asked };
    const invalidation = await this.#applyPurge(intent);
    return invalidation.status === 'APPLIED' ? this.#free(invalidation, pattern) : invalidation;
  }

  /** Counts what `invalidatePattern` would free, and does nothing. */
  async dryRun(pattern: string): Promise<Invalidation> {
    const invalidation = { ...newInvalidation(randomUUID(), now()), status: 'DRY_RUN' as const, pattern, removed: 0 };
    const matched = await this.#parts.keySpace.count(pattern).catch(() => null);
    return { ...invalidation, matched, elapsedMs: elapsedMs(invalidation) };
  }

  /** What became of an invalidation; null when nobody knows any more. Rejects when that can't be asked. */
  async find(id: string): Promise<Invalidation | null> {
    const { results, outbox } = this.#parts;
    const get = (): Promise<Invalidation | null | Error> => results.get(id).catch((error: unknown) => error as Error);
    const known = await get();
    if (known !== null && !(known instanceof Error)) return known;
    const intent = await outbox.find(id);
    if (intent !== undefined) return toPending(intent);
    const result = await get(); // it leaves the record only after its result is kept, which may have been just now
    if (result instanceof Error) throw result;
    return result;
  }

  /**
   * What admins asked for in the last day, newest first, with what is only on record so far where the database can say that. Rejects
   * when Redis can't be asked: a list without what was applied would look as if nobody had purged anything.
   */
  async history(first: number): Promise<readonly Invalidation[]> {
    // In this order: what leaves the record is in the history by then.
    const pending = (await this.pending(MAX_HISTORY).catch(() => [])).filter(({ actor }) => actor !== null);
    const applied = await this.#parts.history.list(first);
    const byId = new Map([...pending, ...applied].map((each) => [each.id, each]));
    return [...byId.values()].sort((a, b) => b.requestedAt.getTime() - a.requestedAt.getTime()).slice(0, first);
  }

  /** On record and not applied yet, oldest first. */
  async pending(limit: number): Promise<readonly Invalidation[]> {
    return (await this.#parts.outbox.read(limit)).filter(({ changed }) => changed).map(toPending);
  }

  /** How many there were when the record was last read, some two seconds ago. */
  get pendingSeen(): number {
    return this.#drainer.pendingSeen;
  }

  /** Appends all that is on record. Called by the journal before anything is trusted. */
  drain(): Promise<void> {
    return this.#drainer.drain();
  }

  /** Waits for what is still being freed and removed. */
  async close(): Promise<void> {
    this.#drainer.close();
    await Promise.all(this.#background);
  }

  async #applyChange(intent: Intent): Promise<Invalidation> {
    const { journal, outbox } = this.#parts;
    let appended: Appended;
    try {
      appended = await journal.append(intent.deps);
    } catch (error) {
      const made = { ...intent, changed: true };
      return await this.#pend(made, error).catch(() => {
        // The record from before the change stands, and is appended as long as it is there.
        this.#drainer.tellLater(made);
        return toPending(made);
      });
    }
    void this.#goOn(outbox.remove([intent.id])); // nobody waits: a record that stays only costs another append
    return this.#answer(intent, appended);
  }

  async #applyPurge(intent: Intent): Promise<Invalidation> {
    const { journal, outbox } = this.#parts;
    let appended: Appended;
    try {
      appended = await journal.append(intent.deps);
    } catch (error) {
      if (!outbox.durable) throw new InvalidationLostError('Redis did not take the invalidation', { cause: error });
      try {
        return await this.#pend(intent, error);
      } catch (outboxError) {
        throw new InvalidationLostError('neither Redis nor the database took the invalidation', { cause: outboxError });
      }
    }
    return this.#answer(intent, appended);
  }

  async #pend(intent: Intent, reason: unknown): Promise<Invalidation> {
    this.#parts.distrust(reason);
    await this.#parts.outbox.record(intent);
    this.#parts.distrust(reason); // a recovery that began before this was on record does not count
    return toPending(intent);
  }

  async #answer(intent: Intent, appended: Appended): Promise<Invalidation> {
    const { applied, kept } = await this.#settle(intent, appended);
    await inTime(this.#goOn(kept), applied);
    return applied;
  }

  /** Resolves when no pod can serve what was invalidated. `kept`: its result can be read, and its known keys are freed. */
  async #settle(intent: Intent, appended: Appended): Promise<{ applied: Invalidation; kept: Promise<void> }> {
    const pods = await appended.applied;
    const begun = toPending(intent);
    const applied: Invalidation = { ...begun, status: 'APPLIED', appliedAt: now(), elapsedMs: elapsedMs(begun), pods };
    const { keySpace, names } = this.#parts;
    const knownKeys = intent.deps.filter((dep) => typeof dep === 'string').filter((dep) => names.of(dep) !== undefined);
    const freed = keySpace.freeKeys(knownKeys).catch(() => undefined); // only memory
    const kept = withDeadline(Promise.all([this.#keep(applied), freed]), KEEP_DEADLINE_MS).then(() => undefined);
    kept.catch(() => undefined); // for whoever waits for it
    return { applied, kept };
  }

  async #free(invalidation: Invalidation, pattern: string): Promise<Invalidation> {
    const { keySpace, journal } = this.#parts;
    let removed = 0;
    let keptAt = performance.now();
    let current: Invalidation = { ...invalidation, removed };
    const keep = (): Promise<void> => this.#keep(current).catch(() => undefined); // only the follow-up queries miss it
    const walk = (async () => {
      for await (const freed of keySpace.free(pattern)) {
        current = { ...invalidation, removed: (removed += freed), elapsedMs: elapsedMs(invalidation) };
        if (performance.now() - keptAt < KEEP_PROGRESS_MS) continue;
        keptAt = performance.now();
        void keep(); // for whoever watches it go on
      }
      current = { ...invalidation, matched: removed, removed };
    })()
      .catch(() => undefined) // Redis is gone: what was freed until then stands, how many matched is not known
      .then(() => {
        current = { ...current, elapsedMs: elapsedMs(invalidation) };
      });
    const kept = this.#goOn(walk.then(keep));
    // Without a lease Redis is out, and the walk with it.
    const waitMs = journal.trusted() ? WALK_WAIT_MS : 0;
    await withDeadline(walk, waitMs).catch(() => void keep()); // the follow-up query shows how far it is
    await inTime(kept, invalidation);
    return current;
  }

  /** Where it can be asked for: each by its id, and an admin's among those of the last day. */
  async #keep(invalidation: Invalidation): Promise<void> {
    await Promise.all([this.#parts.results.put(invalidation), this.#remember(invalidation)]);
  }

  async #remember(invalidation: Invalidation): Promise<void> {
    if (invalidation.actor === null) return;
    const { journal, history } = this.#parts;
    // What has just been drained is applied a moment before the cache is trusted again.
    if (!(await journal.whenTrusted(KEEP_DEADLINE_MS))) throw new Error('Redis is not trusted now');
    // Counted where it happens, and not worth repeating what was on record for.
    await history.put(invalidation).catch(() => undefined);
  }

  #goOn(work: Promise<unknown>): Promise<unknown> {
    const settled = work.catch(() => undefined);
    this.#background.add(settled);
    void settled.finally(() => this.#background.delete(settled));
    return settled;
  }
}

function toPending(intent: Intent): Invalidation {
  const pending = newInvalidation(intent.id, intent.at, intent.deps, intent);
  return { ...pending, elapsedMs: elapsedMs(pending) };
}

/** Waits for what an answer can do without, as long as that is not late. */
async function inTime(work: Promise<unknown>, invalidation: Invalidation): Promise<void> {
  await withDeadline(work, Math.max(0, ANSWER_WITHIN_MS - elapsedMs(invalidation))).catch(() => undefined);
}
