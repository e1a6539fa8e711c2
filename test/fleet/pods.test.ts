/** Two pods of the built server over one MongoDB and one Redis, as an operator runs them, through what may happen to either. */
import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { beforeEach, expect, it } from 'vitest';
import { expectInvariants, plantForeignKeys, type ForeignKeys } from '../harness/invariants.js';
import { describeWithMongoDb, startMongoDb, type MongoServer } from '../harness/mongodb.js';
import { startRedis, type RedisServer } from '../harness/redis.js';
import { startServer, type ServerProcess } from '../harness/server.js';
import { waitFor } from '../harness/wait.js';

const JWT_SECRET = 'a secret of these tests, 32 bytes or more';
const CACHE_PREFIX = 'pods-test:';

const REGISTER = `mutation ($deviceId: String!, $name: String! = "Bed") {
  registerDevice(input: { deviceId: $deviceId, name: $name }) { device { id deviceIds } apiKey invalidation { id status pods { live } } }
}`;
const UPDATE = `mutation ($id: ID!, $text: String!) {
  updateDevice(id: $id, input: { description: $text }) { device { description } invalidation { id status } }
}`;
const DEVICE = 'query ($id: ID!) { device(id: $id) { id description deviceIds } }';
const STATS = `{ cacheStats {
  status complete keys redis { version } pendingInvalidations { id status }
  namespaces { name hits l2Hits misses loads bypassed }
} }`;

describeWithMongoDb('two pods', () => {
  let redis: RedisServer;
  let mongodb: MongoServer;
  let pods: readonly [ServerProcess, ServerProcess];
  let foreignKeys: ForeignKeys;
  let grower: Record<string, string>;
  let admin: Record<string, string>;
  const secrets: string[] = [JWT_SECRET];

  beforeEach(async () => {
    [redis, mongodb] = await Promise.all([startRedis(), startMongoDb()]);
    foreignKeys = await plantForeignKeys(redis, CACHE_PREFIX);
    const env = { REDIS_URL: redis.url, MONGODB_URL: mongodb.url, JWT_SECRET, CACHE_PREFIX, NODE_ENV: 'test' };
    pods = await Promise.all([startServer(env), startServer(env)]);
    grower = await bearer(randomUUID(), []);
    admin = await bearer(randomUUID(), ['cache:admin', 'devices:read']);
  });

  it('share what one of them has loaded, absences too, and change it for both', async () => {
    const [a, b] = pods;
    const unknown = await a.graphql(DEVICE, { id: 'bed-1|Bed' });
    expect(unknown.body).toEqual({ data: { device: null } });

    const registered = await a.graphql(REGISTER, { deviceId: 'bed-1' }, grower);
    expect(registered.body.data?.registerDevice.invalidation).toMatchObject({ status: 'APPLIED', pods: { live: 2 } });
    secrets.push(registered.body.data?.registerDevice.apiKey as string);
    for (const pod of pods) expect((await pod.graphql(DEVICE, { id: 'bed-1|Bed' })).body.data?.device.id).toBe('bed-1|Bed');

    await b.graphql(REGISTER, { deviceId: 'bed-2' }, grower);
    for (const pod of pods) {
      expect((await pod.graphql(DEVICE, { id: 'bed-1|Bed' })).body.data?.device.deviceIds).toEqual(['bed-1', 'bed-2']);
    }

    const stats = (await b.graphql(STATS, {}, admin)).body.data?.cacheStats;
    expect(stats).toMatchObject({ status: 'CONNECTED', complete: true, pendingInvalidations: [] });
    await end();
  });

  it('accept an API key until its device is removed on the other pod', async () => {
    const [a, b] = pods;
    const { body } = await a.graphql(REGISTER, { deviceId: 'bed-1' }, grower);
    const apiKey = body.data?.registerDevice.apiKey as string;
    secrets.push(apiKey);
    const asDevice = { 'x-api-key': apiKey };
    for (const pod of pods)
      expect((await pod.graphql('{ viewer { id kind } }', {}, asDevice)).body.data?.viewer.kind).toBe('DEVICE');
    await b.graphql('mutation { removeDevice(id: "bed-1|Bed") { removedId } }', {}, grower);
    for (const pod of pods) expect((await pod.graphql('{ viewer { id } }', {}, asDevice)).status).toBe(401);
    await end();
  });

  it('let at most one of many registrations of a pair win', async () => {
    for (let round = 0; round < 5; round++) {
      const users = await Promise.all([0, 1, 2, 3].map(() => bearer(randomUUID(), [])));
      const answers = await Promise.all(
        users.map((user, i) => (pods[i % 2] as ServerProcess).graphql(REGISTER, { deviceId: `race-${String(round)}` }, user)),
      );
      const won = answers.filter(({ body }) => body.data?.registerDevice);
      expect(won.length).toBeLessThanOrEqual(1);
      for (const { body } of answers) {
        if (body.errors) expect(body.errors[0]?.extensions.code).toBe('DEVICE_EXISTS');
      }
      const found = await pods[0].graphql(DEVICE, { id: `race-${String(round)}` });
      expect(found.body.data?.device === null).toBe(won.length === 0);
    }
    await end();
  });

  it('serve uncached while Redis is frozen, keep changes pending, and apply them before the cache is used again', async () => {
    const [a, b] = pods;
    await a.graphql(REGISTER, { deviceId: 'bed-1' }, grower);
    for (const pod of pods) await pod.graphql(DEVICE, { id: 'bed-1|Bed' });

    await redis.pause();
    const changed = await a.graphql(UPDATE, { id: 'bed-1|Bed', text: 'new' }, grower);
    expect(changed.body.data?.updateDevice).toMatchObject({
      device: { description: 'new' },
      invalidation: { status: 'PENDING' },
    });
    expect((await a.graphql(DEVICE, { id: 'bed-1|Bed' })).body.data?.device.description).toBe('new');
    const purge = await a.graphql('mutation { clearCache { id status pattern } }', {}, admin);
    expect(purge.body.data?.clearCache).toMatchObject({ status: 'PENDING', pattern: '*' });
    const pending = (await a.graphql(STATS, {}, admin)).body.data?.cacheStats;
    expect(pending).toMatchObject({
      status: 'DEGRADED',
      keys: null,
      redis: null,
      pendingInvalidations: [{ status: 'PENDING' }, { status: 'PENDING' }],
    });

    redis.resume();
    for (const { id } of [changed.body.data?.updateDevice.invalidation, purge.body.data?.clearCache] as { id: string }[]) {
      await waitFor(async () => {
        const { body } = await b.graphql('query ($id: ID!) { cacheInvalidation(id: $id) { status } }', { id }, admin);
        expect(body.data?.cacheInvalidation).not.toBeNull(); // pending or applied: at no time unknown
        return body.data?.cacheInvalidation.status === 'APPLIED';
      });
    }
    for (const pod of [a, b]) expect((await pod.graphql(DEVICE, { id: 'bed-1|Bed' })).body.data?.device.description).toBe('new');
    await waitFor(async () => (await a.graphql(STATS, {}, admin)).body.data?.cacheStats.status === 'CONNECTED');
    await end();
  });

  it('go on without Redis, and use it again when it is back, empty', async () => {
    const [a] = pods;
    await a.graphql(REGISTER, { deviceId: 'bed-1' }, grower);
    await redis.kill();
    for (let i = 0; i < 20; i++) expect((await a.graphql(DEVICE, { id: 'bed-1|Bed' })).body.data?.device.id).toBe('bed-1|Bed');
    const removed = await a.graphql('mutation { removeDevice(id: "bed-1|Bed") { invalidation { status } } }', {}, grower);
    expect(removed.body.data?.removeDevice.invalidation.status).toBe('PENDING');
    await redis.restart();
    foreignKeys = new Map(); // They went with it.
    await waitFor(async () => (await a.graphql(STATS, {}, admin)).body.data?.cacheStats.status === 'CONNECTED');
    for (const pod of pods) expect((await pod.graphql(DEVICE, { id: 'bed-1|Bed' })).body.data?.device).toBeNull();
    await end();
  });

  it('answer what is cached while MongoDB is gone, and one error for each field that is not', async () => {
    const [a] = pods;
    await a.graphql(REGISTER, { deviceId: 'bed-1' }, grower);
    await a.graphql(DEVICE, { id: 'bed-1|Bed' });
    await mongodb.kill();
    const { body } = await a.graphql(
      `query ($ids: [ID!]!) { cached: device(id: "bed-1|Bed") { id } other: device(id: "bed-9") { id } many: devices(ids: $ids) { id } }`,
      { ids: ['bed-1|Bed', 'bed-7', 'bed-8', 'bed-9'] },
    );
    expect(body.data).toEqual({ cached: { id: 'bed-1|Bed' }, other: null, many: null });
    expect(body.errors?.map(({ path, extensions }) => [path, extensions.code])).toEqual([
      [['other'], 'DATABASE_UNAVAILABLE'],
      [['many'], 'DATABASE_UNAVAILABLE'],
    ]);
    await mongodb.restart();
    await waitFor(async () => (await a.graphql(DEVICE, { id: 'bed-9' })).body.errors === undefined);
    await end();
  });

  async function end(): Promise<void> {
    await expectInvariants({ redis, prefix: CACHE_PREFIX, foreignKeys, servers: pods, secrets });
  }
});

async function bearer(subject: string, permissions: readonly string[]): Promise<Record<string, string>> {
  const token = await new SignJWT({ permissions })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(subject)
    .setExpirationTime('5m')
    .sign(new TextEncoder().encode(JWT_SECRET));
  return { authorization: `Bearer ${token}` };
}
