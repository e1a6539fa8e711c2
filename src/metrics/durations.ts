/**
 * A histogram for the hottest path there is. prom-client's looks its labels up anew for each observation, which costs more than all else
 * that is done for an answer out of memory; this one counts in arrays, and is registered with prom-client like one of its own.
 */
import type { Histogram, Registry } from 'prom-client';
import type { Metric } from './catalogue.js';

/** One combination of labels. */
class Series {
  readonly labels: Readonly<Record<string, string>>;
  /** Per bucket, not summed up; the last is for what is longer than all. */
  readonly counts: number[];
  sum = 0;

  constructor(labels: Readonly<Record<string, string>>, buckets: number) {
    this.labels = labels;
    this.counts = new Array<number>(buckets + 1).fill(0);
  }
}

export class Durations {
  readonly #bucketsSeconds: readonly number[];
  readonly #series = new Map<string, Series>();

  /** @param bucketsSeconds their upper bounds, the shortest first. */
  constructor({ name, help }: Metric, bucketsSeconds: readonly number[], registry: Registry) {
    this.#bucketsSeconds = bucketsSeconds;
    const metric = {
      name,
      help,
      type: 'histogram',
      aggregator: 'sum',
      get: () => Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values: this.#values(name) }),
    };
    // Typed as one of its own classes, of which a registry calls no more than this.
    registry.registerMetric(metric as unknown as Histogram);
  }

  /** @param name of the series, which always has the same labels. @param labels asked for when there is none of that name. */
  observe(name: string, labels: () => Readonly<Record<string, string>>, seconds: number): void {
    let series = this.#series.get(name);
    if (series === undefined) this.#series.set(name, (series = new Series(labels(), this.#bucketsSeconds.length)));
    let bucket = 0;
    while (bucket < this.#bucketsSeconds.length && seconds > (this.#bucketsSeconds[bucket] as number)) bucket++;
    series.counts[bucket] = (series.counts[bucket] as number) + 1;
    series.sum += seconds;
  }

  #values(name: string) {
    return [...this.#series.values()].flatMap(({ labels, counts, sum }) => {
      let count = 0;
      const buckets = counts.map((inBucket, i) => {
        const le = this.#bucketsSeconds[i] ?? '+Inf';
        return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: (count += inBucket) };
      });
      return [
        ...buckets,
        { metricName: `${name}_sum`, labels, value: sum },
        { metricName: `${name}_count`, labels, value: count },
      ];
    });
  }
}
