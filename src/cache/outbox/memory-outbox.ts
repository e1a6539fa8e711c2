/** The outbox of a process whose devices are in its own memory: both end together. */
import type { Intent, Outbox } from './outbox.js';

export class MemoryOutbox implements Outbox {
  readonly durable = false;
  readonly #intents = new Map<string, Intent>();

  record(intent: Intent): Promise<void> {
    this.#intents.set(intent.id, intent);
    return Promise.resolve();
  }

  remove(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.#intents.delete(id);
    return Promise.resolve();
  }

  read(limit: number): Promise<readonly Intent[]> {
    return Promise.resolve([...this.#intents.values()].slice(0, limit));
  }

  find(id: string): Promise<Intent | undefined> {
    return Promise.resolve(this.#intents.get(id));
  }
}
