/** Our histogram against prom-client's own: what is exposed must be the same text. */
import fc from 'fast-check';
import { Histogram, Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { METRICS } from '../../src/metrics/catalogue.js';
import { Durations } from '../../src/metrics/durations.js';

const BUCKETS = [0.001, 0.25, 1];

it("are exposed as prom-client's own histogram is", async () => {
  const statuses = fc.constantFrom('200', '404');
  const seconds = fc.oneof(fc.constantFrom(0, ...BUCKETS), fc.double({ min: 0, max: 3, noNaN: true }));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(statuses, seconds), { maxLength: 40 }), async (observed) => {
      const { name, help } = METRICS.requestSeconds;
      const [ours, theirs] = [new Registry(), new Registry()];
      const durations = new Durations(METRICS.requestSeconds, BUCKETS, ours);
      const histogram = new Histogram({
        name,
        help,
        labelNames: ['route', 'status'],
        buckets: BUCKETS,
        registers: [theirs],
      });
      for (const [status, value] of observed) {
        durations.observe(status, () => ({ route: '/graphql', status }), value);
        histogram.observe({ route: '/graphql', status }, value);
      }
      expect(await ours.metrics()).toBe(await theirs.metrics());
    }),
  );
});
