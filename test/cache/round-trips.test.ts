import { Redis } from 'ioredis';
import { beforeEach, expect, it } from 'vitest';
import { startRedis } from '../harness/redis.js';
import { track } from '../harness/registry.js';
import { startProxy, type TcpProxy } from '../harness/tcp-proxy.js';
import { waitFor } from '../harness/wait.js';
import { openPod, type Pod, PREFIX } from './pods.js';
import { DEVICES, Source } from './source.js';

let client: Redis;
let proxy: TcpProxy;
let pod: Pod;
let source: Source;
const IDS = Array.from({ length: 200 }, (_, i) => `sensor-${i}`);

beforeEach(async () => {
  const redis = await startRedis();
  client = new Redis(redis.url);
  track({ name: 'Redis client of the test', close: () => Promise.resolve(client.disconnect()) });
  proxy = await startProxy(redis.port);
  pod = await openPod('one', `redis://127.0.0.1:${proxy.port}`, { l1MaxBytes: 1 }); // too little for any entry: every read asks Redis
  source = new Source();
});

/** Commands that the scripts of the bus use, and the connections for themselves; none of them touches a value. */
const NOT_VALUES =
  /^(evalsha|eval|hget|hset|hdel|hgetall|xlen|xrange|xadd|expire|time|info|publish|subscribe|ping|config|client|hello|script|command|pttl|del$)/;

/** How often Redis was asked what while `action` ran, bookkeeping left out. */
async function commandsDuring(action: () => Promise<unknown>): Promise<Record<string, number>> {
  await client.config('RESETSTAT');
  await action();
  const calls = [...(await client.info('commandstats')).matchAll(/cmdstat_(\S+?):calls=(\d+)/g)];
  return Object.fromEntries(
    calls.map(([, name, count]) => [name!, Number(count)] as const).filter(([name]) => !NOT_VALUES.test(name)),
  );
}

const count = async (pattern: string) => (await client.eval(`return #redis.call('KEYS', '${PREFIX}${pattern}')`, 0)) as number;
const stored = () => count('device_meta:*');
/** Everything loaded is stored, and marked so. */
const isDone = async (keys: number) => (await stored()) === keys && (await claimed()) === 0;
/** A claim lives for two seconds, a mark for half of one. */
async function claimed(): Promise<number> {
  const locks = await client.keys(`${PREFIX}{bus}lock:*`);
  const ttlMs = await Promise.all(locks.map((key) => client.pttl(key)));
  return ttlMs.filter((ms) => ms > 500).length;
}
/** What a load of so many keys costs Redis: in one script a claim on each, a flight of writes, and in another script a mark on each. */
const costOfLoad = (keys: number) => ({ mget: 1, get: keys, set: 3 * keys });

it('asks once for a batch, and writes what was missing once', async () => {
  const cold = await commandsDuring(async () => {
    await source.read(pod.cache, IDS);
    await waitFor(() => isDone(IDS.length));
  });
  expect(cold).toEqual({ ...costOfLoad(IDS.length), keys: cold.keys });
  expect(source.questions).toEqual([IDS]);

  const warm = await commandsDuring(() => source.read(pod.cache, IDS));
  expect(warm).toEqual({ mget: 1 });
  expect(source.questions).toHaveLength(1);
});

it('asks once for hits, misses, absences, expired and corrupt rows alike, and deletes none of them', async () => {
  const short = { ...DEVICES, ttlSeconds: 0.1 };
  source.remove('sensor-0');
  await source.read(pod.cache, IDS.slice(0, 50));
  await source.read(pod.cache, IDS.slice(50, 100), { namespace: short });
  await waitFor(async () => (await stored()) === 100);
  await client.mset(...IDS.slice(100, 120).flatMap((id) => [`${PREFIX}device_meta:${id}`, 'garbage']));
  await client.lpush(`${PREFIX}device_meta:${IDS[120]!}`, 'of another type');
  const writtenAt = performance.now();
  await waitFor(() => performance.now() - writtenAt > 1_000 * short.ttlSeconds);
  await waitFor(async () => (await count('{bus}lock:*')) === 0); // else what has expired would be looked for once more
  source.questions.length = 0;
  const mixed = await commandsDuring(async () => {
    await source.read(pod.cache, IDS);
    await waitFor(() => isDone(IDS.length));
  });
  expect(mixed).toEqual({ ...costOfLoad(source.questions[0]!.length), keys: mixed.keys });
  expect(source.questions).toEqual([IDS.slice(50)]);
});

it('asks nothing for nothing', async () => {
  expect(await commandsDuring(() => source.read(pod.cache, []))).toEqual({});
});

it('sends all writes in one flight', async () => {
  proxy.delay(30); // each way: one after the other they would take twelve seconds
  const startedAt = performance.now();
  await source.read(pod.cache, IDS);
  await waitFor(async () => (await stored()) === IDS.length);
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});

it('needs none of them to be awaited: a read is over when the source has answered', async () => {
  proxy.delay(100);
  const startedAt = performance.now();
  await source.read(pod.cache, IDS, { budgetMs: 2_000 });
  const tookMs = performance.now() - startedAt;
  expect(tookMs).toBeGreaterThan(395);
  expect(tookMs).toBeLessThan(550); // 200 for the MGET, 200 for the claims; 600 with the writes
});

it('keeps batches apart that are under way together', async () => {
  const before = await commandsDuring(async () => {
    await Promise.all(Array.from({ length: 10 }, (_, i) => source.read(pod.cache, IDS.slice(i * 20, i * 20 + 20))));
    await waitFor(() => isDone(IDS.length));
  });
  expect(before).toEqual({ ...costOfLoad(IDS.length), mget: 10, keys: before.keys });
});
