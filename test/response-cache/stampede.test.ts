/** However many ask for the same at the same time, it is executed once: in the pod, and in the fleet where it is everyone's. */
import { beforeAll, expect, it } from 'vitest';
import { Redis } from 'ioredis';
import { describeWithMongoDb, startMongoDb, type MongoServer } from '../harness/mongodb.js';
import { startRedis, type RedisServer } from '../harness/redis.js';
import type { ServerProcess } from '../harness/server.js';
import { waitFor } from '../harness/wait.js';
import { startHttp } from '../http/http-server.js';
import { bearer, connectMongoDb, seedDevices, update } from '../promises/real-pods.js';
import { ask, knowEachOther, L1_HIT, responseCounts, startPod, startPods } from './answering-pods.js';
import { cacheStatus, exchange, keepAliveAgent, post } from './exchange.js';
import { startAnswerHolder, type AnswerHolder } from './held-answers.js';

const DEVICE = 'query ($id: ID!) { device(id: $id) { id description } }';

describeWithMongoDb('three pods', () => {
  let redis: RedisServer;
  let mongodb: MongoServer;
  let holder: AnswerHolder;
  let pods: ServerProcess[];

  beforeAll(async () => {
    [redis, mongodb] = await Promise.all([startRedis(), startMongoDb()]);
    await seedDevices(await connectMongoDb(mongodb), 40);
    holder = await startAnswerHolder(mongodb.port);
    pods = await startPods(3, { redis: redis.port, mongodb: holder.port });
  });

  /** How many responses were executed, and joined, in the fleet meanwhile. */
  async function executedDuring(action: () => Promise<unknown>): Promise<{ loads: number; coalesced: number }> {
    const before = await responseCounts(pods[0]!);
    await action();
    const after = await responseCounts(pods[0]!);
    // Asking for the counts is executed as well, once in between: the second time it has begun when they are read.
    return { loads: after.loads! - before.loads! - 1, coalesced: after.coalesced! - before.coalesced! };
  }

  it('execute what nobody has asked for before once in each pod, and count it', async () => {
    expect((await executedDuring(() => Promise.resolve())).loads).toBe(0);
    const { loads, coalesced } = await executedDuring(async () => {
      const answers = await Promise.all(Array.from({ length: 50 }, () => ask(pods[0]!, DEVICE, { id: 'bed-0' })));
      for (const { data } of answers) expect(data.device.id).toBe('bed-0|Bed 0');
      const statuses = answers.map(({ status }) => status);
      expect(statuses.filter((status) => status === 'fwd=miss; stored')).toHaveLength(1);
      expect(new Set(statuses)).toEqual(
        new Set(['fwd=miss; stored', 'fwd=miss; collapsed', ...statuses.filter((s) => s === L1_HIT)]),
      );
    });
    expect(loads).toBe(1);
    expect(coalesced).toBeGreaterThan(0);
  });

  it('execute what is everyone’s once in the fleet, while it is being executed', async () => {
    const come = holder.hold('bed-1');
    const { loads } = await executedDuring(async () => {
      const asked = [ask(pods[0]!, DEVICE, { id: 'bed-1' })];
      await come;
      for (let i = 0; i < 30; i++) asked.push(ask(pods[i % 3]!, DEVICE, { id: 'bed-1' }));
      // Each pod has lost its claim, or waits for who has.
      const client = new Redis(redis.url);
      await waitFor(async () => {
        const keys = await client.keys('*lock:response:*');
        return keys.length === 1 && (await client.get(keys[0]!)) === 'pod:wanted';
      }).finally(() => client.disconnect());
      holder.release();
      for (const { data } of await Promise.all(asked)) expect(data.device.id).toBe('bed-1|Bed 1');
    });
    // Who has waited for 250 ms executes it, which on a busy machine is none of these or one.
    expect(loads).toBeLessThanOrEqual(2);
  });

  it('let nobody wait for another pod longer than 250 ms', async () => {
    const come = holder.hold('bed-2');
    const first = ask(pods[0]!, DEVICE, { id: 'bed-2' });
    await come;
    const startedAt = performance.now();
    const second = await ask(pods[1]!, `${DEVICE} # another text`, { id: 'bed-2' }).then(() => performance.now() - startedAt);
    expect(second).toBeLessThan(1_000);
    // The same operation: it waits for the execution, and then its own device load for the other pod's, within one allowance.
    const again = await ask(pods[1]!, DEVICE, { id: 'bed-2' });
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(again.data.device.id).toBe('bed-2|Bed 2');
    holder.release();
    await first;
  });

  it('let no caller wait for what is another’s own', async () => {
    const PRIVATE = '{ deviceListing(first: 7) { edges { node { id } } } }';
    const all = await Promise.all(Array.from({ length: 4 }, (_, i) => bearer(`service ${i}`, ['devices:read'])));
    await ask(pods[0]!, PRIVATE, {}, all[0]); // from now on the pod knows whose its answers are
    const { loads } = await executedDuring(async () => {
      const asked = all.slice(1).flatMap((caller) => Array.from({ length: 10 }, () => ask(pods[0]!, PRIVATE, {}, caller)));
      const statuses = (await Promise.all(asked)).map(({ status }) => status);
      expect(statuses.filter((status) => status === 'fwd=miss; stored')).toHaveLength(3);
    });
    expect(loads).toBe(3);
  });

  it('share the execution that no-cache asks for', async () => {
    await ask(pods[0]!, DEVICE, { id: 'bed-4' });
    const come = holder.hold('bed-5');
    const noCache = { 'cache-control': 'no-cache' };
    const { loads } = await executedDuring(async () => {
      const asked = [ask(pods[0]!, DEVICE, { id: 'bed-5' }, noCache)];
      await come;
      for (let i = 0; i < 20; i++) asked.push(ask(pods[0]!, DEVICE, { id: 'bed-5' }, i % 2 === 0 ? noCache : {}));
      await ask(pods[0]!, DEVICE, { id: 'bed-4' });
      holder.release();
      const statuses = (await Promise.all(asked)).map(({ status }) => status);
      expect(statuses.filter((status) => status === 'fwd=request; stored')).toHaveLength(1);
    });
    expect(loads).toBeLessThanOrEqual(2); // one that came after the first was answered begins another
  });

  it('execute once more, not once for each, when an invalidation overtakes what many wait for', async () => {
    const slow = await startPod({ redis: redis.port, mongodb: holder.port });
    const writer = pods[0]!;
    await knowEachOther([...pods, slow]);
    await update(writer, 6, 'before');
    const come = holder.hold('before');
    const asked = [ask(slow, DEVICE, { id: 'bed-6' })];
    await come;
    for (let i = 0; i < 30; i++) asked.push(ask(slow, DEVICE, { id: 'bed-6' }));
    await ask(slow, '{ __typename }');
    const before = await responseCounts(slow);
    await update(pods[1]!, 6, 'after');
    holder.release();
    const said = (await Promise.all(asked)).map(({ data }) => data.device.description as string);
    expect(new Set(said.slice(1))).toEqual(new Set(['after']));
    const after = await responseCounts(slow);
    expect(after.loads! - before.loads!).toBeLessThanOrEqual(1 + 1 + 1); // the counts themselves, and one for who came late
  });

  it('answer on, each by itself, while Redis is frozen', async () => {
    await redis.pause();
    const answers = await Promise.all(pods.flatMap((pod) => Array.from({ length: 10 }, () => ask(pod, DEVICE, { id: 'bed-7' }))));
    for (const { data } of answers) expect(data.device.id).toBe('bed-7|Bed 7');
    redis.resume();
    await knowEachOther(pods);
  });
});

it('a failing execution is waited for, and answered to each as its own', async () => {
  const http = await startHttp({ responseTtlSeconds: 60 });
  const agent = keepAliveAgent();
  const asked = Array.from({ length: 20 }, () => exchange(agent, http.url, post({ query: '{ gate broken }' })));
  let isDone = false;
  const all = Promise.all(asked).finally(() => (isDone = true));
  let opened = 0;
  await waitFor(() => {
    for (; opened < http.waiting.length; opened++) http.waiting[opened]!();
    return isDone;
  });
  const ids = new Set<string>();
  for (const { status, body, headers } of await all) {
    expect(status).toBe(200);
    const { data, errors } = JSON.parse(body) as { data: unknown; errors: { extensions: { requestId: string } }[] };
    expect(data).toEqual({ gate: 'open', broken: null });
    expect(errors[0]!.extensions.requestId).toBe(headers['x-request-id']);
    ids.add(headers['x-request-id']!);
    expect(cacheStatus({ headers } as never)).toBe('fwd=miss');
  }
  expect(ids.size).toBe(20);
});
