/**
 * What waiting may cost one request in sum, over all its cache operations. Only time spent waiting counts, so a request whose
 * database is slow has its whole budget left.
 */
class Allowance {
  #remainingMs: number;

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

/** How long one request waits for what other pods are loading, before it loads that itself. */
const OTHERS_LOADS_MS = 250;

/** Waits for Redis; made with `CACHE_BUDGET_MS`. */
export class Budget extends Allowance {
  /** Waits for other pods' loads: these stand for the database, so they are not Redis's to answer for. */
  readonly othersLoads = new Allowance(OTHERS_LOADS_MS);
}
