/**
 * Where an invalidation is on record until Redis has taken it. Whoever regains trust in the cache appends what it finds here
 * first.
 */
import type { Asked } from '../invalidation.js';
import type { Dep } from '../protocol/ledger.js';

/** An invalidation on record; with who asked for it, when an admin did. Records of older versions don't say that. */
export interface Intent extends Asked {
  readonly id: string;
  readonly deps: readonly Dep[];
  /**
   * False while the change that it belongs to may still be to come, so it is never removed by anybody but its author and time.
   * True: it only waits to be appended.
   */
  readonly changed: boolean;
  readonly at: Date;
}

export interface Outbox {
  /** Whether what is recorded here survives this process. */
  readonly durable: boolean;
  /** Records an intent, or that the change of a recorded one has been made. Rejects with {@link OutboxError}. */
  record(intent: Intent): Promise<void>;
  /** Redis has taken them. */
  remove(ids: readonly string[]): Promise<void>;
  /** What is on record, oldest first, `limit` at most. */
  read(limit: number): Promise<readonly Intent[]>;
  find(id: string): Promise<Intent | undefined>;
}

/** Nothing can be put on record now. */
export class OutboxError extends Error {
  override readonly name = 'OutboxError';
}
