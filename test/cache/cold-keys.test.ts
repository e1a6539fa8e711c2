import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Redis } from 'ioredis';
import { beforeEach, describe, expect, it } from 'vitest';
import { Budget } from '../../src/cache/cache.js';
import { startRedis, type RedisServer } from '../harness/redis.js';
import { track } from '../harness/registry.js';
import { waitFor } from '../harness/wait.js';
import { Deferred } from './deferred.js';
import { startPodProcess } from './pod-processes.js';
import { counters, openPod, type Pod, PREFIX } from './pods.js';
import { DEVICES, Source } from './source.js';

/** How long one request waits for what other pods are loading. */
const OTHERS_LOADS_MS = 250;
/** What a busy machine may add. */
const SLACK_MS = 200;

let redis: RedisServer;
let client: Redis;
let source: Source;
let pods: Pod[];

beforeEach(async () => {
  redis = await startRedis();
  client = new Redis(redis.url);
  client.on('error', () => undefined);
  track({ name: 'Redis client of the test', close: () => Promise.resolve(client.disconnect()) });
  source = new Source();
  pods = await Promise.all(['a', 'b', 'c', 'd'].map((name) => openPod(name, redis.url)));
  // The first time that code runs it is slow, and a quarter of a second short.
  await readEverywhere(() => idsOf(9_000, 9_100), 3);
  source.questions.length = 0;
});

const idsOf = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `sensor-${from + i}`);
/** Keys that are claimed. What has been stored stays marked as such for a moment, which holds nobody up. */
async function locks(): Promise<string[]> {
  const keys = await client.keys(`${PREFIX}{bus}lock:*`);
  const holders = keys.length === 0 ? [] : await client.mget(keys);
  return keys.filter((_, i) => holders[i]?.startsWith('pod:'));
}
const claim = (...ids: string[]) =>
  Promise.all(ids.map((id) => client.set(`${PREFIX}{bus}lock:device_meta:${id}`, 'pod:another', 'PX', 2_000)));

/** Reads by every pod at once, so many by each. */
function readEverywhere(ids: (pod: number, read: number) => readonly string[], times = 25) {
  return Promise.all(
    pods.flatMap(({ cache }, pod) => Array.from({ length: times }, (_, read) => source.read(cache, ids(pod, read)))),
  );
}

/** How often each id was asked of the source, by all pods together: the counts that occur. */
const timesAsked = (ids: readonly string[]) => [...new Set(ids.map((id) => source.timesAsked(id)))];

async function timed<T>(action: () => Promise<T>): Promise<{ result: T; ms: number }> {
  const startedAt = performance.now();
  return { result: await action(), ms: performance.now() - startedAt };
}

/** Longer than this, and a waiter may run out of its quarter of a second though nobody was slow. */
const STALL_MS = 100;

/** Tries until this process, in which all pods run, was not held up meanwhile. @param attempt gets ids of its own. */
async function undisturbed(attempt: (ids: readonly string[]) => Promise<() => void>): Promise<void> {
  for (let i = 0; ; i++) {
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const check = await attempt(idsOf(100 * i, 100 * (i + 1)));
    delay.disable();
    if (delay.max < STALL_MS * 1e6 || i === 9) return check();
  }
}

describe('one cold batch', () => {
  it('is asked of the source once, however many pods and requests want it', async () => {
    const counted = () => Promise.all(pods.map(({ cache }) => counters(cache, 'device_meta')));
    await undisturbed(async (ids) => {
      source.remove(ids[3]!); // an absence is shared like anything else
      const before = await counted();
      const answers = await readEverywhere(() => ids, 10);
      const after = await counted();
      const sum = (name: keyof (typeof after)[0]) => after.reduce((total, each, i) => total + each[name] - before[i]![name], 0);
      return () => {
        for (const values of answers) expect(values).toEqual(ids.map((id) => source.current(id)));
        expect(timesAsked(ids)).toEqual([1]);
        expect(sum('loads')).toBe(100);
        expect(sum('loads') + sum('coalesced')).toBe(sum('misses'));
        expect(sum('misses') + sum('l1Hits') + sum('l2Hits')).toBe(100 * 40);
      };
    });
    await waitFor(async () => (await locks()).length === 0);
  });

  it('is asked once where batches overlap, too', async () => {
    await undisturbed(async (ids) => {
      await readEverywhere((pod, read) => ids.slice(10 * pod + read, 60 + 10 * pod + read), 5);
      return () => expect(timesAsked(ids.slice(0, 94))).toEqual([1]);
    });
    await waitFor(async () => (await locks()).length === 0);
  });

  it('is asked once, too, where each of its keys is wanted by another request of the same turn', async () => {
    await undisturbed(async (ids) => {
      source.remove(ids[3]!);
      const answers = await readEverywhere((_pod, read) => [ids[read]!], 60);
      return () => {
        expect(answers.flat()).toEqual(pods.flatMap(() => ids.slice(0, 60).map((id) => source.current(id))));
        expect(timesAsked(ids.slice(0, 60))).toEqual([1]);
      };
    });
    await waitFor(async () => (await locks()).length === 0);
  });

  it('is asked once more by all pods together after it was invalidated, however soon', async () => {
    await undisturbed(async (ids) => {
      await readEverywhere(() => ids, 2);
      for (const id of ids) source.change(id);
      await pods[0]!.cache.invalidate(ids.map((id) => `device:${id}`));
      source.questions.length = 0;
      const answers = await readEverywhere(() => ids, 5);
      return () => {
        for (const values of answers) expect(values.map((value) => value!.version)).toEqual(ids.map(() => 2));
        expect(timesAsked(ids)).toEqual([1]);
      };
    });
  });

  it('is asked once when the source takes its time, within what others wait', async () => {
    await undisturbed(async (ids) => {
      source.hold();
      const answered = readEverywhere(() => ids, 5);
      await waitFor(() => timesAsked(ids).includes(1));
      source.release();
      await answered;
      return () => expect(timesAsked(ids)).toEqual([1]);
    });
  });
});

describe('who waits for another pod', () => {
  it.each([['hangs'], ['is killed']])('loads for itself after a while when that %s', async (what) => {
    const winner = await startPodProcess('winner', redis.url);
    void winner.hang('x').catch(() => undefined); // it never answers
    await waitFor(async () => (await locks()).length === 1);
    expect(await client.pttl((await locks())[0]!)).toBeGreaterThan(0);
    if (what === 'is killed') await winner.process.kill();
    const reads = await Promise.all(pods.map(({ cache }) => timed(() => source.version(cache, 'x'))));
    for (const { result, ms } of reads) {
      expect(result).toBe(1);
      expect(ms).toBeLessThan(OTHERS_LOADS_MS + SLACK_MS);
    }
    await waitFor(async () => (await locks()).length === 0); // by itself: nobody was there to give it back
  });

  it('waits a quarter of a second for all of its batches together', async () => {
    await claim(...idsOf(0, 5));
    const budget = new Budget(2_000);
    const { ms } = await timed(async () => {
      for (const id of idsOf(0, 5)) await pods[0]!.cache.getMany(DEVICES, [id], budget, source.load);
    });
    expect(ms).toBeGreaterThan(OTHERS_LOADS_MS - 50);
    expect(ms).toBeLessThan(OTHERS_LOADS_MS + SLACK_MS);
    expect(budget.remainingMs).toBeGreaterThan(2_000 - SLACK_MS); // Redis is not to blame for it
  });

  it('does not keep what it loads itself from the others meanwhile', async () => {
    await claim('slow');
    const read = source.read(pods[0]!.cache, ['slow', 'fast']);
    await waitFor(() => client.exists(`${PREFIX}device_meta:fast`));
    await read;
    expect(source.questions).toEqual([['fast'], ['slow']]);
  });
});

describe('a load that fails', () => {
  it('is an error to who asked, is not cached, and leaves the others to load for themselves', async () => {
    source.failure = new Error('down');
    await expect(source.read(pods[0]!.cache, ['x'])).rejects.toThrow('down');
    await waitFor(async () => (await locks()).length === 0);
    expect(await client.exists(`${PREFIX}device_meta:x`)).toBe(0);
    source.failure = undefined;
    expect(await source.version(pods[1]!.cache, 'x')).toBe(1);
    expect(await source.version(pods[0]!.cache, 'x')).toBe(1);
    expect(source.timesAsked('x')).toBe(2);
  });

  it('fails nobody else: who waited asks the source itself', async () => {
    const answer = new Deferred<never>();
    const lost = pods[0]!.cache.getMany(DEVICES, ['x'], new Budget(2_000), () => answer.promise).catch((error: unknown) => error);
    await waitFor(async () => (await locks()).length === 1);
    const waited = source.version(pods[1]!.cache, 'x');
    const down = new Error('down');
    answer.reject(down);
    expect(await lost).toBe(down);
    expect(await waited).toBe(1);
  });
});

it('are claimed of a frozen Redis within the budget, and loaded by each', async () => {
  await waitFor(async () => (await source.version(pods[0]!.cache, 'first')) === 1);
  await redis.pause();
  const { result, ms } = await timed(() => source.read(pods[0]!.cache, idsOf(0, 10), { budgetMs: 50 }));
  expect(result).toHaveLength(10);
  expect(ms).toBeLessThan(50 + SLACK_MS);
  redis.resume();
  await waitFor(() => pods[0]!.cache.status === 'CONNECTED');
  await waitFor(async () => (await locks()).length === 0);
  for (const key of await client.keys(`${PREFIX}*`)) expect(await client.pttl(key)).toBeGreaterThan(0);
});
