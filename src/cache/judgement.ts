/**
 * What is judged of an entry beside the pod's lease: whether it is what was asked for, whether it was invalidated, and its age. Read by
 * every look-up, and by the explanation of what a look-up would do; nobody judges by rules of their own.
 */
import { type Entry, freshForMs } from './entry.js';
import type { Namespace } from './lookup.js';
import type { Invalidated, Ledger } from './protocol/ledger.js';

/** What has to be known of a namespace to judge its entries. */
export type EntryKind = Pick<Namespace, 'valueVersion' | 'graceSeconds'>;

/** Why an entry counts as not there, whatever its age. */
export type Objection = Invalidated | { readonly by: 'version' } | { readonly by: 'key' };

/** Undefined for an entry that may be served as far as its age allows. */
export function objectionTo(entry: Entry, key: string, kind: EntryKind, ledger: Ledger): Objection | undefined {
  if (entry.v !== kind.valueVersion) return { by: 'version' };
  if (entry.d[0] !== key) return { by: 'key' };
  return ledger.invalidated(entry);
}

/** `stale`: past its time, but it may stand in while the source is down. @param nowMs of Redis's clock. */
export function ageOf(entry: Entry, kind: Pick<EntryKind, 'graceSeconds'>, nowMs: number): 'fresh' | 'stale' | 'over' {
  const freshMs = freshForMs(entry, nowMs);
  if (freshMs > 0) return 'fresh';
  return freshMs > -1000 * graceSecondsOf(entry, kind) ? 'stale' : 'over';
}

/** How long it may stand in after its time. An absence never outlives it. */
export function graceSecondsOf(entry: Entry, kind: Pick<EntryKind, 'graceSeconds'>): number {
  return entry.x === null ? 0 : kind.graceSeconds;
}
