import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { beforeEach, expect, it } from 'vitest';
import { startRedis } from './redis.js';
import { startProxy, type TcpProxy } from './tcp-proxy.js';
import { waitFor } from './wait.js';

let proxy: TcpProxy;

beforeEach(async () => {
  const redis = await startRedis();
  proxy = await startProxy(redis.port);
});

class Client {
  received = '';
  closed = false;
  readonly socket: Socket;

  constructor() {
    this.socket = connect(proxy.port, '127.0.0.1');
    this.socket.on('data', (bytes) => (this.received += bytes.toString()));
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => (this.closed = true));
  }

  /** Sends PING and resolves with the milliseconds until its answer was there. */
  async ping(): Promise<number> {
    const start = performance.now();
    this.received = '';
    this.socket.write('PING\r\n');
    await waitFor(() => this.received === '+PONG\r\n');
    return performance.now() - start;
  }
}

it('carries bytes and the end of a connection', async () => {
  const client = new Client();
  await client.ping();
  expect(proxy.connections).toBe(1);
  client.socket.write('QUIT\r\n');
  await waitFor(() => client.closed);
  await waitFor(() => proxy.connections === 0);
});

it('delays each direction', async () => {
  const client = new Client();
  await client.ping();
  proxy.delay(300);
  expect(await client.ping()).toBeGreaterThan(595);
  await proxy.heal();
  expect(await client.ping()).toBeLessThan(500);
});

it('cuts: resets what is open and refuses what is new', async () => {
  const client = new Client();
  await client.ping();
  await proxy.cut();
  await waitFor(() => client.closed);
  const refused = connect(proxy.port, '127.0.0.1');
  const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNREFUSED');
  await proxy.heal();
  await new Client().ping();
});

it('is a black hole: accepts, keeps bytes back, and lets them go on afterwards', async () => {
  const before = new Client();
  await before.ping();
  proxy.blackhole();
  const after = new Client();
  const answers = Promise.all([before.ping(), after.ping()]);
  await waitFor(() => proxy.connections === 2);
  await expect(waitFor(() => before.received !== '' || after.received !== '', { timeoutMs: 200 })).rejects.toThrow(/in vain/);
  await proxy.heal();
  await answers;
});
