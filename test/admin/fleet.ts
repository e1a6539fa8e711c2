/**
 * What the admin page is shown over: pods of the built server on one Redis and one MongoDB, with devices and readers. Called by the
 * page's tests and by `npm run screenshots`.
 */
import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { type MongoServer, startMongoDb } from '../harness/mongodb-server.js';
import { freePort } from '../harness/ports.js';
import { type RedisServer, startRedis } from '../harness/redis.js';
import { type ServerProcess, startServer } from '../harness/server.js';
import { waitFor } from '../harness/wait.js';

const JWT_SECRET = 'a secret of the admin page, 32 bytes or more';
const REGISTER = `mutation ($input: RegisterDeviceInput!) { registerDevice(input: $input) { device { id } } }`;
const READ = 'query ($ids: [ID!]!) { devices(ids: $ids) { id description deviceIds } }';

const EXPLAIN = 'query ($key: String!) { explainCacheEntry(key: $key) { servable inRedis } }';

export interface AdminFleet {
  readonly redis: RedisServer;
  readonly mongodb: MongoServer;
  readonly pods: readonly ServerProcess[];
  /** Ids of devices that are there. */
  readonly ids: readonly string[];
}

export interface AdminFleetOptions {
  readonly pods: readonly string[];
  readonly devices?: number;
  readonly redisArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export async function startAdminFleet({
  pods: names,
  devices = 12,
  redisArgs = [],
  env,
}: AdminFleetOptions): Promise<AdminFleet> {
  const [redis, mongodb] = await Promise.all([startRedis({ args: redisArgs }), startMongoDb()]);
  // A port of its own each, so that one that is started again is where it was.
  const pods = await Promise.all(
    names.map(async (name) =>
      startServer({
        PORT: String(await freePort()),
        POD_NAME: name,
        NODE_ENV: 'test',
        LOG_LEVEL: 'warn',
        REDIS_URL: redis.url,
        MONGODB_URL: mongodb.url,
        JWT_SECRET,
        ...env,
      }),
    ),
  );
  const grower = { authorization: `Bearer ${await token([], randomUUID())}` };
  const ids = Array.from(
    { length: devices },
    (_, number) => `${['greenhouse', 'cellar', 'field'][number % 3] ?? ''}-${String(number).padStart(4, '0')}`,
  );
  for (const deviceId of ids) {
    const { body } = await (pods[0] as ServerProcess).graphql(
      REGISTER,
      { input: { deviceId, name: `Bed ${deviceId.slice(-2)}` } },
      grower,
    );
    if (body.errors) throw new Error(body.errors[0]?.message);
  }
  return { redis, mongodb, pods, ids };
}

/** @param permissions as `PERMISSIONS_CLAIM` has them. */
export async function token(
  permissions: readonly string[],
  subject = 'ops@growers.example',
  expires: string | Date = '1h',
): Promise<string> {
  return new SignJWT({ permissions })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(subject)
    .setExpirationTime(expires)
    .sign(new TextEncoder().encode(JWT_SECRET));
}

/** Reads devices on a pod. */
export async function read(pod: ServerProcess, ids: readonly string[]): Promise<void> {
  await pod.graphql(READ, { ids: [...ids] });
}

/** Reads devices on the first pod until their entries are there: a busy machine may keep it from its lease, and then nothing is kept. */
export async function cache({ pods: [pod] }: AdminFleet, ids: readonly string[]): Promise<void> {
  const admin = { authorization: `Bearer ${await token(['cache:read'])}` };
  await waitFor(
    async () => {
      await read(pod!, ids);
      const entries = await Promise.all(ids.map((id) => pod!.graphql(EXPLAIN, { key: `device_meta:${id}` }, admin)));
      return entries.every(({ body }) => body.data?.explainCacheEntry?.servable && body.data.explainCacheEntry.inRedis);
    },
    { timeoutMs: 20_000, describe: 'the devices to be cached' },
  );
}
