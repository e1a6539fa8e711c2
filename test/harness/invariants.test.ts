import { Redis } from 'ioredis';
import { beforeEach, describe, expect, it } from 'vitest';
import { expectInvariants, plantForeignKeys, type ForeignKeys } from './invariants.js';
import { startProcess, type ManagedProcess } from './process.js';
import { startRedis, type RedisServer } from './redis.js';

const PREFIX = 'opensensor-graphql:';

describe('keys in Redis', () => {
  let redis: RedisServer;
  let foreignKeys: ForeignKeys;

  beforeEach(async () => {
    redis = await startRedis();
    foreignKeys = await plantForeignKeys(redis, PREFIX);
  });

  async function run(...commands: (readonly [string, ...string[]])[]): Promise<void> {
    const client = new Redis(redis.url);
    for (const [name, ...args] of commands) await client.call(name, args);
    client.disconnect();
  }

  const check = () => expectInvariants({ redis, prefix: PREFIX, foreignKeys, secrets: ['hunter2'] });

  it('pass when ours expire and foreign ones are as they were', async () => {
    await run(['SET', `${PREFIX}device_meta:a`, '1', 'EX', '60'], ['GET', '*']);
    await check();
  });

  it.each([
    ['a key of ours without TTL', ['SET', `${PREFIX}device_meta:a`, '1'], /device_meta:a has no TTL/],
    ['a key outside the prefix', ['SET', 'stray', '1', 'EX', '60'], /stray is not under our prefix/],
    ['a secret in a value', ['SET', `${PREFIX}device_meta:a`, 'is hunter2', 'EX', '60'], /holds a secret/],
    ['a foreign key removed', ['UNLINK', '*'], /foreign key \* was changed/],
    [
      'a foreign key changed',
      ['SET', 'device_meta:greenhouse-7f3a', 'other'],
      /foreign key device_meta:greenhouse-7f3a was changed/,
    ],
    ['a foreign key that expires', ['EXPIRE', `${PREFIX}staging:device_meta:greenhouse-7f3a`, '60'], /staging:.* was changed/],
  ] as const)('fail for %s', async (_what, command, message) => {
    await run(command);
    await expect(check()).rejects.toThrow(message);
  });
});

describe('lines printed', () => {
  const token = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl';

  function print(...lines: string[]): Promise<ManagedProcess> {
    const script = `console.log(${JSON.stringify(lines.join('\n'))}); console.log('done'); setInterval(() => {}, 1000)`;
    return startProcess({
      name: 'printer',
      command: process.execPath,
      args: ['-e', script],
      isReady: (seen) => seen.includes('done'),
    });
  }

  it('may be demo tokens, each on a line of its own', async () => {
    await expectInvariants({ servers: [await print(`admin: ${token}`, `service: ${token}`)], secrets: [token] });
  });

  it.each([`{"authorization":"Bearer ${token}"}`, `intruder: ${token}`, `admin: ${token} again`, 'mongodb://user:hunter2@host'])(
    'fail with a secret: %s',
    async (line) => {
      const servers = [await print(line)];
      await expect(expectInvariants({ servers, secrets: ['hunter2'] })).rejects.toThrow(/has printed a secret/);
    },
  );
});
