/**
 * Pods as an operator runs them, for the tests of single promises: built servers over one MongoDB with known devices and one Redis,
 * and what these tests ask them. Called by the test files beside it.
 */
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { SignJWT } from 'jose';
import { MongoClient, UUID, type Db } from 'mongodb';
import { expect } from 'vitest';
import type { MongoServer } from '../harness/mongodb.js';
import type { RedisServer } from '../harness/redis.js';
import { track } from '../harness/registry.js';
import type { ServerProcess } from '../harness/server.js';

const JWT_SECRET = 'a secret of these tests, 32 bytes or more';
export const PREFIX = 'promises-test:';
/** Who owns all devices. */
export const OWNER = randomUUID();
export const OUTBOX = 'CacheInvalidations';

export const STATS = `{ cacheStats { status complete
  namespaces { name l1Hits l2Hits misses staleServed bypassed loads coalesced }
  pods { id l1Entries l1Bytes leaseHeld namespaces { name l1Hits l2Hits misses staleServed bypassed } }
  pendingInvalidations { id status }
} }`;

export async function bearer(subject: string, permissions: readonly string[]): Promise<Record<string, string>> {
  const token = await new SignJWT({ permissions })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(subject)
    .setExpirationTime('10m')
    .sign(new TextEncoder().encode(JWT_SECRET));
  return { authorization: `Bearer ${token}` };
}

export const asAdmin = () => bearer(randomUUID(), ['cache:admin']);

/** The environment of a pod. @param ports of Redis and MongoDB, or of proxies before them. */
export function podEnvironment(ports: { readonly redis: number; readonly mongodb: number }): Record<string, string> {
  return {
    REDIS_URL: `redis://127.0.0.1:${ports.redis}`,
    MONGODB_URL: `mongodb://127.0.0.1:${ports.mongodb}`,
    JWT_SECRET,
    CACHE_PREFIX: PREFIX,
    CACHE_BUDGET_MS: '2000', // that a busy machine takes its time is no fault of Redis
    CACHE_RESPONSE_TTL_SECONDS: '0', // what is asked of devices is looked up each time
    NODE_ENV: 'test',
  };
}

export async function connectMongoDb({ url }: MongoServer): Promise<Db> {
  const client = new MongoClient(url);
  track({ name: 'MongoDB client of the test', close: () => client.close() });
  await client.connect();
  return client.db('default');
}

export function connectRedis({ url }: RedisServer): Redis {
  const client = new Redis(url);
  client.on('error', () => undefined); // it is killed and frozen in some tests
  track({ name: 'Redis client of the test', close: () => Promise.resolve(client.disconnect()) });
  return client;
}

/** Devices `bed-0|Bed 0` and so on, whose description is `old`. */
export async function seedDevices(db: Db, count: number): Promise<void> {
  const keys = Array.from({ length: count }, (_, i) => ({
    key: `key-${i}`,
    device_id: `bed-${i}`,
    device_name: `Bed ${i}`,
    description: 'old',
    private_data: false,
  }));
  const user = { _id: new UUID(OWNER) as never, api_keys: keys, commands_issued: [], collection_name: 'FreeTier' };
  await db.collection('Users').replaceOne({ _id: user._id }, user, { upsert: true });
}

/** Changes a device past our servers. */
export async function changeBehindTheirBacks(db: Db, i: number, description: string): Promise<void> {
  await db
    .collection('Users')
    .updateOne({ 'api_keys.device_id': `bed-${i}` }, { $set: { 'api_keys.$.description': description } });
}

/** The description of a device; null when there is none. */
export async function descriptionOf(pod: ServerProcess, i: number): Promise<string | null> {
  const { body } = await pod.graphql<{ device: { description: string } | null }>(
    'query ($id: ID!) { device(id: $id) { description } }',
    { id: `bed-${i}` },
  );
  expect(body.errors).toBeUndefined();
  return body.data!.device?.description ?? null;
}

export interface Changed {
  readonly id: string;
  readonly status: string;
}

/** Gives a device another description, as its owner. */
export async function update(pod: ServerProcess, i: number, description: string): Promise<Changed> {
  const { body } = await pod.graphql(
    'mutation ($id: ID!, $text: String!) { updateDevice(id: $id, input: { description: $text }) { invalidation { id status } } }',
    { id: `bed-${i}|Bed ${i}`, text: description },
    await bearer(OWNER, []),
  );
  if (body.errors !== undefined) throw Object.assign(new Error('the change failed'), { code: body.errors[0]!.extensions.code });
  return body.data!.updateDevice.invalidation as Changed;
}

/** Registers a device, as its owner. @returns what became of the invalidation. */
export async function register(pod: ServerProcess, deviceId: string, name: string): Promise<string> {
  const { body } = await pod.graphql(
    'mutation ($input: RegisterDeviceInput!) { registerDevice(input: $input) { invalidation { status } } }',
    { input: { deviceId, name } },
    await bearer(OWNER, []),
  );
  expect(body.errors).toBeUndefined();
  return body.data!.registerDevice.invalidation.status as string;
}

/** What became of an invalidation; null when nobody knows. */
export async function statusOf(pod: ServerProcess, id: string): Promise<string | null> {
  const query = 'query ($id: ID!) { cacheInvalidation(id: $id) { status } }';
  const { body } = await pod.graphql(query, { id }, await asAdmin());
  return (body.data?.cacheInvalidation?.status as string | undefined) ?? null;
}

export async function stats(pod: ServerProcess): Promise<any> {
  return (await pod.graphql(STATS, {}, await asAdmin())).body.data!.cacheStats;
}
