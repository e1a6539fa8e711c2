/** What expired lately stands in, marked, while MongoDB is down; an absence, an error or what was invalidated never does (P8). */
import { beforeAll, beforeEach, expect, it } from 'vitest';
import type { Db } from 'mongodb';
import { describeWithMongoDb, startMongoDb, type MongoServer } from '../harness/mongodb.js';
import { startRedis } from '../harness/redis.js';
import { startServer, type ServerProcess } from '../harness/server.js';
import { waitFor } from '../harness/wait.js';
import {
  asAdmin,
  changeBehindTheirBacks,
  connectMongoDb,
  descriptionOf,
  podEnvironment,
  seedDevices,
  stats,
} from './real-pods.js';

const TTL_SECONDS = 1;
const DEVICES = 'query ($ids: [ID!]!) { devices(ids: $ids) { description } }';
const ENDS = ['l1Hits', 'l2Hits', 'misses', 'staleServed', 'bypassed'] as const;

describeWithMongoDb('while MongoDB is down', () => {
  let mongodb: MongoServer;
  let db: Db;
  let pod: ServerProcess;
  let other: ServerProcess;
  let withoutGrace: ServerProcess;

  beforeAll(async () => {
    const [redis] = await Promise.all([startRedis(), startMongoDb().then((server) => (mongodb = server))]);
    const env = {
      ...podEnvironment({ redis: redis.port, mongodb: mongodb.port }),
      CACHE_TTL_SECONDS: String(TTL_SECONDS),
      CACHE_NEGATIVE_TTL_SECONDS: String(TTL_SECONDS),
      CACHE_GRACE_SECONDS: '60',
    };
    [pod, other, withoutGrace] = await Promise.all([
      startServer(env),
      startServer(env),
      startServer({ ...env, CACHE_GRACE_SECONDS: '0' }),
    ]);
    db = await connectMongoDb(mongodb);
  });

  /** Everything cached, the database running. */
  beforeEach(async () => {
    if (!mongodb.running) await mongodb.restart();
    await waitFor(() => seedDevices(db, 8).then(() => true), { timeoutMs: 10_000 });
    for (const each of [pod, other, withoutGrace]) {
      await waitFor(async () => (await stats(each)).status === 'CONNECTED' && (await read(each, 'bed-7')).errors === undefined);
    }
    await pod.graphql('mutation { clearCache { status } }', {}, await asAdmin());
    for (const each of [pod, other, withoutGrace]) for (const id of ['bed-0', 'bed-1', 'nobody']) await read(each, id);
  });

  async function read(from: ServerProcess, ...ids: string[]) {
    const { body, headers } = await from.graphql<{ devices: ({ description: string } | null)[] | null }>(DEVICES, { ids });
    return { ...body, cacheControl: headers.get('cache-control'), codes: body.errors?.map(({ extensions }) => extensions.code) };
  }

  /** Until what was cached has expired, and a pod knows that the database is down. */
  const isStale = (from: ServerProcess, id = 'bed-0') =>
    waitFor(async () => (await read(from, id)).extensions?.stale !== undefined, { timeoutMs: 15_000 });

  it('serves what has expired, marked and not to be stored', async () => {
    await mongodb.kill();
    await isStale(pod);
    const { data, errors, extensions, cacheControl } = await read(pod, 'bed-0', 'bed-1');
    expect(errors).toBeUndefined();
    expect(data!.devices).toEqual([{ description: 'old' }, { description: 'old' }]);
    const { maxAgeSeconds } = extensions!.stale as { maxAgeSeconds: number };
    expect(maxAgeSeconds).toBeGreaterThanOrEqual(TTL_SECONDS);
    expect(maxAgeSeconds).toBeLessThan(30);
    expect(cacheControl).toBe('no-store');
  });

  it('fails the field of what it has nothing for, absences included, and answers the others', async () => {
    await mongodb.kill();
    await isStale(pod);
    expect(await read(pod, 'nobody')).toMatchObject({ codes: ['DATABASE_UNAVAILABLE'] });
    expect(await read(pod, 'bed-0', 'bed-5', 'never-asked')).toMatchObject({ codes: ['DATABASE_UNAVAILABLE'] });
    const { body } = await pod.graphql(
      '{ stale: device(id: "bed-0") { description } none: device(id: "nobody") { description } }',
    );
    expect(body.data).toEqual({ stale: { description: 'old' }, none: null });
    expect(body.errors?.map(({ path }) => path)).toEqual([['none']]);
    expect(body.extensions?.stale).toBeDefined();
  });

  it('never serves what was invalidated, by whichever pod, before or since', async () => {
    const invalidate = async (id: string) => {
      const { body } = await other.graphql(`mutation { invalidateDevices(ids: ["${id}"]) { status } }`, {}, await asAdmin());
      expect(body.data?.invalidateDevices.status).toBe('APPLIED');
    };
    await invalidate('bed-0');
    await mongodb.kill();
    await isStale(pod, 'bed-1');
    await invalidate('bed-1');
    for (const id of ['bed-0', 'bed-1']) expect(await read(pod, id)).toMatchObject({ codes: ['DATABASE_UNAVAILABLE'] });
  });

  it('serves nothing past its time where grace is 0', async () => {
    await mongodb.kill();
    await isStale(pod);
    expect(await read(withoutGrace, 'bed-0')).toMatchObject({ codes: ['DATABASE_UNAVAILABLE'] });
  });

  it('refreshes in the background when it is back, unmarked', async () => {
    await mongodb.kill();
    await isStale(pod);
    await mongodb.restart();
    await waitFor(() => changeBehindTheirBacks(db, 0, 'new').then(() => true), { timeoutMs: 10_000 });
    const fresh = await waitFor(async () => {
      const answer = await read(pod, 'bed-0');
      expect(answer.errors).toBeUndefined();
      return answer.extensions?.stale === undefined ? answer : undefined;
    });
    expect(fresh.data!.devices).toEqual([{ description: 'new' }]);
    expect(fresh.cacheControl).not.toBe('no-store');
    expect(await descriptionOf(other, 0)).toBe('new');
  });

  it('counts each look-up once, however it ended', async () => {
    const counted = async () => {
      const { namespaces } = (await stats(pod)).pods.find((each: { id: string }) => each.id !== '');
      return namespaces.find(({ name }: { name: string }) => name === 'device_meta') as Record<(typeof ENDS)[number], number>;
    };
    await mongodb.kill();
    await isStale(pod);
    const before = await counted();
    await read(pod, 'bed-0', 'bed-1', 'nobody', 'never-asked');
    await Promise.all([read(pod, 'bed-0'), read(pod, 'bed-1'), read(pod, 'bed-0')]);
    const after = await counted();
    expect(after.staleServed - before.staleServed).toBe(5);
    expect(ENDS.reduce((sum, end) => sum + after[end] - before[end], 0)).toBe(7);
  });

  it('serves what has expired when it is frozen, too', async () => {
    await mongodb.pause();
    let longestMs = 0;
    const timedRead = async () => {
      const startedAt = performance.now();
      const answer = await read(pod, 'bed-0');
      longestMs = Math.max(longestMs, performance.now() - startedAt);
      expect(answer.data!.devices).toEqual([{ description: 'old' }]);
      return answer.extensions?.stale !== undefined;
    };
    await waitFor(timedRead, { timeoutMs: 15_000 });
    expect(longestMs).toBeLessThan(2_000 + 1_000); // as long as one that is gone takes to fail
    longestMs = 0;
    for (let i = 0; i < 20; i++) expect(await timedRead()).toBe(true);
    expect(longestMs).toBeLessThan(1_000); // nobody waits for what is known to be down
    mongodb.resume();
    await waitFor(async () => (await read(pod, 'bed-0')).extensions?.stale === undefined, { timeoutMs: 15_000 });
  });
});
