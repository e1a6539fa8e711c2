/** Nothing grows without limit: pods that come and go, hostile ids, the log, and what pods remember of it (P5). */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { Redis } from 'ioredis';
import { Ledger } from '../../src/cache/protocol/ledger.js';
import { openPod, PREFIX as CACHE_PREFIX, type Pod } from '../cache/pods.js';
import { Source } from '../cache/source.js';
import { describeWithMongoDb, startMongoDb } from '../harness/mongodb.js';
import { startRedis } from '../harness/redis.js';
import { startServer } from '../harness/server.js';
import { waitFor } from '../harness/wait.js';
import { asAdmin, connectRedis, podEnvironment, PREFIX, stats } from './real-pods.js';

async function expectEveryKeyToEnd(client: Redis): Promise<void> {
  for (const key of await client.keys('*')) {
    // One that ends in between is as good.
    expect([key, await client.pttl(key)]).not.toEqual([key, -1]);
  }
}

it('200 pods that come and go leave nothing that stays', async () => {
  const redis = await startRedis();
  const client = connectRedis(redis);
  const source = new Source();
  const steady = await openPod('steady', redis.url);
  for (let round = 0; round < 20; round++) {
    const pods = await Promise.all(Array.from({ length: 10 }, (_, i) => openPod(`pod-${round}-${i}`, redis.url)));
    await Promise.all(pods.map(({ cache }, i) => source.read(cache, [`sensor-${round}`, `sensor-${round}-${i}`])));
    await steady.cache.invalidate([`device:sensor-${round}`]);
    await steady.cache.snapshot(); // each writes its figures
    const [dead, ...leaving] = pods as [Pod, ...Pod[]];
    dead.connections!.close(); // as one that was killed: its record stays
    await Promise.all(leaving.map((pod) => pod.close()));
  }
  const fields = ['epoch', 'history', 'seq'];
  await waitFor(async () => (await client.hlen(`${CACHE_PREFIX}{bus}`)) === fields.length + 1);
  const left = (await client.hkeys(`${CACHE_PREFIX}{bus}`)).filter((field) => !fields.includes(field));
  expect(left).toEqual([expect.stringMatching(/^pod:steady:/)]);
  await expectEveryKeyToEnd(client);
  expect((await client.keys(`${CACHE_PREFIX}{bus}stats:*`)).length).toBeLessThanOrEqual(200);
  for (const key of await client.keys(`${CACHE_PREFIX}{bus}stats:*`)) expect(await client.pttl(key)).toBeLessThanOrEqual(10_000);
});

describeWithMongoDb('20,000 hostile ids', () => {
  it('cost one small key each, as long as an absence is remembered', async () => {
    const [redis, mongodb] = await Promise.all([startRedis(), startMongoDb()]);
    const client = connectRedis(redis);
    const MAX_BYTES = 2_000_000;
    const env = podEnvironment({ redis: redis.port, mongodb: mongodb.port });
    const pod = await startServer({ ...env, CACHE_L1_MAX_BYTES: String(MAX_BYTES), CACHE_NEGATIVE_TTL_SECONDS: '300' });
    await waitFor(async () => (await stats(pod)).status === 'CONNECTED');
    for (let i = 0; i < 20; i++) {
      const ids = Array.from({ length: 1_000 }, (_, k) => `hostile-${i}-${k}`);
      const { body } = await pod.graphql('query ($ids: [ID!]!) { devices(ids: $ids) { id } }', { ids });
      expect(body.data!.devices).toEqual(ids.map(() => null));
    }
    await waitFor(async () => (await client.keys('*')).length <= 20_000 + 10);
    const keys = await client.keys(`${PREFIX}device_meta:*`);
    expect(keys.length).toBeLessThanOrEqual(20_000);
    expect(keys.length).toBeGreaterThan(10_000); // a busy machine may keep some from being stored
    for (const key of keys.filter((_, i) => i % 500 === 0)) {
      expect(await client.memory('USAGE', key)).toBeLessThan(500);
      const ttlMs = await client.pttl(key);
      expect(ttlMs).toBeGreaterThan(0);
      expect(ttlMs).toBeLessThanOrEqual(300_000);
    }
    const [{ l1Bytes }] = (await stats(pod)).pods;
    expect(l1Bytes).toBeLessThanOrEqual(MAX_BYTES);
    expect(l1Bytes).toBeGreaterThan(0.8 * MAX_BYTES);
    await pod.graphql('mutation { clearCache { status } }', {}, await asAdmin());
    await waitFor(async () => (await client.keys('*')).length < 10);
    await expectEveryKeyToEnd(client);
  });
});

it('5,000 log entries leave 4,096, and no pod behind', async () => {
  const redis = await startRedis();
  const client = connectRedis(redis);
  const pods = [await openPod('a', redis.url), await openPod('b', redis.url)];
  const source = new Source();
  for (const { cache } of pods) await source.read(cache, ['x']);
  for (let i = 0; i < 50; i++) {
    const invalidate = (_: unknown, k: number) => pods[k % 2]!.cache.invalidate([`device:sensor-${i}-${k}`]);
    const applied = await Promise.all(Array.from({ length: 100 }, invalidate));
    expect(applied.map(({ status }) => status)).toEqual(applied.map(() => 'APPLIED'));
  }
  expect(await client.xlen(`${CACHE_PREFIX}{bus}log`)).toBe(4_096);
  source.change('x');
  await pods[0]!.cache.invalidate(['device:x']);
  for (const { cache } of pods) expect(await source.version(cache, 'x')).toBe(2);
  await expectEveryKeyToEnd(client);
});

describe('what a pod remembers of the log', () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const heapBytes = () => {
    for (let i = 0; i < 4; i++) collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  /** Heap that a ledger takes after so many more invalidations. */
  const grown = (ledger: Ledger, count: number, depOf: (seq: number) => string | { glob: string }) => {
    const before = heapBytes();
    const from = ledger.applied;
    for (let seq = from + 1; seq <= from + count; seq++) ledger.add(seq, [depOf(seq)]);
    return heapBytes() - before;
  };

  it.each([
    ['tags', 100_000, (seq: number) => `device:greenhouse-${seq}`],
    ['globs', 1_000, (seq: number) => ({ glob: `device_meta:green*${seq}` })],
  ] as const)('is flat however many %s there are, and judges right', (_what, cap, depOf) => {
    const ledger = new Ledger();
    ledger.reset('epoch', 0);
    const first = grown(ledger, cap, depOf);
    const more = grown(ledger, 10 * cap, depOf);
    expect(first).toBeGreaterThan(0);
    expect(more).toBeLessThan(0.5 * first + 600_000); // ten times `first` if nothing were forgotten; the rest is noise

    const seq = ledger.applied;
    const entry = (s: number) => ({ e: 'epoch', s, d: [`device_meta:green-${seq}`, `device:greenhouse-${seq}`] });
    expect(ledger.servable(entry(seq))).toBe(true);
    expect(ledger.servable(entry(seq - 1))).toBe(false); // by the last one
    expect(ledger.servable({ ...entry(0), d: ['device:other'] })).toBe(false); // older than what is remembered
    expect(ledger.servable({ ...entry(seq - cap / 4), d: ['device:other'] })).toBe(true);
  });
});
