/** Servers with a part of the protocol taken out: the checker must object, else its silence about the real one says nothing. */
import { expect, it } from 'vitest';
import { describeWithMongoDb } from '../../harness/mongodb.js';
import { faultsFor } from '../faults/faults-of.js';
import { run } from '../run.js';
import { buildWith, MISTAKES } from './mistakes.js';

const LEAST_MS = 6_000;
/** What it takes is up to chance: half a minute on average where it takes longest, so once in hundreds of runs this long. */
const MOST_MS = 150_000;

describeWithMongoDb('the checker objects to a server with', () => {
  it.each(MISTAKES.map((mistake) => [mistake.name, mistake] as const))('%s', { timeout: 240_000 }, async (_name, mistake) => {
    const faults = faultsFor('single').filter(({ name }) => mistake.faults.includes(name));
    expect(faults.map(({ name }) => name).sort()).toEqual([...mistake.faults].sort());
    const { recorder } = await run({
      topology: 'single',
      directory: buildWith(mistake),
      seed: 1,
      faults,
      pauses: { redis: [300, 800], pod: [100, 400], mongodb: [0, 0] },
      stopsAt: mistake.objection,
      // An invalidation that nobody knows any more is objected to in the end only.
      isEnough: ({ elapsedMs }) => elapsedMs > (mistake.objection === 'FORGOTTEN' ? LEAST_MS : MOST_MS),
    });
    expect(recorder.violations.map(({ kind }) => kind)).toContain(mistake.objection);
  });
});
