/**
 * The loads under way in this process, so that one key is asked of the source once however many want it. A read that joins a
 * load begun before it came can't use what comes unless that passes the check; then it takes part in the next load.
 */
import type { Entry } from './entry.js';

/** The load of one key. */
interface Load {
  /** Its place in the order of all loads and arrivals in this process. */
  readonly begunAt: number;
  readonly entry: Promise<Entry>;
}

export interface LoadRequest {
  /** From `arrive()`, taken when the read began. */
  readonly arrivedAt: number;
  /** Asks the source for keys that nobody loads yet, all at once. */
  readonly load: (keys: readonly string[]) => Promise<ReadonlyMap<string, Entry>>;
  /** Whether an entry whose load began before the read did may be used all the same. */
  readonly acceptable: (entry: Entry) => boolean;
  /** Told how many keys somebody else's load answered. */
  readonly onJoined: (count: number) => void;
}

export class Loads {
  readonly #running = new Map<string, Load>();
  #order = 0;

  /** Where a read stands in the order of loads: what begins after it is as new as its own load would be. */
  arrive(): number {
    return ++this.#order;
  }

  /** Loads keys, joining what runs. Rejects with what a load of any of them rejects with. */
  async getMany(keys: readonly string[], request: LoadRequest): Promise<Map<string, Entry>> {
    const found = new Map<string, Entry>();
    let missing = keys;
    while (missing.length > 0) {
      const unclaimed = missing.filter((key) => !this.#running.has(key));
      if (unclaimed.length > 0) this.#begin(unclaimed, request.load);
      const waits = missing.map((key) => ({ key, load: this.#running.get(key) as Load }));
      const outdated: string[] = [];
      for (const { key, load } of waits) {
        const entry = await load.entry;
        if (load.begunAt > request.arrivedAt || request.acceptable(entry)) found.set(key, entry);
        else outdated.push(key);
      }
      request.onJoined(waits.length - unclaimed.length - outdated.length);
      missing = outdated;
    }
    return found;
  }

  #begin(keys: readonly string[], load: LoadRequest['load']): void {
    const begunAt = ++this.#order;
    const entries = load(keys);
    for (const key of keys) {
      const entry = entries.then((all) => all.get(key) ?? Promise.reject(new Error('the source did not answer for every key')));
      const running: Load = { begunAt, entry };
      this.#running.set(key, running);
      const end = (): void => {
        if (this.#running.get(key) === running) this.#running.delete(key);
      };
      entry.then(end, end);
    }
  }
}
