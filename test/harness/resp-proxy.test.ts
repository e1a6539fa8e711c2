import { createClient, type RedisClientType } from '@keyv/redis';
import { Redis } from 'ioredis';
import { beforeEach, describe, expect, it } from 'vitest';
import { startRedis } from './redis.js';
import { track } from './registry.js';
import { type RespProxy, startRespProxy } from './resp-proxy.js';
import { waitFor } from './wait.js';

let proxy: RespProxy;
let target: number;

beforeEach(async () => {
  target = (await startRedis()).port;
  proxy = await startRespProxy(target);
});

function open(port = proxy.port, commandTimeout = 2_000): Redis {
  const client = new Redis(port, '127.0.0.1', { commandTimeout, retryStrategy: () => 20 });
  client.on('error', () => undefined);
  track({ name: 'client', close: () => Promise.resolve(client.disconnect()) });
  return client;
}

/** A client that speaks RESP3. */
async function openNewer(): Promise<RedisClientType> {
  const client = createClient({ url: `redis://127.0.0.1:${proxy.port}`, RESP: 3 }) as unknown as RedisClientType;
  client.on('error', () => undefined);
  await client.connect();
  track({ name: 'client', close: () => Promise.resolve(client.destroy()) });
  return client;
}

describe('without rules', () => {
  it('passes what both protocols say, large, nested, binary and empty', async () => {
    const [old, newer] = [open(), await openNewer()];
    const value = Buffer.from([0, 13, 10, 36, 255, ...Buffer.alloc(300_000, 'x\r\n')]);
    await old.set('k', value);
    expect(await old.getBuffer('k')).toEqual(value);
    expect(await old.mget('none', 'k', 'none')).toEqual([null, value.toString(), null]);
    expect(await old.eval("return {1, {'a', {}}, false, {err = 'E'}}", 0).catch(String)).toEqual(expect.anything());
    await newer.hSet('h', { a: '1', b: '' });
    expect({ ...(await newer.hGetAll('h')) }).toEqual({ a: '1', b: '' });
    expect(await newer.get('none')).toBeNull();
    await expect(newer.sendCommand(['NONSENSE'])).rejects.toThrow(/unknown command/);
    expect(await Promise.all([newer.get('none'), newer.hGet('h', 'a'), newer.ping()])).toEqual([null, '1', 'PONG']);
  });

  it('passes messages, whatever protocol subscribes', async () => {
    const [subscriber, newer, publisher] = [open(), await openNewer(), open()];
    const heard: string[] = [];
    subscriber.on('message', (_channel, message) => heard.push(`old ${message}`));
    await subscriber.subscribe('c');
    await newer.subscribe('c', (message) => heard.push(`new ${message}`));
    await publisher.publish('c', '1');
    await waitFor(() => heard.length === 2);
    expect(heard.sort()).toEqual(['new 1', 'old 1']);
    expect([proxy.count('subscriber'), proxy.count('values')]).toEqual([2, 0]);
  });
});

describe('a rule', () => {
  it('delays the chosen reply and what follows it, and ends', async () => {
    const client = open();
    await client.set('k', 'v');
    const rule = proxy.add({ on: 'reply', commands: ['GET'], action: { kind: 'delay', ms: 300 } });
    const startedAt = performance.now();
    await client.ping();
    expect(performance.now() - startedAt).toBeLessThan(250);
    expect(await Promise.all([client.get('k'), client.ping()])).toEqual(['v', 'PONG']);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(299);
    rule.end();
    const before = performance.now();
    await client.get('k');
    expect(performance.now() - before).toBeLessThan(250);
    expect(rule.struck).toBe(1);
  });

  it('holds commands until it ends, in their order', async () => {
    const client = open();
    await client.ping();
    const rule = proxy.add({ on: 'command', commands: ['SET'], action: { kind: 'hold' } });
    const answers = Promise.all([client.set('k', '1'), client.get('k')]);
    await waitFor(() => rule.struck === 1);
    expect(await open(target).get('k')).toBeNull();
    rule.end();
    expect(await answers).toEqual(['OK', '1']);
  });

  it('cuts the connection at a reply, when Redis has done what was asked', async () => {
    const client = new Redis(proxy.port, '127.0.0.1', { maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false });
    client.on('error', () => undefined);
    track({ name: 'client', close: () => Promise.resolve(client.disconnect()) });
    await client.ping();
    const rule = proxy.add({ on: 'reply', commands: ['INCR'], action: { kind: 'cut' } });
    await expect(client.incr('n')).rejects.toThrow();
    rule.end();
    expect(await open(target).get('n')).toBe('1');
    expect(rule.struck).toBe(1);
  });

  it('slices replies', async () => {
    const client = open();
    await client.set('k', 'a longer value');
    const rule = proxy.add({ on: 'reply', action: { kind: 'slice', bytes: 3, gapMs: 1 } });
    expect(await Promise.all([client.get('k'), client.mget('k', 'l')])).toEqual(['a longer value', ['a longer value', null]]);
    expect(rule.struck).toBe(2);
  });

  it('swallows a reply, after which each reply is taken for another', async () => {
    const client = open(proxy.port, 300);
    await client.ping();
    const rule = proxy.add({ on: 'reply', commands: ['GET'], every: 2, action: { kind: 'swallow' } });
    await client.set('a', 'of a');
    const answers = ['a', 'a', 'c'].map((key) => client.get(key).catch(() => 'none'));
    expect(await Promise.all(answers)).toEqual(['of a', null, 'none']);
    expect(rule.struck).toBe(1);
  });

  it('answers in place of Redis, in turn', async () => {
    const client = open();
    await client.set('k', 'v');
    const rule = proxy.add({
      on: 'command',
      commands: ['GET'],
      every: 2,
      action: { kind: 'answer', reply: '-LOADING wait\r\n' },
    });
    const answers = await Promise.all([client.get('k'), client.get('k').catch(String), client.ping()]);
    expect(answers).toEqual(['v', 'ReplyError: LOADING wait', 'PONG']);
    expect(rule.struck).toBe(1);
  });

  it('strikes one kind of connection, and messages', async () => {
    const [subscriber, commands, values, publisher] = [open(), open(), open(), open(target)];
    const heard: string[] = [];
    subscriber.on('message', (_channel, message) => heard.push(message));
    await Promise.all([subscriber.subscribe('c'), commands.eval('return 1', 0), values.mget('k')]);
    const lost = proxy.add({ on: 'push', action: { kind: 'swallow' } });
    await publisher.publish('c', 'lost');
    await waitFor(() => lost.struck === 1);
    lost.end();
    const held = proxy.add({ on: 'command', connection: 'commands', action: { kind: 'hold' } });
    const waiting = commands.ping();
    await values.ping();
    await publisher.publish('c', 'heard');
    await waitFor(() => heard.length > 0);
    expect(heard).toEqual(['heard']);
    held.end();
    await waiting;
  });
});

it('resets one kind of connections, cuts all, and listens again', async () => {
  const [values, commands] = [open(), open()];
  await Promise.all([values.mget('k'), commands.eval('return 1', 0)]);
  expect(proxy.reset('values')).toBe(1);
  await waitFor(() => values.status === 'ready');
  expect(commands.status).toBe('ready');
  expect(await proxy.cut()).toBe(2);
  await waitFor(() => values.status === 'reconnecting');
  await proxy.listen();
  await waitFor(() => values.status === 'ready' && commands.status === 'ready');
});
