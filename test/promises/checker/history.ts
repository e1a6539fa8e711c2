/**
 * What is recorded of a run: every operation when it was sent and when its answer was read, every fault when it began and ended. Times
 * are this process's monotonic milliseconds: `sent` is taken before the first byte leaves, `answered` after the last one was read,
 * so what one event says to have come before another really did. Written by the workload, read by the checker.
 */

/** What a register holds: text that no other write of that register has, or null for nothing. */
export type Value = string | null;

/** A register and its value. A register is what the cache keeps under one key, or one device's line in the listings. */
export type Holding = readonly [register: string, value: Value];

export type Action = 'read' | 'change' | 'direct write' | 'invalidateDevices' | 'invalidateCache' | 'clearCache';

export interface PodAcks {
  readonly live: number;
  readonly acknowledged: number;
  readonly expired: number;
}

export type InvalidationStatus = 'APPLIED' | 'PENDING';

/** The value that every register has before the first operation. */
export interface Began {
  readonly type: 'began';
  readonly at: number;
  readonly values: readonly Holding[];
}

export interface Sent {
  readonly type: 'sent';
  readonly at: number;
  /** Number of the operation. */
  readonly op: number;
  readonly action: Action;
  /** Undefined: MongoDB itself. */
  readonly pod?: string;
  /** What it writes. Of one register one write at a time is under way. */
  readonly writes?: readonly Holding[];
  /** Registers that a purge makes unservable. */
  readonly covers?: readonly string[];
}

export interface Answered {
  readonly type: 'answered';
  readonly at: number;
  readonly op: number;
  /**
   * How much later than its deadline, beside a timer that was set for the deadline when the operation was sent, and divided by the number of
   * processes that want a core.
   */
  readonly lateMs: number;
  /** A code of `extensions.code`, `HTTP <status>` or the code of a socket's error. Undefined: it succeeded. */
  readonly problem?: string;
  /** Of a write. Default: `yes` without a problem, else `maybe`. */
  readonly made?: 'yes' | 'no' | 'maybe';
  readonly seen?: readonly Holding[];
  /** The answer was marked as stale. */
  readonly stale?: boolean;
  readonly invalidation?: {
    readonly id: string;
    readonly status: InvalidationStatus;
    readonly pods: PodAcks | null;
  };
}

/** Somebody looked whether a write that may have been made was made; it can't happen later. */
export interface Resolved {
  readonly type: 'resolved';
  readonly at: number;
  readonly op: number;
  readonly made: boolean;
}

/** `cacheInvalidation(id)` was asked. Null: no pod knows it. */
export interface FollowedUp {
  readonly type: 'followed up';
  readonly at: number;
  readonly id: string;
  readonly status: InvalidationStatus | null;
}

/** What a fault breaks: `all`, or what one pod has of it. */
export interface Breakage {
  readonly redis?: string;
  readonly mongodb?: string;
  /** The process of this pod: what is sent to it may fail. */
  readonly pod?: string;
  /** Redis may forget what it held. */
  readonly losesData?: boolean;
}

export interface FaultBegan {
  readonly type: 'fault began';
  readonly at: number;
  readonly fault: number;
  readonly name: string;
  readonly breaks: Breakage;
}

export interface FaultEnded {
  readonly type: 'fault ended';
  readonly at: number;
  readonly fault: number;
}

/** All faults are over and nothing is under way any more. */
export interface Ended {
  readonly type: 'ended';
  readonly at: number;
  /** What MongoDB holds. */
  readonly values: readonly Holding[];
  /** `cacheStats.status` of each pod. */
  readonly statuses: readonly (readonly [pod: string, status: string])[];
}

export type HistoryEvent = Began | Sent | Answered | Resolved | FollowedUp | FaultBegan | FaultEnded | Ended;
