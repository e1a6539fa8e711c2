/**
 * Follows every invalidation that was PENDING until it is APPLIED, by asking any pod again and again. That a pod can't say is no
 * failure: it is asked for the sake of the history. Called by clients and by the run.
 */
import type { Action } from '../checker/history.js';
import { FOLLOW_UP } from './queries.js';
import type { Random } from './random.js';
import type { World } from './world.js';

const INTERVAL_MS = 100;
const AT_ONCE = 8;
/** What nobody knows for so long is not asked for any more. */
const GIVE_UP_MS = 5_000;

interface Open {
  readonly id: string;
  readonly action: Action;
  unknownSince: number | undefined;
}

export class Follower {
  readonly #world: World;
  readonly #random: Random;
  #open: Open[] = [];

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  get open(): number {
    return this.#open.length;
  }

  add(id: string, action: Action): void {
    this.#open.push({ id, action, unknownSince: undefined });
  }

  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const round = [...this.#open];
      while (round.length > 0) await Promise.all(round.splice(0, AT_ONCE).map((open) => this.#ask(open)));
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
    }
  }

  async #ask(open: Open): Promise<void> {
    const { recorder, api, admin } = this.#world;
    const target = this.#world.target(this.#random);
    if (!target.isUp()) return;
    const { data, problem } = await api.graphql(target.url, FOLLOW_UP, { id: open.id }, admin);
    if (problem !== undefined || data === undefined) return;
    const status = (data.cacheInvalidation as { status: 'APPLIED' | 'PENDING' } | null)?.status ?? null;
    if (status !== null) open.unknownSince = undefined;
    else open.unknownSince ??= performance.now();
    recorder.followUp(open.id, open.action, status);
    const isGivenUp = open.unknownSince !== undefined && performance.now() - open.unknownSince > GIVE_UP_MS;
    if (status === 'APPLIED' || isGivenUp) this.#open = this.#open.filter((other) => other !== open);
  }
}
