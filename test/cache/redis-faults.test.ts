import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Redis } from 'ioredis';
import { beforeEach, describe, expect, it } from 'vitest';
import { Budget } from '../../src/cache/cache.js';
import { freePort } from '../harness/ports.js';
import { startRedis, type RedisServer } from '../harness/redis.js';
import { track } from '../harness/registry.js';
import { startProxy, type TcpProxy } from '../harness/tcp-proxy.js';
import { waitFor } from '../harness/wait.js';
import { counters, openPod, type Pod, PREFIX } from './pods.js';
import { Source } from './source.js';
import { BUDGET_MS, median, Readers, SLACK_MS, timedRead, worstOverBudget } from './timed-reads.js';

let source: Source;
beforeEach(() => {
  source = new Source();
});

function connect(port: number, { enableReadyCheck = true } = {}): Redis {
  const client = new Redis(port, '127.0.0.1', { enableReadyCheck });
  client.on('error', () => undefined); // a server that is killed is what some tests are about
  track({ name: 'Redis client of the test', close: () => Promise.resolve(client.disconnect()) });
  return client;
}

async function inUse(...pods: readonly Pod[]): Promise<void> {
  for (const { cache, name } of pods) await waitFor(() => cache.status === 'CONNECTED', { describe: `${name} to use the cache` });
}

/** Until ids that were never read before are answered from the cache the second time. */
async function served(pod: Pod): Promise<void> {
  await waitFor(async () => {
    const id = `fresh-${Math.random()}`;
    await source.read(pod.cache, [id]);
    await source.read(pod.cache, [id]);
    return source.timesAsked(id) === 1;
  });
}

async function expectVersion(pod: Pod, id: string, version: number): Promise<void> {
  expect(await source.version(pod.cache, id, { budgetMs: BUDGET_MS })).toBe(version);
}

describe('a Redis that is not there', () => {
  it('at the start delays it by a second at most, costs reads nothing, and is used when it appears', async () => {
    const port = await freePort();
    const pod = await openPod('one', `redis://127.0.0.1:${port}`, { start: false });
    const startedAt = performance.now();
    await pod.cache.start();
    expect(performance.now() - startedAt).toBeLessThan(1_000 + 300);
    expect(pod.cache.status).toBe('DEGRADED');

    const reads = [];
    for (let i = 0; i < 50; i++) reads.push(await timedRead(source, pod.cache, `sensor-${i % 5}`));
    expect(worstOverBudget(reads)).toBeLessThan(SLACK_MS);
    expect(median(reads)).toBeLessThan(BUDGET_MS / 2);
    expect((await counters(pod.cache, 'device_meta')).bypassed).toBe(50);
    expect(pod.errors.length).toBeGreaterThan(0);

    await startRedis({ port });
    await inUse(pod);
    await served(pod);
    expect(pod.leases).toEqual([true]);
  });

  it('when a pod begins to read without having waited for it: the first read pays its budget at most', async () => {
    const pod = await openPod('one', `redis://127.0.0.1:${await freePort()}`, { start: false });
    const starting = pod.cache.start();
    const reads = await Promise.all(Array.from({ length: 20 }, (_, i) => timedRead(source, pod.cache, `sensor-${i}`)));
    expect(worstOverBudget(reads)).toBeLessThan(SLACK_MS);
    await starting;
  });

  it('when it is asked about keys and invalidations says so instead of inventing', async () => {
    const pod = await openPod('one', `redis://127.0.0.1:${await freePort()}`);
    await expect(pod.cache.entries('*', 10, undefined)).rejects.toThrow();
    await expect(pod.cache.findInvalidation('5b5a9c22-2f9f-4f5e-8f39-9d0a0c1d2e3f')).rejects.toThrow();
    expect(await pod.cache.dryRun('*')).toMatchObject({ status: 'DRY_RUN', matched: null });
    expect(await pod.cache.snapshot()).toMatchObject({ status: 'DEGRADED', keys: null, redis: null, complete: false });
    expect((await pod.cache.snapshot()).pods[0]).toMatchObject({ leaseHeld: false, breaker: 'OPEN' });
  });
});

describe('under load', () => {
  let redis: RedisServer;
  let pod: Pod;
  let readers: Readers;
  beforeEach(async () => {
    redis = await startRedis();
    pod = await openPod('one', redis.url);
    await source.read(
      pod.cache,
      Array.from({ length: 50 }, (_, i) => `sensor-${i}`),
    );
    readers = new Readers(source, pod.cache);
    track({ name: 'readers', close: () => readers.stop() });
    await waitFor(() => readers.reads.length > 200);
  });

  /** Reads went on for a second, from the first moment of the fault on, and none failed or waited longer than it may. */
  async function expectReadsGoOn(since: number): Promise<void> {
    await waitFor(() => performance.now() - since > 1_200);
    const reads = readers.since(since);
    expect(readers.errors).toEqual([]);
    expect(reads.length).toBeGreaterThan(500);
    expect(worstOverBudget(readers.reads)).toBeLessThan(SLACK_MS);
    expect(median(reads)).toBeLessThan(BUDGET_MS / 2);
  }

  it('a Redis that is killed fails no read and holds none up; come back, it is used again', async () => {
    const since = performance.now();
    await redis.kill();
    await expectReadsGoOn(since);
    expect(pod.cache.status).toBe('DEGRADED');
    await redis.restart();
    await inUse(pod);
    await served(pod);
    expect(readers.errors).toEqual([]);
    expect(worstOverBudget(readers.reads)).toBeLessThan(SLACK_MS);
  });

  it('a Redis that is frozen fails no read; reads pay their budget once and then nothing; woken, it is used again', async () => {
    const since = performance.now();
    await redis.pause();
    await expectReadsGoOn(since);
    await waitFor(() => pod.leases.at(-1) === false);
    const whileOut = performance.now();
    await waitFor(() => readers.since(whileOut).length > 300);
    expect(median(readers.since(whileOut))).toBeLessThan(10);
    // Each of the twenty readers may have met it once, and a few more the half-open breaker.
    const slow = readers.since(since).filter(({ tookMs }) => tookMs > BUDGET_MS - 5);
    expect(slow.length).toBeLessThan(60);
    redis.resume();
    await inUse(pod);
    await served(pod);
    expect(pod.leases).toEqual([true, false, true]);
    expect(readers.errors).toEqual([]);
  });

  it('a Redis that is frozen and woken again and again is survived', async () => {
    for (let i = 0; i < 8; i++) {
      await redis.pause();
      const until = performance.now() + 30 + 40 * i;
      await waitFor(() => performance.now() > until);
      redis.resume();
      const later = performance.now() + 100;
      await waitFor(() => performance.now() > later);
    }
    await inUse(pod);
    await served(pod);
    expect(readers.errors).toEqual([]);
    expect(worstOverBudget(readers.reads)).toBeLessThan(SLACK_MS);
  });
});

describe('a Redis behind a bad network', () => {
  let redis: RedisServer;
  let proxy: TcpProxy;
  let pod: Pod;
  beforeEach(async () => {
    redis = await startRedis();
    proxy = await startProxy(redis.port);
    pod = await openPod('one', `redis://127.0.0.1:${proxy.port}`);
  });

  it.each([
    ['slower than the budget', 40],
    ['slower than a sync may be', 150],
  ])('that is %s costs reads their budget now and then, and is used again when it is fast', async (_what, delayMs) => {
    const readers = new Readers(source, pod.cache);
    track({ name: 'readers', close: () => readers.stop() });
    proxy.delay(delayMs);
    const since = performance.now();
    await waitFor(() => performance.now() - since > 1_500);
    expect(readers.errors).toEqual([]);
    expect(worstOverBudget(readers.reads)).toBeLessThan(SLACK_MS);
    expect(median(readers.since(since))).toBeLessThan(BUDGET_MS / 2);
    await proxy.heal();
    await inUse(pod);
    await served(pod);
    await readers.stop();
  });

  it('that is cut off and heals, again and again, is used again', async () => {
    const readers = new Readers(source, pod.cache);
    track({ name: 'readers', close: () => readers.stop() });
    for (let i = 0; i < 5; i++) {
      await proxy.cut();
      const until = performance.now() + 50 * i;
      await waitFor(() => performance.now() > until);
      await proxy.heal();
      await inUse(pod);
    }
    await served(pod);
    await readers.stop();
    expect(readers.errors).toEqual([]);
    expect(worstOverBudget(readers.reads)).toBeLessThan(SLACK_MS);
  });

  it('that swallows everything is given up, and its connections come back', async () => {
    proxy.blackhole();
    const reads = [];
    for (let i = 0; i < 100; i++) reads.push(await timedRead(source, pod.cache, `sensor-${i}`));
    expect(worstOverBudget(reads)).toBeLessThan(SLACK_MS);
    expect(median(reads)).toBeLessThan(BUDGET_MS / 2);
    await waitFor(() => pod.cache.status === 'DEGRADED');
    await proxy.heal();
    await inUse(pod);
    await served(pod);
  });

  it('is reported in use again after one bad read, although nobody reads', async () => {
    proxy.delay(40);
    await timedRead(source, pod.cache, 'x');
    expect(pod.cache.status).toBe('DEGRADED');
    await proxy.heal();
    await inUse(pod);
    expect((await pod.cache.snapshot()).pods[0]).toMatchObject({ leaseHeld: true, breaker: 'CLOSED' });
  });

  it('does not let a persisted query wait, nor take a failure for a miss', async () => {
    const read = () => pod.cache.guarded('apq', new Budget(BUDGET_MS), () => pod.cache.values.get(`apq:${'a'.repeat(64)}`));
    const before = await counters(pod.cache, 'apq');
    proxy.blackhole();
    const startedAt = performance.now();
    expect(await read()).toBeUndefined();
    expect(performance.now() - startedAt).toBeLessThan(BUDGET_MS + SLACK_MS);
    await proxy.cut();
    for (let i = 0; i < 5; i++) await read();
    const after = await counters(pod.cache, 'apq');
    expect(after.misses).toBe(before.misses);
    expect(after.bypassed - before.bypassed).toBe(6);
    expect(after.errors).toBeGreaterThan(before.errors);
  });

  it('that is cut off does not make a persisted query pass for one that is not there', async () => {
    await proxy.cut();
    await pod.cache.guarded('apq', new Budget(BUDGET_MS), () => pod.cache.values.get(`apq:${'a'.repeat(64)}`));
    expect(await counters(pod.cache, 'apq')).toMatchObject({ misses: 0, errors: 1, bypassed: 1 });
  });
});

describe('a Redis that takes no writes', () => {
  it('because it is full: fills fail and are counted, invalidations pass, reads go on', async () => {
    const redis = await startRedis();
    const client = connect(redis.port);
    const [a, b] = [await openPod('a', redis.url), await openPod('b', redis.url)];
    await served(a);
    await source.read(a.cache, ['x']);
    await waitFor(() => client.exists(`${PREFIX}device_meta:x`));
    await client.config('SET', 'maxmemory', '1');
    await expect(client.set('more', '1')).rejects.toThrow('OOM');

    const before = await counters(a.cache, 'device_meta');
    expect(await source.version(a.cache, 'y')).toBe(1);
    await waitFor(async () => (await counters(a.cache, 'device_meta')).errors > before.errors, { describe: 'an error counted' });
    expect(await client.exists(`${PREFIX}device_meta:y`)).toBe(0);
    expect(await source.version(b.cache, 'x')).toBe(1); // what is there is still served
    expect(source.timesAsked('x')).toBe(1);

    for (let i = 2; i < 6; i++) {
      source.change('x');
      expect(await (i % 2 === 0 ? a : b).cache.invalidate(['device:x'])).toMatchObject({ status: 'APPLIED' });
      for (const pod of [a, b]) await expectVersion(pod, 'x', i);
    }
    expect(await a.cache.invalidatePattern('device_meta:x')).toMatchObject({ status: 'APPLIED' });
    for (const pod of [a, b]) expect(pod.cache.status).toBe('CONNECTED');
    await client.config('SET', 'maxmemory', '0');
    await served(a);
  });

  it('because it is a replica: it is not trusted, and is when it becomes the primary', async () => {
    const primary = await startRedis();
    await connect(primary.port).config('SET', 'repl-diskless-sync-delay', '0');
    const redis = await startRedis({ args: ['--replicaof', '127.0.0.1', String(primary.port)] });
    const client = connect(redis.port);
    const pod = await openPod('one', redis.url);
    expect(pod.cache.status).toBe('DEGRADED');
    const reads = [];
    for (let i = 0; i < 30; i++) reads.push(await timedRead(source, pod.cache, 'x'));
    expect(source.timesAsked('x')).toBe(30);
    expect(worstOverBudget(reads)).toBeLessThan(SLACK_MS);
    expect(median(reads)).toBeLessThan(BUDGET_MS / 2);
    await expect(pod.cache.invalidate(['device:x'])).rejects.toThrow('did not take');
    await client.call('REPLICAOF', 'NO', 'ONE');
    await inUse(pod);
    await served(pod);
  });

  it('because it lacks the replicas that it needs: no lease', async () => {
    const redis = await startRedis();
    const client = connect(redis.port);
    const pod = await openPod('one', redis.url);
    await client.config('SET', 'min-replicas-to-write', '1');
    await waitFor(() => pod.leases.at(-1) === false);
    await expectVersion(pod, 'x', 1);
    await expect(pod.cache.invalidate(['device:x'])).rejects.toThrow('did not take');
    await client.config('SET', 'min-replicas-to-write', '0');
    await inUse(pod);
  });

  it('because it is still loading: no read waits for that', async () => {
    const redis = await startRedis({
      args: ['--key-load-delay', '400', '--loading-process-events-interval-bytes', '1024'],
    });
    const client = connect(redis.port);
    const pod = await openPod('one', redis.url);
    await source.read(pod.cache, ['x']);
    await waitFor(() => client.exists(`${PREFIX}device_meta:x`));
    await client.eval("for i = 1, 5000 do redis.call('SET', 'other:' .. i, i) end", 0);
    await client.save();
    source.change('x');
    await pod.cache.invalidate(['device:x']); // after the snapshot
    await redis.kill();
    redis.spawn();
    const impatient = connect(redis.port, { enableReadyCheck: false });
    await waitFor(async () => (await impatient.ping().catch(String)).includes('LOADING'), { describe: 'Redis to be loading' });
    const reads = [];
    for (let i = 0; i < 30; i++) reads.push(await timedRead(source, pod.cache, 'x'));
    expect(worstOverBudget(reads)).toBeLessThan(SLACK_MS);
    await inUse(pod);
    await expectVersion(pod, 'x', 2);
    await served(pod);
  });

  it('because this user may run no scripts: it is said what is needed', async () => {
    const redis = await startRedis();
    await connect(redis.port).call('ACL', 'SETUSER', 'default', '-@scripting');
    const pod = await openPod('one', redis.url);
    expect(pod.cache.status).toBe('DEGRADED');
    expect(pod.errors.map(String).join()).toMatch(/Redis 7/);
    await expectVersion(pod, 'x', 1);
  });
});

describe('memory', () => {
  const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const usedBytes = () => {
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };

  it.each(['frozen', 'killed'] as const)('stays flat over thousands of reads while Redis is %s', async (fault) => {
    const redis = await startRedis();
    const pod = await openPod('one', redis.url);
    const read = async (count: number) => {
      for (let i = 0; i < count / 100; i++) {
        const ids = Array.from({ length: 100 }, (_, k) => `sensor-${k}`);
        await Promise.all(ids.map((id) => source.version(pod.cache, id, { budgetMs: BUDGET_MS })));
      }
      source.questions.length = 0;
    };
    await read(2_000);
    await (fault === 'frozen' ? redis.pause() : redis.kill());
    await waitFor(() => pod.leases.at(-1) === false);
    await read(1_000);
    const [heapBefore, timersBefore] = [usedBytes(), timers()];
    await read(20_000);
    expect(timers()).toBeLessThan(timersBefore + 20);
    await waitFor(() => usedBytes() < heapBefore + 4 * 2 ** 20, { describe: 'memory to be as before' });
  });
});
