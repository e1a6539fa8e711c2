/**
 * Tells what is asked for again from what is asked for once, so that a stream of ever new questions fills no cache. Remembers between
 * one and two generations of digests and forgets the older at once: bounded memory, and no clock.
 */
export class Doorkeeper {
  #young = new Set<string>();
  #old = new Set<string>();

  /** @param generationSize how many digests a generation holds. */
  constructor(readonly generationSize: number) {}

  /** Whether this digest has come before, as far as is remembered. From now on it has. */
  hasMet(digest: string): boolean {
    const met = this.#young.has(digest) || this.#old.has(digest);
    if (!this.#young.has(digest)) this.#remember(digest);
    return met;
  }

  #remember(digest: string): void {
    if (this.#young.size >= this.generationSize) {
      this.#old = this.#young;
      this.#young = new Set();
    }
    this.#young.add(digest);
  }
}
