/**
 * Whether the source answered when it was last asked. While it did not, what is past its time stands in at once instead of each
 * read waiting for the next failure, and one load a second finds out whether the source is back.
 */

const PROBE_INTERVAL_MS = 1_000;

export class SourceHealth {
  #isDown = false;
  #probedAt = -Infinity;

  get isDown(): boolean {
    return this.#isDown;
  }

  answered(): void {
    this.#isDown = false;
  }

  failed(): void {
    this.#isDown = true;
  }

  /** True once per interval, for the one that asks then. */
  mayProbe(): boolean {
    const now = performance.now();
    if (now - this.#probedAt < PROBE_INTERVAL_MS) return false;
    this.#probedAt = now;
    return true;
  }
}
