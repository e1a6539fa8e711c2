/** `cacheStats` adds up the fleet exactly, and says so when it can't. */
import { beforeAll, expect, it } from 'vitest';
import { describeWithMongoDb, startMongoDb } from '../harness/mongodb.js';
import { startRedis, type RedisServer } from '../harness/redis.js';
import { startServer, type ServerProcess } from '../harness/server.js';
import { waitFor } from '../harness/wait.js';
import { connectMongoDb, podEnvironment, seedDevices, stats } from './real-pods.js';

const ENDS = ['l1Hits', 'l2Hits', 'misses', 'staleServed', 'bypassed'];
const DEVICES = 'query ($ids: [ID!]!) { devices(ids: $ids) { id } }';
/** A pod's answer takes 300 ms at most; the rest is the machine's. */
const INCOMPLETE_MS = 400 + 300;

describeWithMongoDb('the figures of four pods', () => {
  let redis: RedisServer;
  let pods: ServerProcess[];

  beforeAll(async () => {
    const [started, mongodb] = await Promise.all([startRedis(), startMongoDb()]);
    redis = started;
    await seedDevices(await connectMongoDb(mongodb), 50);
    const env = podEnvironment({ redis: redis.port, mongodb: mongodb.port });
    // A container that is started twice under one name is two pods.
    pods = await Promise.all(['one', 'two', 'twin', 'twin'].map((POD_NAME) => startServer({ ...env, POD_NAME })));
    await Promise.all(pods.map((pod) => waitFor(async () => (await stats(pod)).pods.length === 4, { timeoutMs: 10_000 })));
  });

  const lookUps = (namespaces: any[]) => {
    const devices = namespaces.find(({ name }) => name === 'device_meta');
    return ENDS.reduce((sum, end) => sum + (devices[end] as number), 0);
  };

  it('add up exactly, whichever is asked', async () => {
    let asked = lookUps((await stats(pods[0]!)).namespaces);
    await waitFor(async () => {
      const requests = Array.from({ length: 80 }, (_, i) => {
        const ids = Array.from({ length: 1 + (i % 25) }, (_, k) => `bed-${(i * 7 + k) % 60}`); // some of them are nobody's
        asked += ids.length;
        return pods[i % 4]!.graphql(DEVICES, { ids: [...ids, ids[0]] }); // a duplicate is no look-up
      });
      await Promise.all(requests);
      // A pod that a busy machine keeps from its lease for a moment stores nothing meanwhile.
      const { pods: all } = await stats(pods[0]!);
      return all.every(({ l1Entries, leaseHeld }: { l1Entries: number; leaseHeld: boolean }) => leaseHeld && l1Entries > 20);
    });
    for (const pod of pods) {
      const figures = await stats(pod);
      expect(figures).toMatchObject({ complete: true, status: 'CONNECTED' });
      expect(figures.pods.map(({ id }: { id: string }) => id).sort()).toEqual(['one', 'twin', 'twin', 'two']);
      expect(lookUps(figures.namespaces)).toBe(asked);
      expect(figures.pods.reduce((sum: number, each: any) => sum + lookUps(each.namespaces), 0)).toBe(asked);
      for (const { l1Entries, l1Bytes } of figures.pods) {
        expect(l1Entries).toBeLessThanOrEqual(60);
        expect(l1Bytes).toBeGreaterThanOrEqual(300 * l1Entries);
        expect(l1Bytes).toBeLessThan(3_000 * l1Entries);
      }
    }
  });

  it('are said to be incomplete, in time, while a pod is frozen', async () => {
    await pods[1]!.pause();
    const startedAt = performance.now();
    const figures = await stats(pods[0]!);
    expect(performance.now() - startedAt).toBeLessThan(INCOMPLETE_MS);
    expect(figures.complete).toBe(false);
    expect(figures.pods.map(({ id }: { id: string }) => id).sort()).toEqual(['one', 'twin', 'twin']);
    pods[1]!.resume();
    await waitFor(async () => {
      const { complete, pods: all } = await stats(pods[0]!);
      return complete && all.length === 4;
    });
  });

  it('go on without a pod that was killed, as soon as its lease is over', async () => {
    await pods[3]!.kill();
    await waitFor(
      async () => {
        const { complete, pods: all } = await stats(pods[0]!);
        return complete && all.length === 3;
      },
      { timeoutMs: 4_000 },
    );
  });

  it('are of the one that is asked alone while Redis is out', async () => {
    await redis.pause();
    await waitFor(async () => (await stats(pods[0]!)).status === 'DEGRADED');
    expect(await stats(pods[0]!)).toMatchObject({ complete: false, pods: [{ id: 'one', leaseHeld: false }] });
    redis.resume();
    await waitFor(async () => (await stats(pods[0]!)).complete);
  });
});
