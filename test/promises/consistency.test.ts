/** A short run of the consistency test; `npm run soak` is the long one. A seed that failed is played again by `SEED=… npx vitest run …`. */
import { randomInt } from 'node:crypto';
import { expect, it } from 'vitest';
import { describeWithMongoDb } from '../harness/mongodb.js';
import { faultsFor } from './faults/faults-of.js';
import { run } from './run.js';

const LEAST_MS = 12_000;
const MOST_MS = 60_000;

describeWithMongoDb('four pods, through every fault there is', () => {
  // Never a second time: what goes wrong once in a while is what it is looking for.
  it('keep what they promise', { timeout: 150_000, retry: 0 }, async () => {
    const seed = Number(process.env.SEED ?? randomInt(2 ** 31));
    console.log(`seed ${seed}`);
    const problems: string[] = [];
    const { recorder, schedule } = await run({
      topology: 'single',
      seed,
      faults: faultsFor('single'),
      pauses: { redis: [100, 800], pod: [20, 150], mongodb: [1_500, 4_000] },
      pace: 0.3,
      isEnough: ({ elapsedMs, schedule: { missing } }) => elapsedMs > MOST_MS || (elapsedMs > LEAST_MS && missing.length === 0),
      onViolation: ({ kind, message }, logs) => problems.push(`${kind}: ${message}\n${logs.join('\n')}`),
    });
    expect(problems.join('\n\n')).toBe('');
    expect(schedule.missing).toEqual([]);
    expect(recorder.counts.reads).toBeGreaterThan(5_000);
    expect(recorder.applied).toBeGreaterThan(50);
  });
});
