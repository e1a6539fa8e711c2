/**
 * Appends what is on record: all of it before this pod trusts the cache, and every two seconds what it finds while it does, so
 * that what a pod that was cut off, or died, has left is applied by the others.
 */
import type { Appended, Journal } from '../protocol/journal.js';
import type { Intent, Outbox } from './outbox.js';

const POLL_MS = 2_000;
/** Pods that started together don't ask together. */
const POLL_JITTER = 0.2;
/** An intent whose change may still be to come is appended again after so long, while it is on record. */
const REPEAT_MS = 10_000;
/** With more on record than this, everything is invalidated. */
const MAX_INTENTS = 1_000;

export interface DrainerParts {
  readonly journal: Pick<Journal, 'trusted' | 'append'>;
  readonly outbox: Outbox;
  /** Waits until an appended intent is applied, and keeps what became of it. Rejects when that could not be kept. */
  readonly settle: (intent: Intent, appended: Appended) => Promise<unknown>;
}

export class Drainer {
  readonly #parts: DrainerParts;
  /** When this pod last appended an intent whose change may still be to come, on `performance.now()`'s scale. */
  #repeated = new Map<string, number>();
  /** Changes that were made, of which the database could not be told so: told before what is on record is read. */
  readonly #untold = new Map<string, Intent>();
  /** How many were on record that only wait to be appended, when it was last read; more than 1,000 count as 1,001. */
  pendingSeen = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(parts: DrainerParts) {
    this.#parts = parts;
  }

  /** Begins to look after the record. */
  start(): void {
    if (this.#closed) return;
    const jitter = 1 + POLL_JITTER * (2 * Math.random() - 1);
    this.#timer = setTimeout(() => {
      void this.#poll().finally(() => {
        this.start();
      });
    }, POLL_MS * jitter);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Puts on record, as soon as that is possible, that a change was made; until then its record waits for it for ever. */
  tellLater(made: Intent): void {
    this.#untold.set(made.id, made);
  }

  /** Appends everything on record. Rejects when that is not known to have happened; then nothing may be trusted. */
  async drain(): Promise<void> {
    await this.#append(await this.#read());
  }

  async #read(): Promise<readonly Intent[]> {
    for (const made of this.#untold.values()) {
      await this.#parts.outbox.record(made);
      this.#untold.delete(made.id);
    }
    const intents = await this.#parts.outbox.read(MAX_INTENTS + 1);
    this.pendingSeen = intents.filter(({ changed }) => changed).length;
    return intents;
  }

  async #poll(): Promise<void> {
    try {
      const intents = await this.#read();
      if (!this.#parts.journal.trusted()) return; // regaining trust appends them
      const ids = new Set(intents.map(({ id }) => id));
      this.#repeated = new Map([...this.#repeated].filter(([id]) => ids.has(id)));
      const dueBefore = performance.now() - REPEAT_MS;
      await this.#append(intents.filter(({ id, changed }) => changed || (this.#repeated.get(id) ?? -Infinity) < dueBefore));
    } catch {
      // The database or Redis is away: asked again in two seconds, and before anything is trusted anew
    }
  }

  async #append(intents: readonly Intent[]): Promise<void> {
    if (intents.length === 0) return;
    const { journal, outbox, settle } = this.#parts;
    const deps = intents.length > MAX_INTENTS ? [{ glob: '*' }] : intents.flatMap((intent) => intent.deps);
    const appended = await journal.append(deps);
    for (const { id } of intents.filter(({ changed }) => !changed)) this.#repeated.set(id, performance.now());
    // On record until its result can be read, so that a follow-up finds one of the two; read again meanwhile, it is appended again.
    const made = intents.filter(({ changed }) => changed);
    if (made.length === 0) return;
    void Promise.allSettled(made.map((intent) => settle(intent, appended)))
      .then((kept) => outbox.remove(made.filter((_, i) => kept[i]?.status === 'fulfilled').map(({ id }) => id)))
      .catch(() => undefined); // they stay on record
  }
}
