import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { beforeEach, describe, expect, it } from 'vitest';
import { startRedis, type RedisServer } from '../harness/redis.js';
import { track } from '../harness/registry.js';
import { waitFor } from '../harness/wait.js';
import { openPod, type Pod, PREFIX } from './pods.js';
import { Source } from './source.js';
import { startNonsense, startTamperingProxy, type Tamper, type TamperingProxy } from './tampering-proxy.js';
import { BUDGET_MS, median, Readers, SLACK_MS, timedRead, worstOverBudget } from './timed-reads.js';

let source: Source;
beforeEach(() => {
  source = new Source();
});

describe('a server that is no Redis', () => {
  it.each([
    ['text', 'I am a teapot\r\n'],
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'],
    ['OK to everything', '+OK\r\n'],
    ['null to everything', '$-1\r\n'],
    ['one to everything', ':1\r\n'],
    ['an error to everything', '-ERR nonsense\r\n'],
    ['a request to log in', '-NOAUTH Authentication required.\r\n'],
    ['an empty list', '*0\r\n'],
    ['lists in lists', '*1\r\n'.repeat(2_000)],
    ['a long list without an end', '*1000000\r\n'],
    ['a long text without an end', '$536870912\r\nbeginning'],
    ['a negative length', '$-5\r\n'],
    ['an impossible length', '$99999999999999999999\r\n'],
    ['half a reply', '*2\r\n$3\r\nfo'],
    ['bytes', Buffer.from(Array.from({ length: 256 }, (_, i) => i))],
    ['zeroes', Buffer.alloc(1_024)],
    ['nothing', ''],
  ])('and answers with %s is not used, and holds no read up', async (_what, reply) => {
    const port = await startNonsense(reply);
    const pod = await openPod('one', `redis://127.0.0.1:${port}`, { start: false });
    const starting = pod.cache.start();
    const reads = [];
    for (let i = 0; i < 40; i++) reads.push(await timedRead(source, pod.cache, `sensor-${i % 3}`));
    expect(worstOverBudget(reads)).toBeLessThan(SLACK_MS);
    expect(median(reads)).toBeLessThan(BUDGET_MS / 2);
    await expect(pod.cache.invalidate(['device:x'])).rejects.toThrow('did not take');
    expect(pod.cache.status).toBe('DEGRADED');
    expect(pod.leases).toEqual([]);
    const closing = performance.now();
    await pod.close();
    expect(performance.now() - closing).toBeLessThan(1_000);
    await starting;
  });
});

describe('a server that speaks the protocol and makes no sense', () => {
  const ANSWERS = [
    ['+OK', '+PONG', '+QUEUED', '-ERR x', '-NOSCRIPT x', '-MOVED 1 127.0.0.1:1', '-ASK 1 nowhere:1', '-LOADING x', '-READONLY x'],
    ['$-1', '_', ':1', ',1.5', '#t', '(123', '$3\r\nabc', '$0\r\n', '=5\r\ntxt:a', '!3\r\nERR', '$5\r\nab', '', 'x', '\0'],
    ['*0', '*-1', '*2', '%1', '~1', '>0', '>1', '>2\r\n+invalidate\r\n_', '|1\r\n+a\r\n+b', '*1\r\n$-1', '%1\r\n+proto\r\n:3'],
    ['>3\r\n+subscribe\r\n+x\r\n:1', '>3\r\n+unsubscribe\r\n_\r\n:0', '>3\r\n+message\r\n+x\r\n+y', '*3\r\n+message\r\n+x\r\n+y'],
    ['*6\r\n+e\r\n:1\r\n:0\r\n*0\r\n*0\r\n*2\r\n:1\r\n:1', '*4\r\n+e\r\n:1\r\n*0\r\n+x'],
  ].flat();

  it('fails no read and ends no process, whatever it says', async () => {
    const some = <T>(from: readonly T[]) => from[Math.floor(Math.random() * from.length)]!;
    const port = await startNonsense(() =>
      Array.from({ length: 1 + Math.floor(Math.random() * 6) }, () => `${some(ANSWERS)}\r\n`).join(''),
    );
    const until = performance.now() + 3_000;
    let reads = 0;
    while (performance.now() < until) {
      const pod = await openPod('one', `redis://127.0.0.1:${port}`, { start: false });
      const starting = pod.cache.start();
      for (let i = 0; i < 20; i++, reads++) {
        expect(await source.version(pod.cache, 'x', { budgetMs: BUDGET_MS })).toBe(1);
        await expect(pod.cache.invalidate(['device:x'])).rejects.toThrow('did not take');
        const asked = [pod.cache.dryRun('*'), pod.cache.entries('*', 5, undefined), pod.cache.findInvalidation(randomUUID())];
        await Promise.allSettled([...asked, pod.cache.snapshot()]);
      }
      await pod.close();
      await starting;
    }
    expect(reads).toBeGreaterThan(50);
  });
});

describe('a Redis whose answers are falsified on the way', () => {
  let redis: RedisServer;
  let proxy: TamperingProxy;
  let pod: Pod;
  let readers: Readers;
  beforeEach(async () => {
    redis = await startRedis();
    proxy = await startTamperingProxy(redis.port);
    pod = await openPod('one', `redis://127.0.0.1:${proxy.port}`);
    readers = new Readers(source, pod.cache);
    track({ name: 'readers', close: () => readers.stop() });
    await waitFor(() => readers.reads.length > 100);
  });

  const FAULTS: readonly [string, Tamper][] = [
    ['replaced by nonsense', () => Buffer.from('nonsense\r\n')],
    ['replaced by nulls', () => Buffer.from('$-1\r\n')],
    ['replaced by numbers', () => Buffer.from(':7\r\n')],
    ['cut in the middle', (bytes) => ({ last: bytes.subarray(0, bytes.length >> 1) })],
    ['doubled', (bytes) => Buffer.concat([bytes, bytes])],
    ['swallowed', () => Buffer.alloc(0)],
    ['shortened', (bytes) => bytes.subarray(0, bytes.length - 3)],
    ['reversed', (bytes) => Buffer.from(bytes.toReversed())],
  ];

  it.each(FAULTS)(
    '%s: no read fails, waits or gets what is not its own; afterwards Redis is used again',
    async (_what, tamper) => {
      // Each reader throws when it is handed another id than it asked for.
      const since = performance.now();
      proxy.tamper = (bytes) => {
        const sent = tamper(bytes);
        return Buffer.isBuffer(sent) ? sent : { last: sent.last };
      };
      await waitFor(() => performance.now() - since > 800);
      expect(readers.since(since).length).toBeGreaterThan(300);
      proxy.tamper = undefined;
      await waitFor(
        async () => {
          const id = `fresh-${Math.random()}`;
          await source.read(pod.cache, [id]);
          await source.read(pod.cache, [id]);
          return source.timesAsked(id) === 1;
        },
        { timeoutMs: 10_000, describe: 'Redis to be used again' },
      );
      await readers.stop();
      expect(readers.errors).toEqual([]);
      expect(worstOverBudget(readers.reads)).toBeLessThan(SLACK_MS);
    },
  );
});

describe('an answer of Redis that belongs to another question', () => {
  let redis: RedisServer;
  beforeEach(async () => {
    redis = await startRedis();
  });

  it('is not served: an MGET whose values are in another order', async () => {
    const client = new Redis(redis.url);
    track({ name: 'Redis client of the test', close: () => Promise.resolve(client.disconnect()) });
    const pod = await openPod('one', redis.url, { l1MaxBytes: 1 });
    const ids = ['a', 'b', 'c'];
    await source.read(pod.cache, ids);
    const keys = ids.map((id) => `${PREFIX}device_meta:${id}`);
    const texts = await waitFor(async () => {
      const found = await client.mget(...keys);
      return found.includes(null) ? undefined : (found as string[]);
    });
    await client.mset(keys[0]!, texts[1]!, keys[1]!, texts[2]!, keys[2]!, texts[0]!);
    expect(await source.read(pod.cache, ids)).toEqual(ids.map((id) => ({ id, version: 1 })));
    expect(source.questions).toEqual([ids, ids]);
  });

  it('is no lease: with news that is older than the question a pod does not serve what it has not heard of', async () => {
    const proxy = await startTamperingProxy(redis.port);
    const [far, near] = [await openPod('far', `redis://127.0.0.1:${proxy.port}`), await openPod('near', redis.url)];
    await source.read(near.cache, ['x']);
    await near.cache.invalidate(['nothing']);
    proxy.replay = (question) => question.includes('far:'); // a sync
    for (let i = 2; i < 6; i++) {
      source.change('x');
      await near.cache.invalidate(['device:x']);
      expect(await source.version(far.cache, 'x')).toBe(i);
    }
    proxy.replay = undefined;
    await waitFor(() => far.cache.status === 'CONNECTED', { describe: 'its connection to be in step again' });
  });

  it('is no acknowledgement: an invalidation that was lost on the way is not taken for another one that arrived', async () => {
    const proxy = await startTamperingProxy(redis.port);
    const pod = await openPod('far', `redis://127.0.0.1:${proxy.port}`);
    await pod.cache.invalidate(['nothing']);
    let losses = 0;
    proxy.lose = (bytes) => bytes.includes('device:x') && losses++ === 0;
    const lost = pod.cache.invalidate(['device:x']);
    const told = expect(lost).rejects.toThrow('did not take');
    await waitFor(() => losses > 0);
    await Promise.allSettled([told, pod.cache.invalidate(['device:y'])]);
    await told;
  });
});
