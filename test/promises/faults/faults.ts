/**
 * The faults of a run, as plans: each says what it breaks, breaks it, waits, heals it, and counts how often it struck. Which comes when is
 * decided by `schedule.ts`.
 */
import type { Fleet, Pod } from '../fleet/fleet.js';
import type { Breakage } from '../checker/history.js';
import type { Random } from '../workload/random.js';

/** Faults of one lane come one after the other; lanes run side by side. */
export type Lane = 'redis' | 'pod' | 'mongodb';

export interface FaultContext {
  readonly fleet: Fleet;
  /** The pod that it concerns, if it concerns one. */
  readonly pod: Pod;
  readonly random: Random;
  /** How long it lasts: as long as was drawn from the range of the fault, or until the run ends. */
  readonly last: () => Promise<void>;
}

export interface Fault {
  readonly name: string;
  readonly lane: Lane;
  /** How long it lasts, in ms: from, to. */
  readonly lasts: readonly [number, number];
  readonly breaks: (pod: string) => Breakage;
  /** Breaks, lasts, heals. Answers how often it struck. */
  readonly run: (context: FaultContext) => Promise<number>;
}
