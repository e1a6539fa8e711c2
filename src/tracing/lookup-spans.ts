/** A span for each batch that the cache looks up, with how its look-ups ended. Keys don't get on it, since they hold ids. */
import { SpanKind } from '@opentelemetry/api';
import type { LookupObserver } from '../cache/cache.js';
import type { Spans } from './spans.js';

export function lookupObserver(spans: Spans): LookupObserver {
  return ({ namespace, keys, counts }, lookUp) =>
    spans.within(
      `cache ${namespace}`,
      SpanKind.INTERNAL,
      { 'opensensor.cache.namespace': namespace, 'opensensor.cache.keys': keys },
      async (span) => {
        try {
          return await lookUp();
        } finally {
          const { l1Hits, l2Hits, misses, staleServed, bypassed, coalesced } = counts;
          span?.setAttributes({
            'opensensor.cache.l1_hits': l1Hits,
            'opensensor.cache.l2_hits': l2Hits,
            'opensensor.cache.misses': misses,
            'opensensor.cache.stale': staleServed,
            'opensensor.cache.bypassed': bypassed,
            'opensensor.cache.coalesced': coalesced,
          });
        }
      },
    );
}
