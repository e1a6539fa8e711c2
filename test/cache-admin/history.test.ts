/** Who purged what, and why a key is not served, as pods with their own Redis and MongoDB tell: also what was asked for while Redis was out. */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Db } from 'mongodb';
import { beforeEach, expect, it } from 'vitest';
import { CacheInvalidationsDocument, ExplainCacheEntryDocument } from '../../schema/operations.js';
import { describeWithMongoDb, startMongoDb, type MongoServer } from '../harness/mongodb.js';
import { startRedis, type RedisServer } from '../harness/redis.js';
import { startServer, type ServerProcess } from '../harness/server.js';
import { waitFor } from '../harness/wait.js';
import {
  bearer,
  connectMongoDb,
  connectRedis,
  OUTBOX,
  podEnvironment,
  PREFIX,
  seedDevices,
  stats,
} from '../promises/real-pods.js';

const CLEAR = 'mutation { clearCache { id status actor } }';
const ANN = randomUUID();

describeWithMongoDb('cache administration by two pods', () => {
  let redis: RedisServer;
  let mongodb: MongoServer;
  let db: Db;
  let client: Redis;
  let pods: readonly [ServerProcess, ServerProcess];
  let ann: Record<string, string>;
  let script: Record<string, string>;
  let reader: Record<string, string>;

  beforeEach(async () => {
    [redis, mongodb] = await Promise.all([startRedis(), startMongoDb()]);
    [db, client] = [await connectMongoDb(mongodb), connectRedis(redis)];
    await seedDevices(db, 2);
    const env = { ...podEnvironment({ redis: redis.port, mongodb: mongodb.port }), CACHE_RESPONSE_TTL_SECONDS: '60' };
    pods = await Promise.all([startServer(env), startServer(env)]);
    [ann, script, reader] = [
      await bearer(ANN, ['cache:admin']),
      await bearer('nightly-import', ['cache:admin']),
      await bearer(randomUUID(), ['cache:read']),
    ];
    for (const pod of pods) await waitFor(async () => (await stats(pod)).status === 'CONNECTED', { timeoutMs: 10_000 });
  });

  const history = async (pod: ServerProcess, first = 50) => {
    const { body } = await pod.graphql(CacheInvalidationsDocument, { first }, reader);
    expect(body.errors).toBeUndefined();
    return body.data!.cacheInvalidations as Record<string, any>[];
  };
  const codeOf = async (pod: ServerProcess, query: string, headers?: Record<string, string>) =>
    (await pod.graphql(query, {}, headers)).body.errors?.[0]?.extensions.code;

  it('tell alike who purged what, however it was asked for', async () => {
    const [a, b] = pods;
    await a.graphql('mutation { invalidateCache(pattern: "device_meta:*", dryRun: true) { status } }', {}, ann);
    await a.graphql('mutation { invalidateCache(pattern: "device_meta:bed*") { id } }', {}, ann);
    await b.graphql('mutation { invalidateDevices(ids: ["bed-0", "bed-1"]) { id } }', {}, script);
    const older = (path: string, body: object) =>
      fetch(b.url + path, {
        method: 'POST',
        headers: { ...script, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    expect((await older('/cache/invalidate', { pattern: 'get_device_info_cached:*' })).status).toBe(200);
    expect((await older('/cache/clear', {})).status).toBe(200);
    const expected = [
      { actor: 'nightly-import', pattern: '*', ids: null, status: 'APPLIED' },
      { actor: 'nightly-import', pattern: 'device_meta:*', ids: null },
      { actor: 'nightly-import', pattern: null, ids: 2, matched: null },
      { actor: ANN, pattern: 'device_meta:bed*', ids: null, matched: 0, removed: 0, pods: { live: 2, acknowledged: 2 } },
    ];
    for (const pod of pods) {
      expect(await history(pod)).toMatchObject(expected);
      expect(await history(pod, 1)).toMatchObject(expected.slice(0, 1));
    }
    const kept = JSON.stringify(await client.zrange(`${PREFIX}{bus}history`, '0', '-1'));
    for (const { authorization } of [ann, script]) expect(kept).not.toContain(authorization!.slice('Bearer '.length));
  });

  it('keep the actor of what was asked for while Redis was out', async () => {
    const [a, b] = pods;
    await redis.kill();
    const { id, ...purge } = (await a.graphql(CLEAR, {}, ann)).body.data!.clearCache;
    expect(purge).toEqual({ status: 'PENDING', actor: ANN });
    expect(await db.collection(OUTBOX).findOne({})).toMatchObject({ _id: id, actor: ANN });
    for (const pod of pods) {
      const { body } = await pod.graphql('{ cacheStats { pendingInvalidations { id actor } } }', {}, reader);
      expect(body.data!.cacheStats.pendingInvalidations).toEqual([{ id, actor: ANN }]);
      expect(await codeOf(pod, '{ cacheInvalidations { id } }', reader)).toBe('CACHE_UNAVAILABLE');
    }
    // As pods of older versions put it on record.
    const older = { _id: randomUUID(), deps: ['device:bed-0'], changed: true, at: new Date() };
    await db.collection<{ _id: string }>(OUTBOX).insertOne(older);
    await redis.restart();
    for (const pod of pods) {
      await waitFor(async () => (await stats(pod)).status === 'CONNECTED', { timeoutMs: 10_000 });
      expect(await history(pod)).toMatchObject([{ id, actor: ANN, pattern: '*' }]); // pending or applied, at no time unknown
      await waitFor(async () => (await history(pod))[0]!.status === 'APPLIED', { timeoutMs: 10_000 });
    }
    await waitFor(async () => (await db.collection(OUTBOX).countDocuments()) === 0, { timeoutMs: 10_000 });
    const followUp = await b.graphql(`{ cacheInvalidation(id: "${older._id}") { status actor } }`, {}, reader);
    expect(followUp.body.data!.cacheInvalidation).toEqual({ status: 'APPLIED', actor: null });
    expect(await history(b)).toHaveLength(1);
  });

  it('explain the keys that they list, whole responses too', async () => {
    const [a, b] = pods;
    for (let i = 0; i < 2; i++) await a.graphql('query ($id: ID!) { device(id: $id) { id } }', { id: 'bed-0' });
    const keys = await waitFor(async () => {
      const { body } = await b.graphql('{ cacheEntries { edges { node { key bytes } } } }', {}, reader);
      const found = body.data!.cacheEntries.edges.map((edge: { node: object }) => edge.node) as { key: string; bytes: number }[];
      return ['device_meta:', 'response:'].every((name) => found.some(({ key }) => key.startsWith(name))) ? found : undefined;
    });
    const explained = async (pod: ServerProcess, key: string) =>
      waitFor(async () => {
        const { body } = await pod.graphql(ExplainCacheEntryDocument, { key }, reader);
        const explanation = body.data!.explainCacheEntry as Record<string, any>;
        return explanation.inRedis === null ? undefined : explanation; // a busy machine may cost a pod its lease for a moment
      });
    for (const { key, bytes } of keys) {
      expect(await explained(a, key)).toMatchObject({ key, servable: true, inMemory: true, sizeBytes: bytes });
      expect(await explained(b, key)).toMatchObject({ key, servable: true, inMemory: false, inRedis: true, absent: false });
    }
    const response = keys.find(({ key }) => key.startsWith('response:'))!.key;
    expect((await explained(b, response)).tags).toContain('device:bed-0');
    expect(JSON.stringify(await explained(b, response))).not.toContain('"data"');
    await b.graphql('mutation { invalidateDevices(ids: ["bed-0"]) { id } }', {}, script);
    for (const pod of pods) expect(await explained(pod, 'device_meta:bed-0')).toMatchObject({ servable: false });
  });

  it('refuse who may not ask, and what can not be asked', async () => {
    const [a] = pods;
    const nobody = await bearer(randomUUID(), ['devices:read']);
    for (const query of ['{ cacheInvalidations { id } }', '{ explainCacheEntry(key: "device_meta:bed-0") { reason } }']) {
      expect(await codeOf(a, query)).toBe('UNAUTHENTICATED');
      expect(await codeOf(a, query, nobody)).toBe('FORBIDDEN');
      expect(await codeOf(a, query, reader)).toBeUndefined();
    }
    for (const key of ['', 'device_meta', 'nothing:x', '{bus}history', '{bus}:x', `device_meta:${'x'.repeat(1_025)}`]) {
      expect([key, await codeOf(a, `{ explainCacheEntry(key: "${key}") { reason } }`, reader)]).toEqual([key, 'BAD_USER_INPUT']);
    }
    expect(await codeOf(a, `{ explainCacheEntry(key: "device_meta:${'x'.repeat(1_024)}") { reason } }`, reader)).toBeUndefined();
    const everyField =
      'id status actor pattern ids matched removed requestedAt appliedAt elapsedMs pods { live acknowledged expired }';
    expect(await codeOf(a, `{ cacheInvalidations(first: 1000) { ${everyField} } }`, reader)).toBeUndefined();
    expect(await codeOf(a, '{ cacheInvalidations(first: 1001) { id } }', reader)).toBe('LIMIT_EXCEEDED');
    expect(await codeOf(a, '{ cacheInvalidations(first: 0) { id } }', reader)).toBe('BAD_USER_INPUT');
  });
});
