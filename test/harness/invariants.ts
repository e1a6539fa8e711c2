/**
 * What must hold after every test with real parts, whatever the test was about: keys in Redis are ours and end by themselves, or are
 * foreign and untouched; nothing secret has left the process. Called by tests. That nothing stays open is `setup.ts`'s business.
 */
import { Redis } from 'ioredis';
import { expect } from 'vitest';
import type { ManagedProcess } from './process.js';
import type { RedisServer } from './redis.js';

/** Keys that another application has in the same Redis, as they were planted: value and expiry. */
export type ForeignKeys = ReadonlyMap<string, string>;

export interface Invariants {
  readonly redis?: RedisServer;
  /** `CACHE_PREFIX` of the servers. */
  readonly prefix?: string;
  /** What {@link plantForeignKeys} answered. */
  readonly foreignKeys?: ForeignKeys;
  readonly servers?: readonly ManagedProcess[];
  /** API keys, tokens, passwords that the test has used. */
  readonly secrets?: readonly string[];
}

/**
 * Puts keys of other applications into Redis that a careless purge would take along: the older API's, one that our prefix almost
 * begins, one that begins with our prefix but is no entry of ours, and names that are globs.
 */
export async function plantForeignKeys(redis: RedisServer, prefix: string): Promise<ForeignKeys> {
  const shorter = prefix.slice(0, -1);
  const names = [
    'opensensor:get_device_info_cached:greenhouse-7f3a',
    'device_meta:greenhouse-7f3a',
    shorter,
    `${shorter}-other:device_meta:greenhouse-7f3a`,
    `${prefix}staging:device_meta:greenhouse-7f3a`,
    `x${prefix}device_meta:greenhouse-7f3a`,
    prefix.toUpperCase(),
    '*',
    `${shorter}?`,
    `[${prefix}]*`,
    `\\${prefix}\\*`,
  ];
  return await withClient(redis, async (client) => {
    for (const name of names) await client.set(name, `value of ${name}`);
    await client.hset(`${shorter}hash`, { field: 'value' });
    await client.set(`${shorter}expiring`, 'value', 'EX', 3_600);
    const planted = [...names, `${shorter}hash`, `${shorter}expiring`];
    return new Map(await Promise.all(planted.map(async (key) => [key, await fingerprint(client, key)] as const)));
  });
}

/** Fails the test with everything that does not hold. */
export async function expectInvariants(invariants: Invariants): Promise<void> {
  const { redis, prefix = '', foreignKeys = new Map<string, string>(), servers = [], secrets = [] } = invariants;
  const problems = servers.flatMap((server) => findSecrets(server, secrets));
  if (redis?.running === true) {
    problems.push(...(await withClient(redis, (client) => checkKeys(client, prefix, foreignKeys, secrets))));
  }
  if (problems.length > 0) expect.fail(problems.join('\n'));
}

async function checkKeys(client: Redis, prefix: string, foreignKeys: ForeignKeys, secrets: readonly string[]): Promise<string[]> {
  const problems: string[] = [];
  for (const [key, planted] of foreignKeys) {
    if ((await fingerprint(client, key)) !== planted) problems.push(`the foreign key ${key} was changed or removed`);
  }
  for (const key of await client.keys('*')) {
    if (foreignKeys.has(key)) continue;
    if (!key.startsWith(prefix)) problems.push(`${key} is not under our prefix`);
    if ((await client.pttl(key)) === -1) problems.push(`${key} has no TTL`);
    const value = (await client.type(key)) === 'string' ? await client.getBuffer(key) : null;
    if (value !== null && secrets.some((secret) => value.includes(secret))) problems.push(`the value of ${key} holds a secret`);
  }
  return problems;
}

/** Demo tokens are printed on purpose: on lines of their own, and in the commands to paste. */
const DEMO_TOKEN_LINE = /^((admin|grower|service): \S+$|curl )/;
/** Header, payload and signature of a JSON Web Token. */
const TOKEN = /eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+/;

function findSecrets(server: ManagedProcess, secrets: readonly string[]): string[] {
  const lines = [...server.stdout.filter((line) => !DEMO_TOKEN_LINE.test(line)), ...server.stderr];
  const leaks = lines.filter((line) => TOKEN.test(line) || secrets.some((secret) => line.includes(secret)));
  return leaks.map((line) => `${server.name} has printed a secret: ${line}`);
}

/** Value and time of expiry. DUMP answers the same bytes as long as nobody writes. */
async function fingerprint(client: Redis, key: string): Promise<string> {
  const value = (await client.dumpBuffer(key)) as Buffer | null;
  const expiresAt = await client.call('PEXPIRETIME', key);
  return `${value?.toString('base64') ?? 'gone'} ${String(expiresAt)}`;
}

async function withClient<T>(redis: RedisServer, use: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(redis.url, { lazyConnect: true, retryStrategy: () => null, commandTimeout: 5_000 });
  await client.connect();
  try {
    return await use(client);
  } finally {
    client.disconnect();
  }
}
