/**
 * Follows every invalidation that was PENDING until it is APPLIED, by asking any pod again and again. That a pod can't say is no
 * failure: it is asked for the sake of the history. Called by clients and by the run.
 */
import type { Action } from './history.js';
import { FOLLOW_UP } from './queries.js';
import type { Random } from './random.js';
import type { World } from './world.js';

const INTERVAL_MS = 100;

export class Follower {
  readonly #world: World;
  readonly #random: Random;
  readonly #open = new Map<string, Action>();

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  get open(): number {
    return this.#open.size;
  }

  add(id: string, action: Action): void {
    this.#open.set(id, action);
  }

  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      for (const [id, action] of [...this.#open]) await this.#ask(id, action);
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
    }
  }

  async #ask(id: string, action: Action): Promise<void> {
    const target = this.#world.target(this.#random);
    if (!target.isUp()) return;
    const { data, problem } = await this.#world.api.graphql(target.url, FOLLOW_UP, { id }, this.#world.admin);
    if (problem !== undefined || data === undefined) return;
    const status = (data.cacheInvalidation as { status: 'APPLIED' | 'PENDING' } | null)?.status ?? null;
    this.#world.recorder.followUp(id, action, status);
    if (status === 'APPLIED') this.#open.delete(id);
  }
}
