/**
 * Records what happens, in order, and hands it to the checker while it happens, so that a history of millions of reads needs no memory.
 * Also counts it. Called by the workload, the faults and the run.
 */
import { availableParallelism, loadavg } from 'node:os';
import { Checker, type Violation } from './checker/checker.js';
import type { Action, Answered, Breakage, HistoryEvent, Sent } from './checker/history.js';

/** What became of an operation, beside when. */
export type Outcome = Omit<Answered, 'type' | 'at' | 'op' | 'lateMs'>;

export interface Counts {
  /** Each id of a batch and each line of a listing is one. */
  reads: number;
  requests: number;
  changes: number;
  /** APPLIED, at once or later, by what was asked. */
  readonly invalidations: Map<Action, number>;
  /** Were PENDING at first. */
  pending: number;
  /** Of those, APPLIED later. */
  followedUp: number;
  /** APPLIED though a pod had not answered. */
  expired: number;
  /** Answers marked as stale. */
  stale: number;
  /** Requests that failed, as a fault excuses. */
  failed: number;
  /** For how long this machine stood still, in ms. */
  stallMs: number;
}

export class Recorder {
  readonly counts: Counts = {
    reads: 0,
    requests: 0,
    changes: 0,
    invalidations: new Map(),
    pending: 0,
    followedUp: 0,
    expired: 0,
    stale: 0,
    failed: 0,
    stallMs: 0,
  };
  readonly #checker = new Checker();
  #operations = 0;
  #faults = 0;

  get violations(): readonly Violation[] {
    return this.#checker.violations;
  }

  /** APPLIED in all. */
  get applied(): number {
    return [...this.counts.invalidations.values()].reduce((sum, count) => sum + count, 0);
  }

  add(event: HistoryEvent): void {
    this.#checker.add(event);
  }

  /**
   * Performs one operation and records it. A timer that is set for the deadline at the same moment shows what the machine's load does to
   * both.
   */
  async perform(
    sent: Omit<Sent, 'type' | 'at' | 'op'>,
    deadlineMs: number,
    operation: () => Promise<Outcome>,
  ): Promise<Outcome & { readonly op: number }> {
    const op = ++this.#operations;
    const at = performance.now();
    let deadlineAt: number | undefined;
    const timer = setTimeout(() => {
      deadlineAt = performance.now();
    }, deadlineMs);
    this.add({ type: 'sent', at, op, ...sent });
    const outcome = await operation();
    clearTimeout(timer);
    const answeredAt = performance.now();
    const lateMs = deadlineAt === undefined ? 0 : (answeredAt - deadlineAt) / processesPerCore();
    this.#count(sent.action, outcome);
    this.add({ type: 'answered', at: answeredAt, op, lateMs, ...outcome });
    return { ...outcome, op };
  }

  followUp(id: string, action: Action, status: 'APPLIED' | 'PENDING' | null): void {
    if (status === 'APPLIED') {
      this.counts.followedUp++;
      this.#countApplied(action);
    }
    this.add({ type: 'followed up', at: performance.now(), id, status });
  }

  /** Answers how the fault is ended. */
  beginFault(name: string, breaks: Breakage): () => void {
    const fault = ++this.#faults;
    this.add({ type: 'fault began', at: performance.now(), fault, name, breaks });
    return () => this.add({ type: 'fault ended', at: performance.now(), fault });
  }

  /** This process did not run from `from` until now, so perhaps nothing did: what was under way may be late. */
  stoodStill(from: number): void {
    const fault = ++this.#faults;
    this.counts.stallMs += performance.now() - from;
    this.add({ type: 'fault began', at: from, fault, name: 'this machine stood still', breaks: { pod: 'all', mongodb: 'all' } });
    this.add({ type: 'fault ended', at: performance.now(), fault });
  }

  #count(action: Action, { seen, stale, problem, invalidation }: Outcome): void {
    const { counts } = this;
    counts.requests++;
    if (action === 'read') counts.reads += seen?.length ?? 0;
    if (action === 'change' && problem === undefined) counts.changes++;
    if (stale === true) counts.stale++;
    if (problem !== undefined) counts.failed++;
    if (invalidation?.status === 'PENDING') counts.pending++;
    if (invalidation?.status === 'APPLIED') this.#countApplied(action);
    if ((invalidation?.pods?.expired ?? 0) > 0) counts.expired++;
  }

  #countApplied(action: Action): void {
    this.counts.invalidations.set(action, (this.counts.invalidations.get(action) ?? 0) + 1);
  }
}

/** How many processes want each core, one at least: by so much is everything slower that several processes have to do in turn. */
function processesPerCore(): number {
  return Math.max(1, (loadavg()[0] as number) / availableParallelism());
}
