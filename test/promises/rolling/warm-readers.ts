/**
 * Readers of devices that nobody changes, so that each look-up after the first may come from the cache: what is missed then was lost, by
 * a pod that came or went. Counts by the header `cache-status`. Called by the test of rolling updates.
 */
import { waitFor } from '../../harness/wait.js';
import type { Api } from '../workload/api.js';
import type { Database } from '../workload/database.js';
import { Chain } from '../workload/devices.js';
import { DEVICE, DEVICES } from '../workload/queries.js';

const OWNER = '00000000-0000-4000-8000-00000000abcd';
const DEVICES_IN_ALL = 60;
const BATCH = 20;
const READERS = 4;
const PAUSE_MS = 5;

interface Question {
  readonly query: string;
  readonly variables: object;
}

/** Requests of one phase, and how many of them were answered from the cache. */
export class Tally {
  requests = 0;
  hits = 0;
  /** What the others' `cache-status` said, and how often. */
  readonly others = new Map<string, number>();

  get hitRatio(): number {
    return this.hits / this.requests;
  }

  /** @param cacheStatus the header's value. */
  count(cacheStatus: string): void {
    this.requests++;
    if (isHit(cacheStatus)) this.hits++;
    else this.others.set(cacheStatus, (this.others.get(cacheStatus) ?? 0) + 1);
  }

  toString(): string {
    const others = [...this.others].map(([status, count]) => `, ${String(count)} ${status}`).join('');
    return `${(100 * this.hitRatio).toFixed(1)} % of ${String(this.requests)}${others}`;
  }
}

const isHit = (cacheStatus: string): boolean => cacheStatus.startsWith('opensensor; hit');

export class WarmReaders {
  /** One per phase, in order. */
  readonly tallies = new Map<string, Tally>();
  readonly problems: string[] = [];
  readonly #api: Api;
  readonly #url: string;
  readonly #questions: readonly Question[];
  #tally = new Tally();
  #isStopped = false;
  #readers: readonly Promise<void>[] = [];

  private constructor(api: Api, url: string, questions: readonly Question[]) {
    this.#api = api;
    this.#url = url;
    this.#questions = questions;
  }

  /** Makes the devices, and asks each question until it is answered from the cache, which is not counted. */
  static async start(parts: { readonly api: Api; readonly database: Database; readonly url: string }): Promise<WarmReaders> {
    const chains = Array.from({ length: DEVICES_IN_ALL }, (_, number) => new Chain(`warm-${number}`));
    await parts.database.populate(OWNER, chains);
    const ids = chains.map(({ deviceIds: [id] }) => id);
    const singles = ids.map((id) => ({ query: DEVICE, variables: { id } }));
    const batches = ids.map((_, from) => ({ query: DEVICES, variables: { ids: [...ids, ...ids].slice(from, from + BATCH) } }));
    const readers = new WarmReaders(parts.api, parts.url, [...singles, ...batches]);
    await Promise.all(
      readers.#questions.map((question) => waitFor(async () => isHit(await readers.#ask(question)), { timeoutMs: 20_000 })),
    );
    readers.#readers = Array.from({ length: READERS }, (_, number) => readers.#run(number));
    return readers;
  }

  /** What is asked from now on counts as this phase's. */
  begin(phase: string): Tally {
    this.#tally = new Tally();
    this.tallies.set(phase, this.#tally);
    return this.#tally;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#readers);
  }

  async #run(number: number): Promise<void> {
    for (let turn = number; !this.#isStopped; turn += READERS) {
      const tally = this.#tally;
      tally.count(await this.#ask(this.#questions[turn % this.#questions.length] as Question));
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  /** Answers the `cache-status`. */
  async #ask({ query, variables }: Question): Promise<string> {
    const { problem, cacheStatus = '' } = await this.#api.graphql(this.#url, query, variables, {});
    if (problem !== undefined) this.problems.push(problem);
    return cacheStatus;
  }
}
