/**
 * What a Redis that is frozen (SIGSTOP: connected and silent) adds to requests, from the first one on and once the pod has lost its
 * lease. Every request is for another device and needs Redis, since nothing fits into the pod's own memory; the devices are embedded, so
 * that what is added is Redis's alone.
 */
import { setTimeout } from 'node:timers/promises';
import { bodyFor } from './ask.js';
import { ids } from './fleet.js';
import { askEvenly, watchScheduling } from './latency.js';
import { environment, type Parts, type Server, startRedis, startServer } from './parts.js';
import { type Aim, type Findings, number, type Row } from './report.js';
import { median, quantile } from './statistics.js';

const REQUESTS = 1_000;
const OVER_MS = 4_000;
/** A new server is slow for some seconds: it is warm when p99 is this or less, or when it has had its chances. */
const WARM_MS = 10;
const WARM_UPS = 5;
/** The lease lasts 500 ms; after a second nobody asks this Redis any more. */
const LEASE_IS_GONE_MS = 1_000;
/** `CACHE_BUDGET_MS` by default. */
const AIM_MS = 50;
/** What counts as nothing: no more than a timer's grain and the noise of a busy machine. */
const AIM_AFTERWARDS_MS = 5;

/** @param rounds each with a Redis and a server of its own. */
export async function measurePausedRedis(parts: Parts, rounds: number): Promise<Findings> {
  const bodies = ids(0, REQUESTS).map((id) => bodyFor([id]));
  const well: number[] = [];
  const added: number[] = [];
  const addedAfterwards: number[] = [];
  const scheduling = await watchScheduling();
  for (let round = 0; round < rounds; round++) {
    const redis = await startRedis(parts.cores);
    let server: Server | undefined;
    try {
      const env = { ...environment(parts, { redisPort: redis.port }), CACHE_L1_MAX_BYTES: '1' };
      const embedded = { DEVICES_FILE: parts.devicesFile, MONGODB_URL: '' };
      server = await startServer(parts.cores, { env: { ...env, ...embedded }, place: 'anywhere' });
      const p99 = async (overMs = OVER_MS) => quantile(await askEvenly(server!.url, bodies, overMs), 0.99);
      await p99(OVER_MS / 2); // fills Redis
      for (let i = 0; i < WARM_UPS && (await p99(OVER_MS / 2)) > WARM_MS; i++);
      const before = await p99();
      redis.process.freeze();
      const paused = await p99();
      await setTimeout(LEASE_IS_GONE_MS);
      const afterwards = await p99();
      well.push(before);
      added.push(paused - before);
      addedAfterwards.push(afterwards - before);
    } finally {
      await server?.stop();
      await redis.process.stop();
    }
  }
  const delay = await scheduling.stop();
  const against = { name: "machine's own delay", figure: number(delay.p99) };
  const rows: Row[] = [
    { what: 'request while Redis is well, p99 ms', figure: number(median(well)), against },
    { what: 'added by a paused Redis, first 1,000, p99 ms', figure: number(median(added)) },
    { what: 'added by a paused Redis, lease gone, p99 ms', figure: number(median(addedAfterwards)) },
  ];
  const isQuiet = median(well) <= AIM_MS;
  const aim = (what: string, values: readonly number[], most: number): Aim => ({
    what,
    figure: `${number(median(values))} ms`,
    isMet: isQuiet && median(values) <= most,
  });
  const aims = [
    aim(`a paused Redis adds at most ${AIM_MS} ms, p99 of ${number(REQUESTS)} from the first one on`, added, AIM_MS),
    aim(`and about nothing once the lease is gone`, addedAfterwards, AIM_AFTERWARDS_MS),
  ];
  const tooBusy = 'A paused Redis: this machine was too busy for these figures to mean anything.';
  return { rows, aims, notes: isQuiet ? [] : [tooBusy] };
}
