/** What the pods do with what they find on record: of the dead, of other versions, of too many (P2). */
import { beforeAll, beforeEach, expect, it } from 'vitest';
import type { Redis } from 'ioredis';
import type { Collection } from 'mongodb';
import { MongoOutbox } from '../../src/cache/cache.js';
import { openPod, type Pod, PREFIX } from '../cache/pods.js';
import { Source } from '../cache/source.js';
import { describeWithMongoDb, startMongoDb } from '../harness/mongodb.js';
import { startRedis, type RedisServer } from '../harness/redis.js';
import { waitFor } from '../harness/wait.js';
import { connectMongoDb, connectRedis, OUTBOX } from './real-pods.js';

describeWithMongoDb('what is on record', () => {
  let intents: Collection<{ _id: string }>;
  let client: Redis;
  let redis: RedisServer;
  let pods: readonly [Pod, Pod];
  let source: Source;

  beforeAll(async () => {
    const mongodb = await startMongoDb();
    redis = await startRedis();
    client = connectRedis(redis);
    const db = await connectMongoDb(mongodb);
    intents = db.collection(OUTBOX);
    const outbox = new MongoOutbox(db);
    await outbox.ensureIndexes();
    pods = [await openPod('a', redis.url, { outbox }), await openPod('b', redis.url, { outbox })];
  });
  beforeEach(async () => {
    source = new Source();
    await pods[0].cache.invalidatePattern('*');
    for (const { cache } of pods) expect(await versions(cache)).toEqual([1, 1]);
  });

  const versions = async (cache: Pod['cache']) => (await source.read(cache, ['x', 'y'])).map((value) => value!.version);
  const put = (...documents: object[]) => intents.insertMany(documents as { _id: string }[]);
  const log = async (text: string) =>
    (await client.xrange(`${PREFIX}{bus}log`, '-', '+')).filter(([, fields]) => fields[1]!.includes(text)).length;

  function changeBoth(): void {
    source.change('x');
    source.change('y');
  }

  it('goes after an hour if nobody else removes it', async () => {
    const indexes = await intents.indexes();
    expect(indexes).toContainEqual(expect.objectContaining({ key: { at: 1 }, expireAfterSeconds: 3_600 }));
  });

  it('and is no change still to come is applied, removed, and can be followed up', async () => {
    const id = '5ad00000-0000-4000-8000-000000000001';
    changeBoth();
    await put({ _id: id, deps: ['device:x'], changed: true, at: new Date() });
    await waitFor(async () => (await pods[1].cache.findInvalidation(id))?.status === 'APPLIED');
    for (const { cache } of pods) expect(await versions(cache)).toEqual([2, 1]);
    await waitFor(async () => (await intents.countDocuments()) === 0);
  });

  it.each<[string, { readonly deps?: unknown; readonly changed?: boolean }]>([
    ['deps of a kind that this version lacks', { deps: [{ regex: 'x' }], changed: true }],
    ['no deps', { changed: true }],
    ['no word on whether it was made', { deps: ['device:nothing'] }],
  ])('and can not be read, as with %s, means everything', async (_what, fields) => {
    changeBoth();
    await put({ _id: 'of another version', at: new Date(), ...fields });
    await waitFor(async () => (await versions(pods[0].cache)).join() === '2,2');
    expect(await versions(pods[1].cache)).toEqual([2, 2]);
    if ('changed' in fields) await waitFor(async () => (await intents.countDocuments()) === 0);
    await intents.deleteMany({});
  });

  it('in more than a thousand pieces means everything, and all of them are removed', async () => {
    changeBoth();
    const documents = Array.from({ length: 1_001 }, (_, i) => ({
      _id: `n${i}`,
      deps: [`device:n${i}`],
      changed: true,
      at: new Date(),
    }));
    await redis.pause(); // until all are there
    await waitFor(() => pods.every(({ leases }) => leases.at(-1) === false));
    await put(...documents);
    redis.resume();
    await waitFor(async () => (await versions(pods[0].cache)).join() === '2,2');
    expect(await versions(pods[1].cache)).toEqual([2, 2]);
    await waitFor(async () => (await intents.countDocuments()) === 0, { timeoutMs: 15_000 });
  });

  it('and may be a change still to come is appended every ten seconds by each, and left to its author', async () => {
    await put({ _id: 'of a pod that died', deps: ['device:gone'], changed: false, at: new Date() });
    await waitFor(async () => (await log('device:gone')) === 2); // by each pod
    const firstAt = performance.now();
    changeBoth(); // it may happen at any time, and must not stay unseen
    await waitFor(async () => (await log('device:gone')) > 2, { timeoutMs: 15_000 });
    expect(performance.now() - firstAt).toBeGreaterThan(7_000);
    expect(await intents.countDocuments()).toBe(1);
    for (const { cache } of pods) expect((await cache.snapshot()).pendingInvalidations).toEqual([]);
  });
});
