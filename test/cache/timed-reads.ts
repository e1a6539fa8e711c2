/** Reads that go on while a test does something to Redis, and what each of them took. */
import type { Cache } from '../../src/cache/cache.js';
import type { Source } from './source.js';

/** `CACHE_BUDGET_MS` of these reads. */
export const BUDGET_MS = 50;
/** What a busy machine may add to what a read is allowed. */
export const SLACK_MS = 100;

export interface TimedRead {
  /** On `performance.now()`'s scale. */
  readonly startedAt: number;
  readonly tookMs: number;
  /** By how much it took longer than a timer of the budget's length that was set at the same moment: what the machine's load did to both does not count. */
  readonly overBudgetMs: number;
}

export async function timedRead(source: Source, cache: Cache, id: string): Promise<TimedRead> {
  const startedAt = performance.now();
  const timer = new Promise<number>((resolve) => {
    setTimeout(() => {
      resolve(performance.now() - startedAt);
    }, BUDGET_MS);
  });
  await source.version(cache, id, { budgetMs: BUDGET_MS });
  const tookMs = performance.now() - startedAt;
  return { startedAt, tookMs, overBudgetMs: tookMs <= BUDGET_MS ? 0 : tookMs - (await timer) };
}

/** Twenty callers who read one of fifty ids after the other, each with a short pause between, until they are stopped. */
export class Readers {
  readonly reads: TimedRead[] = [];
  readonly errors: unknown[] = [];
  #stopped = false;
  readonly #running: Promise<void>[];

  constructor(source: Source, ...caches: readonly Cache[]) {
    this.#running = Array.from({ length: 20 }, (_, i) => this.#run(source, caches[i % caches.length]!, i));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
  }

  /** Reads that began after a moment of `performance.now()`. */
  since(moment: number): TimedRead[] {
    return this.reads.filter(({ startedAt }) => startedAt > moment);
  }

  async #run(source: Source, cache: Cache, offset: number): Promise<void> {
    for (let i = offset; !this.#stopped; i++) {
      await timedRead(source, cache, `sensor-${i % 50}`).then(
        (read) => this.reads.push(read),
        (error: unknown) => this.errors.push(error),
      );
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

export function median(reads: readonly TimedRead[]): number {
  const times = reads.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
  return times[times.length >> 1] ?? NaN;
}

/** The longest that any was over its budget. */
export function worstOverBudget(reads: readonly TimedRead[]): number {
  return Math.max(0, ...reads.map(({ overBudgetMs }) => overBudgetMs));
}
