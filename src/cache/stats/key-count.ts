/** How many keys the cache holds. */
import type { KeySpace } from '../purge/key-space.js';

export interface KeyCount {
  readonly keys: number;
  readonly countedAt: Date;
}

export interface KeyCounter {
  /** Undefined when the keys can't be counted now. */
  count(): Promise<KeyCount | undefined>;
}

/** Counts this process's own memory, each time. */
export class EmbeddedKeyCounter implements KeyCounter {
  readonly #keySpace: KeySpace;

  constructor(keySpace: KeySpace) {
    this.#keySpace = keySpace;
  }

  async count(): Promise<KeyCount> {
    return { keys: await this.#keySpace.count('*'), countedAt: new Date() };
  }
}
