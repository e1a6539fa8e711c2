/** An invalidation that Redis did not take survives everything, and is applied before anybody trusts the cache again (P2). */
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Db } from 'mongodb';
import { describeWithMongoDb, startMongoDb, type MongoServer } from '../harness/mongodb.js';
import { startRedis, type RedisServer } from '../harness/redis.js';
import { startServer, type ServerProcess } from '../harness/server.js';
import { startProxy, type TcpProxy } from '../harness/tcp-proxy.js';
import { waitFor } from '../harness/wait.js';
import {
  asAdmin,
  changeBehindTheirBacks,
  connectMongoDb,
  descriptionOf,
  OUTBOX,
  podEnvironment,
  register,
  seedDevices,
  stats,
  statusOf,
  update,
} from './real-pods.js';

describeWithMongoDb('an invalidation that Redis did not take', () => {
  let redis: RedisServer;
  let mongodb: MongoServer;
  let proxy: TcpProxy;
  let db: Db;
  /** The first has Redis behind the proxy. */
  let pods: readonly [ServerProcess, ServerProcess, ServerProcess];

  beforeAll(async () => {
    [redis, mongodb] = await Promise.all([startRedis(), startMongoDb()]);
    [proxy, db] = await Promise.all([startProxy(redis.port), connectMongoDb(mongodb)]);
    const near = podEnvironment({ redis: redis.port, mongodb: mongodb.port });
    const far = podEnvironment({ redis: proxy.port, mongodb: mongodb.port });
    pods = await Promise.all([startServer(far), startServer(near), startServer(near)]);
  });
  beforeEach(async () => {
    await seedDevices(db, 4);
    await Promise.all(pods.map(inUse));
    await pods[0].graphql('mutation { clearCache { status } }', {}, await asAdmin());
    for (const pod of pods) for (let i = 0; i < 4; i++) expect(await descriptionOf(pod, i)).toBe('old');
  });
  afterEach(() => proxy.heal());

  const inUse = (pod: ServerProcess) => waitFor(async () => (await stats(pod)).status === 'CONNECTED', { timeoutMs: 10_000 });
  const onRecord = () => db.collection(OUTBOX).countDocuments();
  const isApplied = (pod: ServerProcess, id: string) =>
    waitFor(async () => (await statusOf(pod, id)) === 'APPLIED', { timeoutMs: 10_000 });

  it('is applied by the others within seconds where only its pod is cut off, which serves uncached', async () => {
    const [author, ...others] = pods;
    await proxy.cut();
    const { id, status } = await update(author, 0, 'new');
    expect(status).toBe('PENDING');
    const startedAt = performance.now();
    for (const pod of others) await waitFor(async () => (await descriptionOf(pod, 0)) === 'new');
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    await isApplied(others[0], id);
    await waitFor(async () => (await onRecord()) === 0);

    expect((await stats(author)).status).toBe('DEGRADED');
    await changeBehindTheirBacks(db, 1, 'newest');
    expect(await descriptionOf(author, 1)).toBe('newest');
    expect(await descriptionOf(others[0], 1)).toBe('old'); // of the cache: it was not told
    await proxy.heal();
    await inUse(author);
    expect(await descriptionOf(author, 0)).toBe('new');
  });

  it('hides nothing that a later change has answered APPLIED about: a device that came meanwhile, of the same name', async () => {
    const [author, near, other] = pods;
    const isThere = async (id: string) => {
      const { body } = await other.graphql('query ($id: ID!) { device(id: $id) { id } }', { id });
      return body.data!.device !== null;
    };
    for (const id of ['bed-0-second', 'bed-0-second|Bed 0', 'bed-0-third']) expect(await isThere(id)).toBe(false);
    await proxy.cut();
    expect(await register(author, 'bed-0-second', 'Bed 0')).toBe('PENDING');
    expect((await update(near, 0, 'new')).status).toBe('APPLIED');
    for (const id of ['bed-0-second', 'bed-0-second|Bed 0']) expect(await isThere(id)).toBe(true);

    expect(await register(author, 'bed-0-third', 'Bed 0')).toBe('PENDING');
    expect(await register(near, 'bed-0-fourth', 'Bed 0')).toBe('APPLIED');
    expect(await isThere('bed-0-third')).toBe(true);
  });

  it.each([
    ['ids', 'invalidateDevices(ids: ["bed-2"])'],
    ['pattern', 'invalidateCache(pattern: "device_meta:*2")'],
    ['everything', 'clearCache'],
  ])('is applied later when it was a purge by %s', async (_how, purge) => {
    const [far, near] = pods;
    await proxy.cut();
    await changeBehindTheirBacks(db, 2, 'new');
    const { body } = await far.graphql(`mutation { ${purge} { id status appliedAt pods { live } } }`, {}, await asAdmin());
    const purged = Object.values(body.data!)[0] as { readonly id: string };
    expect(purged).toMatchObject({ status: 'PENDING', appliedAt: null, pods: null });
    await isApplied(near, purged.id);
    expect(await descriptionOf(near, 2)).toBe('new');
    await waitFor(async () => (await onRecord()) === 0);
  });

  it('is an error that says so when the database is out, too, and then nothing was changed', async () => {
    const [far, near] = pods;
    await proxy.cut();
    await mongodb.pause();
    const purge = async () => (await far.graphql('mutation { clearCache { status } }', {}, await asAdmin())).body.errors?.[0];
    const [error, failed] = await Promise.all([purge(), update(far, 3, 'new').catch((reason: unknown) => reason)]);
    expect(error?.extensions.code).toBe('CACHE_UNAVAILABLE');
    expect(failed).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    mongodb.resume();
    await proxy.heal();
    await inUse(far);
    await near.graphql('mutation { clearCache { status } }', {}, await asAdmin());
    for (const pod of pods) expect(await descriptionOf(pod, 3)).toBe('old');
  });

  it('is applied by the others though its pod was killed while Redis was out', async () => {
    const [author, ...others] = pods;
    await redis.pause();
    const { id, status } = await update(author, 0, 'new');
    expect(status).toBe('PENDING');
    await author.kill();
    expect(await onRecord()).toBe(1);
    for (const pod of others) expect(await statusOf(pod, id)).toBe('PENDING');

    redis.resume();
    for (const pod of others) {
      // Whatever it serves from, at no time is it what was there before.
      await waitFor(
        async () => {
          expect(await descriptionOf(pod, 0)).toBe('new');
          return (await stats(pod)).status === 'CONNECTED';
        },
        { timeoutMs: 10_000 },
      );
      expect(await descriptionOf(pod, 0)).toBe('new');
      await isApplied(pod, id);
    }
    await waitFor(async () => (await onRecord()) === 0);
  });
});
