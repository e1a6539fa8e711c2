/** Lets one event of each kind through in a while: a Redis that is away fails many times a second, and one log line says it. */

const INTERVAL_MS = 10_000;

export class Throttle {
  readonly #admittedAt = new Map<string, number>();

  /** @param kind one of a few names; every one is remembered. */
  admits(kind: string): boolean {
    const now = performance.now();
    if (now - (this.#admittedAt.get(kind) ?? -Infinity) < INTERVAL_MS) return false;
    this.#admittedAt.set(kind, now);
    return true;
  }
}
