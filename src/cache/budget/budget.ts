/**
 * What Redis may cost one request in sum, over all its cache operations. Only time spent waiting counts, so a request whose
 * database is slow has its whole budget left.
 */
export class Budget {
  #remainingMs: number;

  /** @param totalMs milliseconds, `CACHE_BUDGET_MS`. */
  constructor(totalMs: number) {
    this.#remainingMs = totalMs;
  }

  /** Milliseconds left, never negative. */
  get remainingMs(): number {
    return Math.max(0, this.#remainingMs);
  }

  /** Runs a wait and takes its length off the budget, however it ends. `wait` gets the milliseconds left as its deadline. */
  async spend<T>(wait: (deadlineMs: number) => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    try {
      return await wait(this.remainingMs);
    } finally {
      this.#remainingMs -= performance.now() - startedAt;
    }
  }
}
