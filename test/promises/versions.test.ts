/** During a rolling update old and new pods share invalidations, and never read each other's values (P10). */
import { cpSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, inject, it } from 'vitest';
import type { Redis } from 'ioredis';
import type { Db } from 'mongodb';
import { describeWithMongoDb, startMongoDb } from '../harness/mongodb.js';
import { startRedis } from '../harness/redis.js';
import { startServer, type ServerProcess } from '../harness/server.js';
import { waitFor } from '../harness/wait.js';
import {
  changeBehindTheirBacks,
  connectMongoDb,
  connectRedis,
  descriptionOf,
  podEnvironment,
  PREFIX,
  seedDevices,
  stats,
  update,
} from './real-pods.js';

/** The built server of a later version, whose devices have another shape in the cache. Answers the folder that holds its `dist/`. */
function buildLaterVersion(): string {
  const directory = mkdtempSync(join(inject('runDirectory'), 'later-version-'));
  cpSync('dist', join(directory, 'dist'), { recursive: true });
  cpSync('package.json', join(directory, 'package.json'));
  for (const folder of ['node_modules', 'schema']) symlinkSync(join(process.cwd(), folder), join(directory, folder));
  const file = join(directory, 'dist/devices/device.loaders.js');
  const parts = readFileSync(file, 'utf8').split(/(?<=name: DEVICE_NAMESPACE, valueVersion: )\d+/);
  expect(parts).toHaveLength(2); // else this test would compare a version with itself
  writeFileSync(file, parts.join('1000'));
  return directory;
}

describeWithMongoDb('an old and a new pod', () => {
  let db: Db;
  let client: Redis;
  let pods: readonly [ServerProcess, ServerProcess];

  beforeAll(async () => {
    const [redis, mongodb] = await Promise.all([startRedis(), startMongoDb()]);
    [db, client] = [await connectMongoDb(mongodb), connectRedis(redis)];
    await seedDevices(db, 4);
    // Too little memory for any entry: every read asks Redis, where the other's values are.
    const env = { ...podEnvironment({ redis: redis.port, mongodb: mongodb.port }), CACHE_L1_MAX_BYTES: '1' };
    pods = await Promise.all([startServer(env), startServer(env, { directory: buildLaterVersion() })]);
    for (const pod of pods) {
      await waitFor(async () => {
        const { status, pods: all } = await stats(pod);
        return status === 'CONNECTED' && all.length === 2;
      });
    }
  });

  const versionStored = async (i: number) =>
    (JSON.parse((await client.get(`${PREFIX}device_meta:bed-${i}`)) ?? '{}') as { v?: number }).v;

  it.each([
    ['old', 'new', 0],
    ['new', 'old', 1],
  ])('never read each other: what the %s one has stored is a miss to the %s', async (writer, _reader, i) => {
    const [a, b] = writer === 'old' ? pods : ([pods[1], pods[0]] as const);
    expect(await descriptionOf(a, i)).toBe('old');
    const stored = await waitFor(() => versionStored(i));
    await changeBehindTheirBacks(db, i, 'newer'); // whoever reads what is stored does not see it
    expect(await descriptionOf(a, i)).toBe('old');
    expect(await descriptionOf(b, i)).toBe('newer');
    await waitFor(async () => (await versionStored(i)) !== stored);
    expect(await descriptionOf(b, i)).toBe('newer');
    expect(await descriptionOf(a, i)).toBe('newer');
  });

  it('share invalidations: a change by either is seen by both at once', async () => {
    const [old, later] = pods;
    for (const [i, author, reader] of [
      [2, old, later],
      [3, later, old],
    ] as const) {
      for (const pod of pods) expect(await descriptionOf(pod, i)).toBe('old');
      for (const text of ['first', 'second', 'third']) {
        expect((await update(author, i, text)).status).toBe('APPLIED');
        for (const pod of [reader, author]) expect(await descriptionOf(pod, i)).toBe(text);
      }
    }
  });

  it('add their figures up together', async () => {
    for (const pod of pods) expect(await stats(pod)).toMatchObject({ complete: true, pods: [{}, {}] });
  });
});
