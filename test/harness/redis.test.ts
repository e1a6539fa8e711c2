import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { startRedis } from './redis.js';

/** The first bytes that the port answers to PING, or `silence` after 300 ms, or the code of the connection's error. */
function ping(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.setTimeout(300, () => socket.destroy());
    socket.once('data', (bytes) => {
      resolve(bytes.toString().trim());
      socket.destroy();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? error.message);
    });
    socket.once('close', () => {
      resolve('silence');
    });
  });
}

it('starts, freezes, thaws, dies and comes back on its port', async () => {
  const redis = await startRedis();
  expect(await ping(redis.port)).toBe('+PONG');

  await redis.pause();
  expect(await ping(redis.port)).toBe('silence');
  redis.resume();
  expect(await ping(redis.port)).toBe('+PONG');

  await redis.kill();
  expect(await ping(redis.port)).toBe('ECONNREFUSED');
  await redis.restart();
  expect(await ping(redis.port)).toBe('+PONG');

  await redis.pause();
  expect(await redis.stop()).toBe(0);
  expect(redis.running).toBe(false);
});

it('takes more options, and says what a server that ends at once has printed', async () => {
  const redis = await startRedis({ args: ['--requirepass', 'open sesame'] });
  expect(await ping(redis.port)).toMatch(/^-NOAUTH/);
  await expect(startRedis({ port: redis.port })).rejects.toThrow(/Address already in use/);
});
