/**
 * What `GET /metrics` answers. Counters that are raised on every look-up are plain numbers elsewhere, read when somebody asks; so
 * nothing here costs a request more than one observation. It asks neither Redis nor the database.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { CacheFigures, Invalidation, NamespaceCounters } from '../cache/cache.js';
import { type Metric, METRICS } from './catalogue.js';
import { Durations } from './durations.js';

/** How the end of a look-up is called in the label `result`. */
const RESULTS = { l1: 'l1Hits', l2: 'l2Hits', miss: 'misses', stale: 'staleServed', bypass: 'bypassed' } as const;
/** From an answer out of memory to the longest that a request may take. */
const REQUEST_BUCKETS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Around the 250 ms that Redis has and the 550 ms that pods have. */
const INVALIDATION_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.55, 0.8, 1, 2.5, 10];

export interface Watched {
  readonly figures: () => CacheFigures;
  readonly isDatabaseUp: () => boolean;
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #requestSeconds: Durations;
  readonly #invalidations: Counter;
  readonly #invalidationSeconds: Histogram;

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
    this.#requestSeconds = new Durations(METRICS.requestSeconds, REQUEST_BUCKETS_SECONDS, this.#registry);
    this.#invalidations = new Counter(this.#of(METRICS.invalidations));
    this.#invalidationSeconds = new Histogram({
      ...this.#of(METRICS.invalidationSeconds),
      buckets: INVALIDATION_BUCKETS_SECONDS,
    });
  }

  /** Shows these figures from now on. */
  watch({ figures, isDatabaseUp }: Watched): void {
    const perNamespace = (metric: Metric, labels: Readonly<Record<string, keyof NamespaceCounters>>, label?: string): void => {
      new Counter({
        ...this.#of(metric),
        collect() {
          this.reset();
          for (const [namespace, counters] of figures().pod.namespaces) {
            for (const [value, counter] of Object.entries(labels)) {
              this.inc(label === undefined ? { namespace } : { namespace, [label]: value }, counters[counter]);
            }
          }
        },
      });
    };
    perNamespace(METRICS.lookups, RESULTS, 'result');
    perNamespace(METRICS.loads, { loads: 'loads' });
    perNamespace(METRICS.coalesced, { coalesced: 'coalesced' });
    perNamespace(METRICS.rejectedFills, { rejectedFills: 'rejectedFills' });
    new Counter({
      ...this.#of(METRICS.errors),
      collect() {
        this.reset();
        for (const [operation, count] of Object.entries(figures().failures)) this.inc({ operation }, count);
      },
    });

    const gauge = (metric: Metric, value: () => number): void => {
      new Gauge({
        ...this.#of(metric),
        collect() {
          this.set(value());
        },
      });
    };
    gauge(METRICS.pending, () => figures().pendingInvalidations);
    gauge(METRICS.breakerOpen, () => (figures().pod.breaker === 'CLOSED' ? 0 : 1));
    gauge(METRICS.leaseHeld, () => (figures().pod.leaseHeld ? 1 : 0));
    gauge(METRICS.l1Bytes, () => figures().pod.l1Bytes);
    gauge(METRICS.databaseUp, () => (isDatabaseUp() ? 1 : 0));
  }

  /** @param route as it is registered, never as it was sent: whoever asks could make up endlessly many. */
  requestEnded(route = 'none', status: number, milliseconds: number): void {
    this.#requestSeconds.observe(`${String(status)} ${route}`, () => ({ route, status: String(status) }), milliseconds / 1000);
  }

  invalidationAnswered({ status, requestedAt, appliedAt }: Invalidation): void {
    this.#invalidations.inc({ status });
    if (appliedAt !== null) this.#invalidationSeconds.observe(Math.max(0, appliedAt.getTime() - requestedAt.getTime()) / 1000);
  }

  /** In Prometheus's text format. */
  async text(): Promise<{ readonly contentType: string; readonly body: string }> {
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
  }

  #of({ name, help, labels }: Metric) {
    return { name, help, labelNames: labels, registers: [this.#registry] };
  }
}
