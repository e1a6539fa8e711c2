/**
 * Every metric of ours, once: what `/metrics` and the documentation say of it. Those of the process itself are prom-client's own
 * defaults.
 */

export interface Metric {
  readonly name: `opensensor_${string}`;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** What one is. */
  readonly unit: string;
  readonly labels: readonly string[];
  readonly help: string;
}

const metric = (name: Metric['name'], kind: Metric['kind'], unit: string, labels: readonly string[], help: string): Metric => ({
  name,
  kind,
  unit,
  labels,
  help,
});

export const METRICS = {
  lookups: metric(
    'opensensor_cache_lookups_total',
    'counter',
    'keys',
    ['namespace', 'result'],
    'Look-ups, after DataLoader removed duplicates, by how they ended: l1, l2, miss, stale, bypass.',
  ),
  loads: metric('opensensor_cache_loads_total', 'counter', 'keys', ['namespace'], 'Keys asked of the database.'),
  coalesced: metric(
    'opensensor_cache_coalesced_total',
    'counter',
    'keys',
    ['namespace'],
    "Misses answered by somebody else's load.",
  ),
  rejectedFills: metric(
    'opensensor_cache_rejected_fills_total',
    'counter',
    'keys',
    ['namespace'],
    'Loads not stored, because what they read was invalidated meanwhile.',
  ),
  errors: metric('opensensor_cache_errors_total', 'counter', 'operations', ['operation'], 'Operations that Redis failed.'),
  invalidations: metric(
    'opensensor_cache_invalidations_total',
    'counter',
    'invalidations',
    ['status'],
    'Invalidations asked of this pod, by what they were answered with: APPLIED, PENDING, DRY_RUN.',
  ),
  pending: metric(
    'opensensor_cache_invalidations_pending',
    'gauge',
    'invalidations',
    [],
    'Invalidations of the whole fleet on record and not applied, as last seen. 1001 stands for more than 1,000.',
  ),
  invalidationSeconds: metric(
    'opensensor_cache_invalidation_seconds',
    'histogram',
    'seconds',
    [],
    'From when an invalidation was asked for until no pod could serve what it was about.',
  ),
  breakerOpen: metric('opensensor_cache_breaker_open', 'gauge', '0 or 1', [], '1 while this pod asks Redis for nothing.'),
  leaseHeld: metric('opensensor_cache_lease_held', 'gauge', '0 or 1', [], '1 while this pod provably hears invalidations.'),
  l1Bytes: metric(
    'opensensor_cache_l1_bytes',
    'gauge',
    'bytes',
    [],
    "The pod's memory for the cache, keys and overhead counted.",
  ),
  databaseUp: metric(
    'opensensor_database_up',
    'gauge',
    '0 or 1',
    [],
    '1 while the database can be asked for changes, as its driver sees it; always 1 where the devices are in memory.',
  ),
  requestSeconds: metric(
    'opensensor_http_request_seconds',
    'histogram',
    'seconds',
    ['route', 'status'],
    'From the head of a request until its answer was sent, or its client was gone.',
  ),
} as const satisfies Record<string, Metric>;
