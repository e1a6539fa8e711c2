/**
 * The executions under way in this process, so that identical requests that come together are executed once. Who joins takes what comes
 * of it only if that passes the check then, since it was begun before they came.
 */
import type { BodyEntry } from '../cache/cache.js';

export class Executions {
  readonly #running = new Map<string, { readonly result: Promise<BodyEntry | undefined>; joined: boolean }>();

  /** The execution to join, if there is one. It resolves with what came of it, or undefined if that can't be stored; it never rejects. */
  join(name: string): Promise<BodyEntry | undefined> | undefined {
    const running = this.#running.get(name);
    if (running !== undefined) running.joined = true;
    return running?.result;
  }

  /** Begins one that others may join, unless there is one. `end` tells whether anybody did, and must be called. */
  begin(name: string): ((entry: BodyEntry | undefined) => boolean) | undefined {
    if (this.#running.has(name)) return undefined;
    let resolve: (entry: BodyEntry | undefined) => void = () => undefined;
    const result = new Promise<BodyEntry | undefined>((settle) => {
      resolve = settle;
    });
    const running = { result, joined: false };
    this.#running.set(name, running);
    return (entry) => {
      this.#running.delete(name);
      resolve(entry);
      return running.joined;
    };
  }
}
