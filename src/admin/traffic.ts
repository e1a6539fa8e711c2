/**
 * What happened in the last minutes, from one look at the counters to the next. Counters belong to a pod and begin at its start, so
 * differences are taken pod by pod: one that has restarted, or is counted again after a pause, makes no spike and nothing negative.
 */
import type { CacheStatsQuery } from './operations.js';

export type Stats = NonNullable<CacheStatsQuery['cacheStats']>;
export type Pod = Stats['pods'][number];

export const WINDOW_MS = 300_000;
/** A pod that is new to us was started just now, if it is not older than this. */
const JUST_STARTED_MS = 20_000;
const STALE_POINTS = 5;
/** Whole answers are built from the others, and its look-ups are the queries that came in. */
const RESPONSES = 'response';
/** Look-ups and loads of these are not of the database's content. */
const NOT_DATA = [RESPONSES, 'apq'];

/** The ways in which a look-up ends. */
export interface Outcomes {
  readonly hits: number;
  readonly misses: number;
  readonly bypassed: number;
  readonly staleServed: number;
}

/** All rates are per second. */
export interface Point {
  readonly at: number;
  /** hits / (hits + misses); null where nothing was looked up. */
  readonly hitRatio: number | null;
  readonly loads: number;
  /** GraphQL queries. */
  readonly requests: number;
  readonly stale: number;
  /** Whether every pod was counted. */
  readonly isComplete: boolean;
  readonly namespaces: ReadonlyMap<string, Outcomes>;
  readonly lookUpsOfPods: ReadonlyMap<string, number>;
}

export interface Mark {
  readonly at: number;
  readonly kind: 'purge' | 'pod';
  readonly text: string;
}

type Counter = 'hits' | 'misses' | 'bypassed' | 'staleServed' | 'loads';

interface Seen {
  readonly pod: Pod;
  readonly at: number;
}

export class Traffic {
  readonly #seen = new Map<string, Seen>();
  #points: Point[] = [];
  #podMarks: Mark[] = [];
  /** Pods that are not counted any more, with what they counted last. */
  readonly #gone = new Map<string, Seen & { readonly goneAt: number }>();
  /** When pods started that had not been there. */
  #started: number[] = [];
  #lastAt: number | undefined;

  get points(): readonly Point[] {
    return this.#points;
  }

  /** Pods that have come and gone, oldest first. */
  get podMarks(): readonly Mark[] {
    return this.#podMarks;
  }

  /** Look-ups per second answered by expired entries in the last ten seconds or so: while the database is down they come haltingly. */
  get stalePerSecond(): number {
    const latest = this.#points.slice(-STALE_POINTS);
    return latest.reduce((sum, { stale }) => sum + stale, 0) / Math.max(1, latest.length);
  }

  /**
   * Pods that are no longer counted, in the window, and that no new ones have replaced: a pod that loses its lease is not counted, and
   * one that has stopped is not either.
   */
  get gone(): readonly { readonly id: string; readonly at: Date }[] {
    const gone = [...this.#gone].map(([id, { goneAt }]) => ({ id, at: new Date(goneAt) }));
    return gone.length > this.#started.length ? gone : [];
  }

  /** How look-ups of the window ended, by namespace. Empty before the second look. */
  get outcomes(): ReadonlyMap<string, Outcomes> {
    const sums = new Map<string, Outcomes>();
    for (const { namespaces } of this.#points) for (const [name, more] of namespaces) sums.set(name, sum(sums.get(name), more));
    return sums;
  }

  /** @param at milliseconds since 1970, when the counters were read. */
  add(stats: Stats, at: number): void {
    const namespaces = new Map<string, Outcomes>();
    const lookUpsOfPods = new Map<string, number>();
    const rates = { hits: 0, misses: 0, loads: 0, requests: 0, stale: 0 };
    for (const pod of stats.pods) {
      const from = this.#baseline(pod, at);
      this.#seen.set(pod.id, { pod, at });
      if (from === undefined) continue;
      const seconds = Math.max(0.5, (at - from.at) / 1_000);
      let lookUpsOfPod = 0;
      for (const counts of pod.namespaces) {
        const before = from.pod?.namespaces.find(({ name }) => name === counts.name);
        const grown = (counter: Counter) => Math.max(0, counts[counter] - (before?.[counter] ?? 0));
        const outcomes = {
          hits: grown('hits'),
          misses: grown('misses'),
          bypassed: grown('bypassed'),
          staleServed: grown('staleServed'),
        };
        const lookUps = outcomes.hits + outcomes.misses + outcomes.bypassed + outcomes.staleServed;
        namespaces.set(counts.name, sum(namespaces.get(counts.name), outcomes));
        if (counts.name === RESPONSES) rates.requests += lookUps / seconds;
        if (NOT_DATA.includes(counts.name)) continue;
        lookUpsOfPod += lookUps / seconds;
        rates.hits += outcomes.hits;
        rates.misses += outcomes.misses;
        rates.stale += outcomes.staleServed / seconds;
        rates.loads += grown('loads') / seconds;
      }
      lookUpsOfPods.set(pod.id, lookUpsOfPod);
    }
    if (stats.complete) this.#forgetGone(stats.pods, at);
    const isFirst = this.#lastAt === undefined;
    this.#lastAt = at;
    if (isFirst) return;
    const lookUps = rates.hits + rates.misses;
    const { loads, requests, stale } = rates;
    const hitRatio = lookUps === 0 ? null : rates.hits / lookUps;
    this.#points.push({ at, hitRatio, loads, requests, stale, isComplete: stats.complete, namespaces, lookUpsOfPods });
    this.#points = this.#points.filter((point) => point.at > at - WINDOW_MS);
    this.#podMarks = this.#podMarks.filter((mark) => mark.at > at - WINDOW_MS);
    this.#started = this.#started.filter((startedAt) => startedAt > at - WINDOW_MS);
    for (const [id, { goneAt }] of this.#gone) if (goneAt <= at - WINDOW_MS) this.#gone.delete(id);
  }

  /** From what this pod's counters have grown, and since when; undefined when that is not known. */
  #baseline(pod: Pod, at: number): { readonly pod: Pod | undefined; readonly at: number } | undefined {
    const gone = this.#gone.get(pod.id);
    this.#gone.delete(pod.id);
    const seen = this.#seen.get(pod.id) ?? gone;
    if (seen?.pod.startedAt === pod.startedAt) {
      if (gone !== undefined) this.#mark(at, `${pod.id} is back`);
      return seen;
    }
    if (this.#lastAt === undefined) return undefined;
    const startedAt = Date.parse(pod.startedAt);
    if (seen === undefined && at - startedAt > JUST_STARTED_MS) return undefined;
    if (seen === undefined) this.#started.push(at);
    this.#mark(at, `${pod.id} ${seen === undefined ? 'started' : 'restarted'}`);
    return { pod: undefined, at: Math.min(at, Math.max(startedAt, seen?.at ?? 0)) };
  }

  #forgetGone(pods: readonly Pod[], at: number): void {
    for (const [id, seen] of this.#seen) {
      if (pods.some((pod) => pod.id === id)) continue;
      this.#seen.delete(id);
      this.#gone.set(id, { ...seen, goneAt: at });
      this.#mark(at, `${id} gone`);
    }
  }

  #mark(at: number, text: string): void {
    this.#podMarks.push({ at, kind: 'pod', text });
  }

  /** Pods counted before that this answer is without. */
  missing(stats: Stats): string[] {
    return [...this.#seen.keys()].filter((id) => !stats.pods.some((pod) => pod.id === id));
  }
}

function sum(some: Outcomes | undefined, more: Outcomes): Outcomes {
  return {
    hits: (some?.hits ?? 0) + more.hits,
    misses: (some?.misses ?? 0) + more.misses,
    bypassed: (some?.bypassed ?? 0) + more.bypassed,
    staleServed: (some?.staleServed ?? 0) + more.staleServed,
  };
}
