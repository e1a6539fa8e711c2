/** The answers to a look-up of many ids, some of which the source may have failed. */
export class Answers<T> extends Map<string, T> {
  readonly #failures = new Map<string, unknown>();

  fail(id: string, reason: unknown): void {
    this.#failures.set(id, reason);
  }

  /** Throws what the source failed with, so that a failure can't be taken for an absence. */
  override get(id: string): T | undefined {
    if (this.#failures.has(id)) throw this.#failures.get(id) as Error;
    return super.get(id);
  }
}
