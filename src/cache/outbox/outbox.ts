/**
 * Where an invalidation is on record until Redis has taken it. Whoever regains trust in the cache first appends what it finds
 * here.
 */
import type { Dep } from '../protocol/ledger.js';

/** An invalidation on record. */
export interface Intent {
  readonly id: string;
  readonly deps: readonly Dep[];
  /** False while the change that it belongs to may still be to come. */
  readonly changed: boolean;
  readonly at: Date;
}

export interface Outbox {
  /** Whether what is recorded here survives this process. */
  readonly durable: boolean;
  /** Records an invalidation, or that the change of a recorded one has been made. */
  record(intent: Intent): Promise<void>;
  /** Redis has taken it. */
  remove(id: string): Promise<void>;
  /** Everything on record, oldest first. */
  read(): Promise<readonly Intent[]>;
}

/** The outbox of a process whose devices are in its own memory: both end together. */
export class MemoryOutbox implements Outbox {
  readonly durable = false;
  readonly #intents = new Map<string, Intent>();

  record(intent: Intent): Promise<void> {
    this.#intents.set(intent.id, intent);
    return Promise.resolve();
  }

  remove(id: string): Promise<void> {
    this.#intents.delete(id);
    return Promise.resolve();
  }

  read(): Promise<readonly Intent[]> {
    return Promise.resolve([...this.#intents.values()]);
  }
}
