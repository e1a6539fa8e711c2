import { Redis } from 'ioredis';
import { beforeEach, describe, expect, it } from 'vitest';
import { Budget } from '../../src/cache/cache.js';
import { startRedis, type RedisServer } from '../harness/redis.js';
import { track } from '../harness/registry.js';
import { waitFor } from '../harness/wait.js';
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

describe('one cold batch', () => {
  const IDS = idsOf(0, 100);

  it('is asked of the source once, however many pods and requests want it', async () => {
    source.remove('sensor-3'); // an absence is shared like anything else
    const answers = await readEverywhere(() => IDS);
    for (const values of answers) expect(values).toEqual(IDS.map((id) => source.current(id)));
    expect(timesAsked(IDS)).toEqual([1]);
    const counts = await Promise.all(pods.map(({ cache }) => counters(cache, 'device_meta')));
    const sum = (name: keyof (typeof counts)[0]) => counts.reduce((total, each) => total + each[name], 0);
    expect(sum('loads')).toBe(100);
    expect(sum('loads') + sum('coalesced')).toBe(sum('misses'));
    expect(sum('misses') + sum('l1Hits') + sum('l2Hits')).toBe(100 * 100);
    await waitFor(async () => (await locks()).length === 0);
  });

  it('is asked once where batches overlap, too', async () => {
    await readEverywhere((pod, read) => idsOf(10 * pod + read, 60 + 10 * pod + read), 5);
    expect(timesAsked(idsOf(0, 94))).toEqual([1]);
    await waitFor(async () => (await locks()).length === 0);
  });

  it('is asked once more by all pods together after it was invalidated, however soon', async () => {
    await readEverywhere(() => IDS, 2);
    for (const id of IDS) source.change(id);
    await pods[0]!.cache.invalidate(IDS.map((id) => `device:${id}`));
    const answers = await readEverywhere(() => IDS, 5);
    for (const values of answers) expect(values.map((value) => value!.version)).toEqual(IDS.map(() => 2));
    expect(timesAsked(IDS)).toEqual([2]);
  });

  it('is asked once when the source takes its time, within what others wait', async () => {
    source.hold();
    const answered = readEverywhere(() => IDS, 5);
    await waitFor(() => timesAsked(IDS).includes(1));
    source.release();
    await answered;
    expect(timesAsked(IDS)).toEqual([1]);
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

  it('has what nobody else loads as soon as the source answers, and stores it', async () => {
    await claim('slow');
    void source.read(pods[0]!.cache, ['slow', 'fast']);
    const { ms } = await timed(() => waitFor(() => client.exists(`${PREFIX}device_meta:fast`)));
    expect(ms).toBeLessThan(OTHERS_LOADS_MS);
    await waitFor(() => source.timesAsked('slow') === 1);
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
    const failing = new Source();
    failing.hold();
    failing.failure = new Error('down');
    const lost = failing.read(pods[0]!.cache, ['x']).catch((error: unknown) => error);
    const waited = source.version(pods[1]!.cache, 'x');
    expect(await lost).toBe(failing.failure);
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
