import { Redis } from 'ioredis';
import { beforeEach, describe, expect, it } from 'vitest';
import { Bus } from '../../src/cache/protocol/bus.js';
import { Counters } from '../../src/cache/stats/counters.js';
import { openRedis } from '../../src/connections.js';
import { expectInvariants, plantForeignKeys, type ForeignKeys } from '../harness/invariants.js';
import { startRedis, type RedisServer } from '../harness/redis.js';
import { track } from '../harness/registry.js';
import { waitFor } from '../harness/wait.js';
import { startPodProcess } from './pod-processes.js';
import { openPod, type Pod, PREFIX } from './pods.js';
import { DEVICES, Source } from './source.js';

const BUS = `${PREFIX}{bus}`;
const LOG = `${PREFIX}{bus}log`;

let redis: RedisServer;
let client: Redis;
let foreignKeys: ForeignKeys;
let source: Source;

beforeEach(async () => {
  redis = await startRedis();
  foreignKeys = await plantForeignKeys(redis, PREFIX);
  client = connect(redis);
  source = new Source();
});

function connect(server: RedisServer): Redis {
  const connected = new Redis(server.url);
  connected.on('error', () => undefined); // a server that is killed is what some tests are about
  track({ name: 'Redis client of the test', close: () => Promise.resolve(connected.disconnect()) });
  return connected;
}

const epoch = () => client.hget(BUS, 'epoch');
const key = (id: string) => `${PREFIX}device_meta:${id}`;

async function openFleet(...names: string[]): Promise<Pod[]> {
  const pods = [];
  for (const name of names) pods.push(await openPod(name, redis.url));
  await established(pods[0]!);
  return pods;
}

/** A pod takes no shortcut while it is new to an epoch: it waits out a lease. Until that is over. */
async function established(pod: Pod): Promise<void> {
  await pod.cache.invalidate(['nothing']);
}

async function cached(pod: Pod, id: string): Promise<string> {
  await source.read(pod.cache, [id]);
  return waitFor(() => client.get(key(id)));
}

async function timed<T>(action: () => Promise<T>): Promise<{ result: T; ms: number }> {
  const startedAt = performance.now();
  const result = await action();
  return { result, ms: performance.now() - startedAt };
}

/** What an invalidation takes when every pod answers at once; without nudges it would be a heartbeat of 100 ms at times. */
const medianOf = (times: readonly number[]) => times.toSorted((a, b) => a - b)[times.length >> 1]!;

describe('pods of one fleet', () => {
  it('never serve what another has invalidated', async () => {
    const [a, b] = (await openFleet('a', 'b')) as [Pod, Pod];
    const stale: number[] = [];
    for (let i = 2; i <= 201; i++) {
      const [author, reader] = i % 2 === 0 ? [a, b] : [b, a];
      source.change('x');
      await author.cache.invalidate(['device:x']);
      const version = (await source.version(reader.cache, 'x'))!;
      if (version !== i) stale.push(i);
    }
    expect(stale).toEqual([]);
    await expectInvariants({ redis, prefix: PREFIX, foreignKeys });
  });

  it('share what they load, absences too', async () => {
    const [a, b] = (await openFleet('a', 'b')) as [Pod, Pod];
    source.remove('y');
    await cached(a, 'x');
    await cached(a, 'y');
    expect(await source.read(b.cache, ['x', 'y'])).toEqual([{ id: 'x', version: 1 }, null]);
    expect(source.questions).toHaveLength(2);
  });

  it('hear an invalidation without waiting for their next heartbeat, however early Redis was connected', async () => {
    const pods: Pod[] = [];
    for (const name of ['a', 'b']) {
      const pod = await openPod(name, redis.url, { start: false });
      await waitFor(() => pod.connections!.subscriber.status === 'ready');
      await pod.cache.start();
      pods.push(pod);
    }
    await established(pods[0]!);
    const times: number[] = [];
    for (let i = 0; i < 30; i++) times.push((await timed(() => pods[i % 2]!.cache.invalidate(['device:x']))).ms);
    expect(medianOf(times)).toBeLessThan(40);
  });

  it('do without the scripts that Redis has forgotten', async () => {
    const [a, b] = (await openFleet('a', 'b')) as [Pod, Pod];
    await cached(a, 'x');
    await client.script('FLUSH');
    source.change('x');
    expect(await a.cache.invalidate(['device:x'])).toMatchObject({ status: 'APPLIED' });
    expect(await source.version(b.cache, 'x')).toBe(2);
  });

  it('take an entry of the log that they can not read for everything', async () => {
    const [a, b] = (await openFleet('a', 'b')) as [Pod, Pod];
    await cached(a, 'x');
    // As a pod of a version to come would write it.
    const seq = await client.hincrby(BUS, 'seq', 1);
    await client.xadd(LOG, `${seq}-0`, 'd', JSON.stringify([{ owner: 'someone' }]));
    source.change('x');
    await waitFor(async () => (await source.version(b.cache, 'x')) === 2);
    await waitFor(async () => (await source.version(a.cache, 'x')) === 2);
  });

  it('that missed a part of the log drop what they can not judge', async () => {
    const [a, b] = (await openFleet('a', 'b')) as [Pod, Pod];
    await cached(a, 'x');
    // As when more was invalidated than the log keeps while a pod was away.
    await client.multi().hincrby(BUS, 'seq', 10).del(LOG).exec();
    source.change('x');
    for (const pod of [a, b]) await waitFor(async () => (await source.version(pod.cache, 'x')) === 2);
  });

  it('count as two although they have one name', async () => {
    const [a, b, c] = (await openFleet('a', 'same', 'same')) as [Pod, Pod, Pod];
    c.connections!.subscriber.disconnect(); // so that one of them hears of everything later than the other
    for (let i = 2; i < 16; i++) {
      source.change('x');
      await a.cache.invalidate(['device:x']);
      for (const pod of [c, b]) expect(await source.version(pod.cache, 'x')).toBe(i);
    }
    for (const pod of [a, b, c]) expect(pod.cache.status).toBe('CONNECTED');
  });
});

describe('the life of a pod', () => {
  it('ends with its record', async () => {
    const [a, b] = (await openFleet('a', 'b')) as [Pod, Pod];
    const pods = async () => Object.keys(await client.hgetall(BUS)).filter((field) => field.startsWith('pod:'));
    expect(await pods()).toHaveLength(2);
    await b.close();
    expect(await pods()).toHaveLength(1);
    const times: number[] = [];
    for (let i = 0; i < 10; i++) times.push((await timed(() => a.cache.invalidate(['device:x']))).ms);
    expect(medianOf(times)).toBeLessThan(60);
  });

  it('ends with its record even while it waits for others to acknowledge', async () => {
    const [, b] = (await openFleet('a', 'b')) as [Pod, Pod];
    const frozen = await startPodProcess('frozen', redis.url);
    await frozen.process.pause();
    const invalidation = b.cache.invalidate(['device:x']);
    await waitFor(() => client.exists(LOG));
    await b.cache.close();
    await invalidation;
    const left = Object.keys(await client.hgetall(BUS)).filter((field) => field.startsWith('pod:b'));
    expect(left).toEqual([]);
  });

  it('serves nothing from the cache after it was closed', async () => {
    const [a] = (await openFleet('a')) as [Pod];
    await cached(a, 'x');
    await a.close();
    source.change('x');
    expect(await source.version(a.cache, 'x')).toBe(2);
  });

  it('begins anew under its old name without slowing invalidations down', async () => {
    const killed = await startPodProcess('web-0', redis.url);
    const old = new Map(Object.entries(await client.hgetall(BUS))); // a record with a beat that a new process is far from
    for (const [field, record] of old) {
      if (field.startsWith('pod:')) await client.hset(BUS, field, record.replace(/:\d+$/, ':1000000'));
    }
    await killed.process.kill();
    const again = await openPod('web-0', redis.url);
    await established(again);
    await established(again);
    const times: number[] = [];
    for (let i = 0; i < 10; i++) times.push((await timed(() => again.cache.invalidate(['device:x']))).ms);
    expect(medianOf(times)).toBeLessThan(60);
  });

  it('in a process that froze costs an invalidation its lease once, and it serves nothing stale when it wakes', async () => {
    const [a, b] = (await openFleet('a', 'b')) as [Pod, Pod];
    const frozen = await startPodProcess('frozen', redis.url);
    await established(a);
    expect(await frozen.read('x', 1)).toBe(1);
    await waitFor(() => client.exists(key('x')));
    await frozen.process.pause();

    source.change('x');
    const first = await timed(() => a.cache.invalidate(['device:x']));
    expect(first.result.status).toBe('APPLIED');
    expect(first.ms).toBeGreaterThan(500);
    expect(first.ms).toBeLessThan(550 + 150);
    expect(await source.version(b.cache, 'x')).toBe(2);

    await waitFor(async () => Object.keys(await client.hgetall(BUS)).every((field) => !field.startsWith('pod:frozen')));
    const second = await timed(() => b.cache.invalidate(['device:y']));
    expect(second.ms).toBeLessThan(150);

    frozen.process.resume();
    expect(await frozen.read('x', 2)).toBe(2);
    await waitFor(async () => (await frozen.status()) === 'CONNECTED');
    await waitFor(async () => Object.keys(await client.hgetall(BUS)).some((field) => field.startsWith('pod:frozen')));
    for (let i = 3; i < 10; i++) {
      source.change('x');
      await a.cache.invalidate(['device:x']);
      expect(await frozen.read('x', i)).toBe(i);
    }
  });

  it('in a process that was killed costs no more', async () => {
    const [a] = (await openFleet('a')) as [Pod];
    const killed = await startPodProcess('killed', redis.url);
    await established(a);
    await killed.process.kill();
    expect((await timed(() => a.cache.invalidate(['device:x']))).ms).toBeLessThan(550 + 150);
    await waitFor(async () => Object.keys(await client.hgetall(BUS)).every((field) => !field.startsWith('pod:killed')));
    expect((await timed(() => a.cache.invalidate(['device:x']))).ms).toBeLessThan(150);
  });
});

describe('the acknowledgements of an invalidation', () => {
  async function openBus(name: string): Promise<Bus> {
    const connections = await openRedis({ kind: 'single', urls: [redis.url] }, () => undefined);
    const bus = new Bus({
      client: connections.commands,
      subscriber: connections.subscriber,
      prefix: PREFIX,
      podName: name,
      counters: new Counters([]),
      onLease: () => undefined,
      onError: () => undefined,
    });
    bus.start({ drain: () => Promise.resolve(), onMessage: () => undefined });
    track({ name: `bus of ${name}`, close: () => bus.close().finally(() => connections.close()) });
    await bus.firstTrust(2_000);
    return bus;
  }

  it('say how many pods there are, answered, and were waited for in vain', async () => {
    const [a] = [await openBus('a'), await openBus('b')];
    const newcomer = await (await a.append(['x'])).applied;
    expect(newcomer).toEqual({ live: 2, acknowledged: 2, expired: 0 });
    expect(await (await a.append(['x'])).applied).toEqual({ live: 2, acknowledged: 2, expired: 0 });

    const frozen = await startPodProcess('frozen', redis.url);
    expect(await (await a.append(['x'])).applied).toEqual({ live: 3, acknowledged: 3, expired: 0 });
    await frozen.process.pause();
    expect(await (await a.append(['x'])).applied).toEqual({ live: 3, acknowledged: 2, expired: 1 });
    await waitFor(async () => (await client.hlen(BUS)) === 3 + 2);
    expect(await (await a.append(['x'])).applied).toEqual({ live: 2, acknowledged: 2, expired: 0 });
  });

  it('are waited for a whole lease by a pod that is new to the epoch', async () => {
    const a = await openBus('a');
    expect((await timed(async () => (await a.append(['x'])).applied)).ms).toBeGreaterThan(450);
    expect((await timed(async () => (await a.append(['x'])).applied)).ms).toBeLessThan(150);
  });
});

describe('a Redis that has lost something', () => {
  /** Has x in the cache, and a copy of its entry as a late fill would bring it back. */
  async function fleetWithEntry(): Promise<{ pods: Pod[]; entry: string; before: string | null }> {
    const pods = await openFleet('a', 'b');
    const entry = await cached(pods[0]!, 'x');
    source.change('x');
    return { pods, entry, before: await epoch() };
  }

  async function expectNewEpochAndNothingOld(pods: Pod[], entry: string, before: string | null): Promise<void> {
    await waitFor(async () => ![null, before].includes(await epoch()), { describe: 'a new epoch' });
    await client.set(key('x'), entry, 'PX', 60_000);
    for (const pod of pods) await waitFor(async () => (await source.version(pod.cache, 'x')) === 2);
    for (const pod of pods) {
      await client.set(key('x'), entry, 'PX', 60_000);
      expect(await source.version(pod.cache, 'x')).toBe(2);
    }
    await expectInUse(pods);
  }

  async function expectInUse(pods: Pod[]): Promise<void> {
    for (const { cache, name } of pods) {
      await waitFor(() => cache.status === 'CONNECTED');
      await cached({ cache } as Pod, `fresh-${name}`);
      const asked = source.questions.length;
      for (const other of pods) await source.read(other.cache, [`fresh-${name}`]);
      expect(source.questions).toHaveLength(asked);
    }
  }

  it.each([
    ['everything', () => client.flushall()],
    ['its bookkeeping', () => client.del(BUS, LOG)],
    ['the registry and the sequence', () => client.del(BUS)],
  ])('%s begins a new epoch, in which nothing old is served, and heals', async (_what, lose) => {
    const { pods, entry, before } = await fleetWithEntry();
    await lose();
    await expectNewEpochAndNothingOld(pods, entry, before);
  });

  it('the log alone loses nothing that all have heard, and nobody what comes then', async () => {
    const { pods, before } = await fleetWithEntry();
    await client.del(LOG);
    await pods[0]!.cache.invalidate(['device:x']);
    for (const pod of pods) expect(await source.version(pod.cache, 'x')).toBe(2);
    expect(await epoch()).toBe(before);
    await expectInUse(pods);
  });

  it('everything just before an invalidation: nobody serves what it was about', async () => {
    for (let i = 0; i < 3; i++) {
      const pods = i === 0 ? await openFleet('a', 'b') : openPods;
      openPods = pods;
      const id = `x${i}`;
      const entry = await cached(pods[0]!, id);
      source.change(id);
      await client.flushall();
      await client.set(key(id), entry, 'PX', 60_000);
      await pods[0]!.cache.invalidate([`device:${id}`]);
      await client.set(key(id), entry, 'PX', 60_000);
      for (const pod of pods) expect(await source.version(pod.cache, id)).toBe(2);
    }
  });
  let openPods: Pod[] = [];

  it('its memory in a restart begins a new epoch', async () => {
    const { pods, entry, before } = await fleetWithEntry();
    await redis.kill();
    await redis.restart();
    await expectNewEpochAndNothingOld(pods, entry, before);
  });

  it('its last writes, having come back from an older snapshot, begins a new epoch', async () => {
    const { pods, entry, before } = await fleetWithEntry();
    await client.save();
    await pods[0]!.cache.invalidate(['device:x']);
    for (const pod of pods) expect(await source.version(pod.cache, 'x')).toBe(2);
    await redis.kill();
    await redis.restart();
    expect(await waitFor(() => client.get(key('x')))).toBe(entry);
    await expectNewEpochAndNothingOld(pods, entry, before);
  });

  it('its place as the primary: a replica that takes over begins a new epoch', async () => {
    await client.config('SET', 'repl-diskless-sync-delay', '0');
    const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(redis.port)] });
    const onReplica = connect(replica);
    await waitFor(async () => (await onReplica.info('replication')).includes('master_link_status:up'));
    const [a] = (await openFleet('a')) as [Pod];
    const entry = await cached(a, 'x');
    await waitFor(() => onReplica.get(key('x')));
    source.change('x');

    const b = await openPod('b', replica.url);
    expect(b.cache.status).toBe('DEGRADED'); // a replica can't give a lease
    expect(await source.version(b.cache, 'x')).toBe(2);
    await redis.kill();
    await onReplica.call('REPLICAOF', 'NO', 'ONE');
    await waitFor(() => b.cache.status === 'CONNECTED');
    await onReplica.set(key('x'), entry, 'PX', 60_000);
    expect(await source.version(b.cache, 'x')).toBe(2);
  });
});

it('a namespace of a pod of another version is not read, and their invalidations are shared', async () => {
  const [a, b] = (await openFleet('a', 'b')) as [Pod, Pod];
  const next = { ...DEVICES, valueVersion: DEVICES.valueVersion + 1 };
  await cached(a, 'x');
  source.change('x');
  expect(await source.version(b.cache, 'x', { namespace: next })).toBe(2);
  source.change('x');
  await b.cache.invalidate(['device:x']);
  expect(await source.version(a.cache, 'x')).toBe(3);
  expect(await source.version(b.cache, 'x', { namespace: next })).toBe(3);
});
