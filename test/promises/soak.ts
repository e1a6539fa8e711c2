/** `npm run soak`: a long run of the consistency test. */
import { runScript } from '../harness/script.js';
import { run } from './run.js';
import { REDIS_FAULTS } from './redis-faults.js';
import { POD_FAULTS } from './pod-faults.js';
import { MONGODB_FAULTS } from './mongodb-faults.js';

await runScript(async () => {
  const { recorder, schedule, elapsedMs } = await run({
    topology: 'single',
    seed: 1,
    faults: [...REDIS_FAULTS, ...POD_FAULTS, ...MONGODB_FAULTS],
    pauses: { redis: [200, 2000], pod: [50, 500], mongodb: [3000, 8000] },
    isEnough: ({ elapsedMs }) => elapsedMs > Number(process.argv[2] ?? 20_000),
  });
  console.log(recorder.counts, recorder.applied, schedule.struck, elapsedMs);
  const by = new Map<string, number>();
  for (const v of recorder.violations) {
    const k = v.kind + ' ' + (/\((\w+)/.exec(v.message)?.[1] ?? '') + ' ' + (/failed with (\w+)/.exec(v.message)?.[1] ?? '');
    by.set(k, (by.get(k) ?? 0) + 1);
  }
  console.log(by);
  for (const v of recorder.violations.filter((v) => !v.message.includes('CACHE_UNAVAILABLE')).slice(0, 12)) console.log(v.kind, v.message);
  console.log(recorder.violations.length);
  return recorder.violations.length ? 1 : 0;
});
