/**
 * Keeps requests away from a Redis that has just failed a read, so that one request pays for it and not all. Reads begin again
 * with the first sync that succeeds after the pause; the pause doubles while they go on failing.
 */

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** CLOSED: reads go to Redis. OPEN: none does. HALF_OPEN: the first read after a pause is under way. */
export type BreakerState = 'CLOSED' | 'OPEN' | 'HALF_OPEN';

export class ReadPause {
  #state: BreakerState = 'CLOSED';
  #pauseMs = FIRST_PAUSE_MS;
  #until = 0;

  /** @param lastSyncAt as for {@link admits}. */
  state(lastSyncAt: number | undefined): BreakerState {
    // A pause that is over needs no read to end it.
    return this.#state === 'OPEN' && this.#isOver(lastSyncAt) ? 'CLOSED' : this.#state;
  }

  /** Whether a read may go to Redis now. `lastSyncAt`: when the last sync that succeeded was sent, on `performance.now()`'s scale. */
  admits(lastSyncAt: number | undefined): boolean {
    if (this.#state === 'CLOSED') return true;
    if (this.#state === 'HALF_OPEN' || !this.#isOver(lastSyncAt)) return false;
    this.#state = 'HALF_OPEN';
    return true;
  }

  succeeded(): void {
    this.#state = 'CLOSED';
    this.#pauseMs = FIRST_PAUSE_MS;
  }

  failed(): void {
    if (this.#state === 'HALF_OPEN') this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    this.#state = 'OPEN';
    this.#until = performance.now() + this.#pauseMs;
  }

  #isOver(lastSyncAt: number | undefined): boolean {
    return performance.now() >= this.#until && (lastSyncAt ?? 0) >= this.#until - this.#pauseMs;
  }
}
