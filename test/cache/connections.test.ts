import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import type { RedisConfig } from '../../src/config-redis.js';
import { openRedis } from '../../src/connections.js';
import { freePort } from '../harness/ports.js';
import { startRedis } from '../harness/redis.js';
import { track } from '../harness/registry.js';
import { waitFor } from '../harness/wait.js';
import { startNonsense } from './tampering-proxy.js';

/** Counts who connects to a port. */
async function countConnections(port: number): Promise<{ readonly count: () => number }> {
  let connections = 0;
  const server: Server = createServer((socket) => {
    connections++;
    socket.on('error', () => undefined);
    socket.destroy();
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  track({ name: 'counter of connections', close: () => new Promise((resolve) => server.close(resolve)) });
  return { count: () => connections };
}

/** Attempts that were under way may end; none follows within more than the longest pause between two. */
async function expectSilence({ count }: { readonly count: () => number }): Promise<void> {
  const underWay = count() + 3;
  await expect(waitFor(() => count() > underWay, { timeoutMs: 1_500 })).rejects.toThrow('in vain');
}

/** Where nobody listens. */
const NOBODY: readonly ((port: number) => RedisConfig)[] = [
  (port) => ({ kind: 'single', urls: [`redis://127.0.0.1:${port}`] }),
  (port) => ({ kind: 'cluster', urls: [`redis://127.0.0.1:${port}`, `redis://127.0.0.1:${port}`] }),
  (port) => ({ kind: 'sentinel', urls: [`redis+sentinel://127.0.0.1:${port}/main`] }),
];

describe('connections to one Redis, a Cluster or Sentinels that are not there', () => {
  it('are tried again and again, each failure told, until they are closed', async () => {
    const tryThenClose = async (configOf: (port: number) => RedisConfig): Promise<void> => {
      const port = await freePort();
      const failed = new Map<string, number>();
      const connections = await openRedis(configOf(port), (connection, error) => {
        expect(error).toBeInstanceOf(Error);
        failed.set(connection, (failed.get(connection) ?? 0) + 1);
      });
      await waitFor(() => (failed.get('redis values') ?? 0) > 2);
      const attempts = await countConnections(port);
      await waitFor(() => attempts.count() > 3, { describe: 'another attempt' });
      connections.close();
      await expectSilence(attempts);
    };
    await Promise.all(NOBODY.map(tryThenClose));
  });

  it('can be closed at once', async () => {
    const closeAtOnce = async (configOf: (port: number) => RedisConfig): Promise<void> => {
      const port = await freePort();
      const connections = await openRedis(configOf(port), () => undefined);
      connections.close();
      await expectSilence(await countConnections(port));
    };
    await Promise.all(NOBODY.map(closeAtOnce));
  });
});

describe('connections to a Redis', () => {
  it('that are closed while they are being made leave none behind', async () => {
    const redis = await startRedis();
    const client = new Redis(redis.url);
    track({ name: 'Redis client of the test', close: () => Promise.resolve(client.disconnect()) });
    for (let i = 0; i < 10; i++) {
      const connections = await openRedis({ kind: 'single', urls: [redis.url] }, () => undefined);
      for (let turn = 0; turn < i; turn++) await new Promise((resolve) => setImmediate(resolve));
      connections.close();
    }
    await waitFor(async () => ((await client.client('LIST')) as string).trim().split('\n').length === 1);
  });

  it.each([
    ['null', '$-1\r\n'],
    ['null, as RESP3 has it', '_\r\n'],
    ['a number', ':1\r\n'],
    ['an error', '-ERR\r\n'],
    ['a list', '*1\r\n$-1\r\n'],
    ['a push', '>2\r\n+message\r\n_\r\n'],
    ['a push of null', '>1\r\n_\r\n'],
    ['a push of nothing', '>0\r\n'],
    ['news of a subscription that there is not', '>3\r\n+unsubscribe\r\n_\r\n:0\r\n'],
  ])('that is answered more often than it has asked, with %s, fails and ends nothing else', async (_what, reply) => {
    const port = await startNonsense(reply.repeat(10));
    const errors: unknown[] = [];
    const connections = await openRedis({ kind: 'single', urls: [`redis://127.0.0.1:${port}`] }, (_connection, error) =>
      errors.push(error),
    );
    await waitFor(() => errors.length > 3);
    connections.close();
    expect(errors.filter((error) => !(error instanceof Error))).toEqual([]);
  });

  it('with a wrong password fail and say so, without the password', async () => {
    const redis = await startRedis({ args: ['--requirepass', 'right-pass'] });
    const errors: unknown[] = [];
    const connections = await openRedis(
      { kind: 'single', urls: [`redis://:wrong-pass@127.0.0.1:${redis.port}`] },
      (_connection, error) => errors.push(error),
    );
    await waitFor(() => errors.length > 3);
    connections.close();
    expect(errors.filter((error) => !(error instanceof Error))).toEqual([]);
    const told = errors.map(String).join('\n');
    expect(told).toMatch(/WRONGPASS|NOAUTH/);
    expect(told).not.toContain('wrong-pass');
  });
});
