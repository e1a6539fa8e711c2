import { Redis } from 'ioredis';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Cache, type Invalidation, InvalidationLostError, MemoryOutbox, OutboxError } from '../../src/cache/cache.js';
import { startRedis, type RedisServer } from '../harness/redis.js';
import { track } from '../harness/registry.js';
import { startProxy, type TcpProxy } from '../harness/tcp-proxy.js';
import { waitFor } from '../harness/wait.js';
import { openPod, type Pod, PREFIX } from './pods.js';
import { Source } from './source.js';

/** What Redis may take to take an invalidation, and what the pods may after that. */
const APPEND_MS = 250;
const PODS_MS = 550;

let redis: RedisServer;
let client: Redis;
let proxy: TcpProxy;
let far: Pod;
let near: Pod;
let source: Source;

/** Two pods: Redis is lost to the far one when the proxy fails. */
beforeEach(async () => {
  redis = await startRedis();
  client = connect();
  proxy = await startProxy(redis.port);
  far = await openPod('far', `redis://127.0.0.1:${proxy.port}`);
  near = await openPod('near', redis.url);
  source = new Source();
  await source.read(near.cache, ['x']);
  await waitFor(() => client.exists(`${PREFIX}device_meta:x`));
  await far.cache.invalidate(['nothing']); // until both have been in the epoch for as long as a lease
});

function connect(): Redis {
  const connected = new Redis(redis.url);
  connected.on('error', () => undefined); // it is killed in some tests
  track({ name: 'Redis client of the test', close: () => Promise.resolve(connected.disconnect()) });
  return connected;
}

/** How late an answer may be beside a timer that was set at the same moment: what the machine's load does to both does not count. */
const LATE_MS = 40;

/** Runs an action, and tells by how much it took longer than a timer of `allowedMs`. */
async function timed<T>(allowedMs: number, action: () => Promise<T>): Promise<{ result: T; tookMs: number; lateMs: number }> {
  const startedAt = performance.now();
  const timer = new Promise<number>((resolve) => {
    setTimeout(() => {
      resolve(performance.now() - startedAt);
    }, allowedMs);
  });
  const result = await action();
  const tookMs = performance.now() - startedAt;
  return { result, tookMs, lateMs: tookMs <= allowedMs ? 0 : tookMs - (await timer) };
}

/** Changes x, which succeeds, and tells what became of its invalidation. */
async function change(cache: Cache): Promise<Invalidation> {
  const { result, invalidation } = await cache.change(['device:x'], () => {
    source.change('x');
    return Promise.resolve(source.current('x')!.version);
  });
  expect(result).toBe(source.current('x')!.version);
  return invalidation;
}

it('becomes applied too where the database could not say at once that the change was made', async () => {
  let isOut = false;
  class Outbox extends MemoryOutbox {
    override record(intent: Parameters<MemoryOutbox['record']>[0]): Promise<void> {
      return isOut && intent.changed ? Promise.reject(new OutboxError('not now')) : super.record(intent);
    }
  }
  const { cache } = await openPod('author', `redis://127.0.0.1:${proxy.port}`, { outbox: new Outbox() });
  await proxy.cut();
  isOut = true;
  const { id, status } = await change(cache);
  expect(status).toBe('PENDING');
  expect(await cache.findInvalidation(id)).toMatchObject({ id, status: 'PENDING' });
  await proxy.heal();
  await waitFor(() => cache.status === 'DEGRADED');
  isOut = false;
  await waitFor(async () => (await cache.findInvalidation(id))?.status === 'APPLIED', { timeoutMs: 10_000 });
  await waitFor(() => cache.status === 'CONNECTED');
});

const FAULTS: readonly [string, () => Promise<void> | void, () => Promise<void> | void][] = [
  ['cut off', () => proxy.cut(), () => proxy.heal()],
  ['silent', () => proxy.blackhole(), () => proxy.heal()],
  ['frozen', () => redis.pause(), () => redis.resume()],
  ['killed', () => redis.kill(), () => redis.restart()],
];

describe.each(FAULTS)('while Redis is %s', (_what, fail, heal) => {
  it('a change succeeds, is pending, and is applied before the cache is used again', async () => {
    await fail();
    const { result: pending, lateMs } = await timed(APPEND_MS, () => change(far.cache));
    expect(pending).toMatchObject({ status: 'PENDING', appliedAt: null });
    expect(lateMs).toBeLessThan(LATE_MS);

    expect(await far.cache.findInvalidation(pending.id)).toMatchObject({ id: pending.id, status: 'PENDING', appliedAt: null });
    expect((await far.cache.snapshot()).pendingInvalidations.map(({ id }) => id)).toEqual([pending.id]);
    expect(far.cache.status).toBe('DEGRADED'); // at once, whatever is left of its lease
    for (let i = 0; i < 5; i++) expect(await source.version(far.cache, 'x', { budgetMs: 50 })).toBe(2);

    const seen = watch(far.cache, pending.id);
    await heal();
    await waitFor(() => far.cache.status === 'CONNECTED');
    expect(await source.version(far.cache, 'x')).toBe(2);
    await waitFor(async () => (await far.cache.findInvalidation(pending.id))?.status === 'APPLIED');
    for (const pod of [far, near]) await expectNew(pod);
    expect(await seen.stop()).toEqual(['PENDING', 'APPLIED']);
    expect((await far.cache.snapshot()).pendingInvalidations).toEqual([]);
    await waitFor(async () => (await near.cache.findInvalidation(pending.id))?.status === 'APPLIED');
  });

  it('a purge says that it was lost, in time, and purges nothing', async () => {
    await fail();
    for (const purge of [
      () => far.cache.invalidate(['device:x']),
      () => far.cache.invalidatePattern('device_meta:*'),
      () => far.cache.invalidatePattern('*'),
    ]) {
      const { result, lateMs } = await timed(APPEND_MS, () => purge().catch((error: unknown) => error));
      expect(result).toBeInstanceOf(InvalidationLostError);
      expect(lateMs).toBeLessThan(LATE_MS);
    }
    expect((await far.cache.snapshot()).pendingInvalidations).toEqual([]);
    await heal();
    await waitFor(() => far.cache.status === 'CONNECTED');
  });
});

async function expectNew(pod: Pod): Promise<void> {
  await waitFor(() => pod.cache.status === 'CONNECTED');
  expect(await source.version(pod.cache, 'x')).toBe(source.current('x')!.version);
}

/** Asks again and again what became of an invalidation; answers all that was said, each once, in order. */
function watch(cache: Cache, id: string): { stop: () => Promise<string[]> } {
  const said: string[] = [];
  const state = { stopped: false };
  const watching = (async () => {
    while (!state.stopped) {
      const status = await cache.findInvalidation(id).then(
        (found) => found?.status ?? 'nobody knows',
        () => 'Redis can not be asked',
      );
      if (said.at(-1) !== status) said.push(status);
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  return {
    stop: async () => {
      state.stopped = true;
      await watching;
      return said;
    },
  };
}

describe('what is pending', () => {
  it('is applied in one go, however many there are', async () => {
    await proxy.cut();
    const ids: string[] = [];
    for (let i = 0; i < 20; i++) ids.push((await change(far.cache)).id);
    expect((await far.cache.snapshot()).pendingInvalidations.map(({ id }) => id)).toEqual(ids);
    await proxy.heal();
    await waitFor(() => far.cache.status === 'CONNECTED');
    expect(await source.version(far.cache, 'x')).toBe(21);
    for (const id of ids) await waitFor(async () => (await far.cache.findInvalidation(id))?.status === 'APPLIED');
    await expectNew(near);
  });

  it('keeps a pod from serving while Redis is there for everything but the invalidation', async () => {
    // As when the log can not be written: it is another type.
    await client.multi().del(`${PREFIX}{bus}log`).set(`${PREFIX}{bus}log`, 'not a log', 'EX', 60).exec();
    expect(await change(far.cache)).toMatchObject({ status: 'PENDING' });
    for (let i = 0; i < 10; i++) expect(await source.version(far.cache, 'x')).toBe(2);
    expect(far.cache.status).toBe('DEGRADED');
    await client.del(`${PREFIX}{bus}log`);
    await waitFor(() => far.cache.status === 'CONNECTED');
    for (const pod of [far, near]) await waitFor(async () => (await source.version(pod.cache, 'x')) === 2);
  });

  it('of a change that failed is applied too: it may have happened', async () => {
    await proxy.cut();
    const failing = far.cache.change(['device:x'], () => {
      source.change('x');
      return Promise.reject(new Error('connection lost'));
    });
    await expect(failing).rejects.toThrow('connection lost');
    expect((await far.cache.snapshot()).pendingInvalidations).toHaveLength(1);
    await proxy.heal();
    await waitFor(() => far.cache.status === 'CONNECTED');
    expect(await source.version(far.cache, 'x')).toBe(2);
    await waitFor(async () => (await far.cache.snapshot()).pendingInvalidations.length === 0);
    await expectNew(near);
  });
});

describe('what became of an invalidation', () => {
  it('is not known where something else is in its place', async () => {
    const { id } = await near.cache.invalidate(['device:x']);
    for (const text of ['garbage', 'null', '{}', '[]', '"text"', '{"id":"x","status":"DONE"}', '{"version":2}']) {
      await client.set(`${PREFIX}{bus}done:${id}`, text, 'EX', 60);
      expect(await far.cache.findInvalidation(id)).toBeNull();
    }
  });
});

describe('a Redis that falls silent after it has taken an invalidation', () => {
  /** Freezes Redis as soon as it has published the nudge. */
  async function freezeAfterAppend(): Promise<void> {
    const subscriber = connect();
    await subscriber.subscribe(`${PREFIX}{bus}nudge`);
    subscriber.once('message', () => {
      process.kill(redis.pid, 'SIGSTOP');
    });
  }

  it.each<[string, (cache: Cache) => Promise<Invalidation>]>([
    ['a change', async (cache) => (await cache.change(['device:x'], () => Promise.resolve())).invalidation],
    ['an invalidation by tag', (cache) => cache.invalidate(['device:x'])],
    ['an invalidation by key', (cache) => cache.invalidate(['device_meta:x'])],
    ['a purge', (cache) => cache.invalidatePattern('device_meta:*')],
  ])('holds %s up for no longer than the pods may take', async (_what, invalidate) => {
    await freezeAfterAppend();
    const pods = timed(PODS_MS, () => new Promise((resolve) => setTimeout(resolve, PODS_MS)));
    const { result, tookMs, lateMs } = await timed(APPEND_MS + PODS_MS, () => invalidate(near.cache));
    expect(result).toMatchObject({ status: 'APPLIED' });
    const appliedAfterMs = result.appliedAt!.getTime() - result.requestedAt.getTime();
    expect(appliedAfterMs).toBeGreaterThan(PODS_MS - 50); // nobody could acknowledge it
    expect(appliedAfterMs - (await pods).tookMs).toBeLessThan(LATE_MS + LATE_MS); // Redis took some milliseconds before that
    expect(lateMs).toBeLessThan(LATE_MS);
    expect(tookMs).toBeGreaterThan(PODS_MS - 50);
    redis.resume();
    for (const pod of [far, near]) await waitFor(() => pod.cache.status === 'CONNECTED');
  });
});
