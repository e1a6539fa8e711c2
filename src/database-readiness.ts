/**
 * Whether the database has ever answered, which is what makes this process ready to serve, whatever becomes of the database later.
 * Also has its indexes made as soon as it can be asked.
 */
import { setTimeout } from 'node:timers/promises';
import type { Logger } from './log.js';

const RETRY_MS = 500;

export interface DatabaseProbe {
  readonly ping: () => Promise<unknown>;
  /** As the driver sees it at the moment. */
  readonly isUp: () => boolean;
  /** What has to be done once in a database: indexes. It serves without. */
  readonly prepare: () => Promise<void>;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
}

export class DatabaseReadiness {
  #hasAnswered = false;
  readonly #closing = new AbortController();
  readonly #isUp: (() => boolean) | undefined;

  private constructor(isUp: (() => boolean) | undefined) {
    this.#isUp = isUp;
  }

  /** Of a store in this process's memory. */
  static embedded(): DatabaseReadiness {
    const readiness = new DatabaseReadiness(undefined);
    readiness.#hasAnswered = true;
    return readiness;
  }

  /** Asks until it answers. */
  static of(probe: DatabaseProbe): DatabaseReadiness {
    const readiness = new DatabaseReadiness(probe.isUp);
    readiness.#waitFor(probe).catch(() => undefined); // closed before the database answered
    return readiness;
  }

  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  get state(): 'up' | 'down' | 'embedded' {
    if (this.#isUp === undefined) return 'embedded';
    return this.#isUp() ? 'up' : 'down';
  }

  close(): void {
    this.#closing.abort();
  }

  async #waitFor({ ping, prepare, logger }: DatabaseProbe): Promise<void> {
    const { signal } = this.#closing;
    for (let attempt = 1; !this.#hasAnswered; attempt++) {
      try {
        await ping();
        this.#hasAnswered = true;
      } catch (err) {
        if (attempt === 1) logger.warn({ err }, 'the database does not answer yet; going on to ask');
        await setTimeout(RETRY_MS, undefined, { signal });
      }
    }
    await prepare().catch((err: unknown) => {
      if (!signal.aborted) logger.warn({ err }, 'the indexes of the collection Users could not be made; look-ups may be slow');
    });
  }
}
