/** A change whose pod is killed between two of its steps, and what the rest of the fleet then does (P2). */
import { beforeAll, expect, it } from 'vitest';
import type { Redis } from 'ioredis';
import type { Db } from 'mongodb';
import { describeWithMongoDb, startMongoDb } from '../harness/mongodb.js';
import { startRedis } from '../harness/redis.js';
import { startServer, type ServerProcess } from '../harness/server.js';
import { waitFor } from '../harness/wait.js';
import { type HoldingProxy, startHoldingProxy } from './holding-proxy.js';
import {
  connectMongoDb,
  connectRedis,
  descriptionOf,
  OUTBOX,
  podEnvironment,
  PREFIX,
  seedDevices,
  stats,
  update,
} from './real-pods.js';

/** What is sent at each step, and to whom. */
const STEPS = {
  record: ['mongodb', OUTBOX, 'update'],
  change: ['mongodb', 'Users', 'update'],
  append: ['redis', 'eval', '{bus}nudge'],
  remove: ['mongodb', OUTBOX, 'delete'],
} as const;

describeWithMongoDb('a change whose pod is killed', () => {
  let db: Db;
  let client: Redis;
  let proxies: { readonly redis: HoldingProxy; readonly mongodb: HoldingProxy };
  let author: ServerProcess;
  let other: ServerProcess;
  let i = -1;

  beforeAll(async () => {
    const [redis, mongodb] = await Promise.all([startRedis(), startMongoDb()]);
    proxies = { redis: await startHoldingProxy(redis.port), mongodb: await startHoldingProxy(mongodb.port) };
    [db, client] = [await connectMongoDb(mongodb), connectRedis(redis)];
    await seedDevices(db, 4);
    [author, other] = await Promise.all([
      startServer(podEnvironment({ redis: proxies.redis.port, mongodb: proxies.mongodb.port })),
      startServer(podEnvironment({ redis: redis.port, mongodb: mongodb.port })),
    ]);
  });

  /** Kills the author when it is about to take a step, and tells which device it was about. */
  async function killAt(step: keyof typeof STEPS): Promise<number> {
    i++;
    if (!author.running) await author.restart();
    for (const pod of [author, other]) {
      await waitFor(async () => (await stats(pod)).status === 'CONNECTED', { timeoutMs: 10_000 });
      expect(await descriptionOf(pod, i)).toBe('old');
    }
    const [where, ...texts] = STEPS[step];
    const reached = proxies[where].hold(...texts);
    const changing = update(author, i, 'new').catch(() => undefined);
    await reached;
    await author.kill();
    await changing;
    return i;
  }

  const onRecord = (device: number) =>
    db
      .collection(OUTBOX)
      .find({ deps: `device:bed-${device}` })
      .toArray();
  const logged = async (device: number) =>
    (await client.xrange(`${PREFIX}{bus}log`, '-', '+')).filter(([, fields]) => fields[1]!.includes(`"device:bed-${device}"`))
      .length;
  const inDatabase = async (device: number) => (await db.collection('Users').findOne({}))!.api_keys[device].description as string;

  it('before it is on record has not happened', async () => {
    const device = await killAt('record');
    expect(await inDatabase(device)).toBe('old');
    expect(await onRecord(device)).toEqual([]);
    expect(await descriptionOf(other, device)).toBe('old');
  });

  it('before the database has it is invalidated for nothing, since it may be on its way', async () => {
    const device = await killAt('change');
    expect(await inDatabase(device)).toBe('old');
    expect(await onRecord(device)).toMatchObject([{ changed: false }]);
    expect((await stats(other)).pendingInvalidations).toEqual([]);
    await waitFor(async () => (await logged(device)) === 1);
    expect(await descriptionOf(other, device)).toBe('old');
    expect(await onRecord(device)).toHaveLength(1); // only its author could know that it need not stay
  });

  it('before it is appended is seen by the others within seconds', async () => {
    const device = await killAt('append');
    expect(await inDatabase(device)).toBe('new');
    expect(await onRecord(device)).toMatchObject([{ changed: false }]);
    await waitFor(async () => (await descriptionOf(other, device)) === 'new', { timeoutMs: 4_000 });
    expect(await onRecord(device)).toHaveLength(1);
  });

  it('before its record is removed is seen by the others at once', async () => {
    const device = await killAt('remove');
    expect(await descriptionOf(other, device)).toBe('new');
    expect(await onRecord(device)).toMatchObject([{ changed: false }]);
    await waitFor(async () => (await logged(device)) === 2); // once more, by the other
    expect(await descriptionOf(other, device)).toBe('new');
  });
});
