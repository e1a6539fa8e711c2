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

/** Longer than the longest pause between two attempts to connect. */
const LONGER_THAN_A_RETRY_MS = 1_200;

describe.each<[string, (port: number) => RedisConfig]>([
  ['one Redis', (port) => ({ kind: 'single', urls: [`redis://127.0.0.1:${port}`] })],
  ['a Cluster', (port) => ({ kind: 'cluster', urls: [`redis://127.0.0.1:${port}`, `redis://127.0.0.1:${port}`] })],
  ['Sentinels', (port) => ({ kind: 'sentinel', urls: [`redis+sentinel://127.0.0.1:${port}/main`] })],
])('connections to %s that is not there', (_what, configOf) => {
  it('are tried again and again, each failure told, until they are closed', async () => {
    const port = await freePort();
    const failed = new Map<string, number>();
    const connections = await openRedis(configOf(port), (connection, error) => {
      expect(error).toBeInstanceOf(Error);
      failed.set(connection, (failed.get(connection) ?? 0) + 1);
    });
    await waitFor(() => (failed.get('redis values') ?? 0) > 2);
    const before = await countConnections(port);
    await waitFor(() => before.count() > 3, { describe: 'another attempt' });
    connections.close();
    const settled = before.count();
    const after = waitFor(() => before.count() > settled + 3, { timeoutMs: LONGER_THAN_A_RETRY_MS });
    await expect(after).rejects.toThrow('in vain');
  });

  it('can be closed at once', async () => {
    const port = await freePort();
    const connections = await openRedis(configOf(port), () => undefined);
    connections.close();
    const after = await countConnections(port);
    await expect(waitFor(() => after.count() > 0, { timeoutMs: LONGER_THAN_A_RETRY_MS })).rejects.toThrow('in vain');
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
