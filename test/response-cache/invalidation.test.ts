/** One invalidation ends devices and whole responses alike, on every pod, before it is answered (P1). */
import type { Redis } from 'ioredis';
import type { Db } from 'mongodb';
import { beforeAll, expect, it } from 'vitest';
import { describeWithMongoDb, startMongoDb, type MongoServer } from '../harness/mongodb.js';
import { startRedis, type RedisServer } from '../harness/redis.js';
import type { ServerProcess } from '../harness/server.js';
import { waitFor } from '../harness/wait.js';
import {
  asAdmin,
  bearer,
  changeBehindTheirBacks,
  connectMongoDb,
  connectRedis,
  OWNER,
  PREFIX,
  seedDevices,
  update,
} from '../promises/real-pods.js';
import { ask, knowEachOther, L1_HIT, patchedServer, startPod, startPods } from './answering-pods.js';
import { startAnswerHolder } from './held-answers.js';

const DEVICE = 'query ($id: ID!) { device(id: $id) { id description } }';
const DEVICES = 'query ($ids: [ID!]!) { devices(ids: $ids) { id description } }';
const LISTING = '{ deviceListing(first: 500) { edges { node { id description } } } }';

describeWithMongoDb('three pods', () => {
  let redis: RedisServer;
  let mongodb: MongoServer;
  let db: Db;
  let client: Redis;
  let pods: ServerProcess[];
  let owner: Record<string, string>;
  let admin: Record<string, string>;

  beforeAll(async () => {
    [redis, mongodb] = await Promise.all([startRedis(), startMongoDb()]);
    [db, client] = [await connectMongoDb(mongodb), connectRedis(redis)];
    await seedDevices(db, 6);
    pods = await startPods(3, { redis: redis.port, mongodb: mongodb.port });
    [owner, admin] = [await bearer(OWNER, []), await asAdmin()];
  });

  /** What is asked of every pod: one device, it among others, and lists. */
  const questions = (id: string): [string, Record<string, unknown>, Record<string, string>][] => [
    [DEVICE, { id }, {}],
    [DEVICE, { id }, owner],
    [DEVICES, { ids: ['bed-5', id] }, {}],
    [LISTING, {}, {}],
    [LISTING, {}, admin],
  ];

  /** Until every pod answers all of it from its memory. */
  async function warm(id: string): Promise<void> {
    for (const pod of pods) {
      for (const question of questions(id)) {
        await waitFor(async () => (await ask(pod, ...question)).status === L1_HIT);
      }
    }
  }

  /** What every pod says of the device from now on, `null` when it says there is none; each way to ask must agree. */
  async function saidOf(id: string): Promise<Set<string | null>> {
    const said = new Set<string | null>();
    for (const pod of pods) {
      for (const question of questions(id)) {
        const { data } = await ask(pod, ...question);
        const nodes =
          data.device !== undefined ? [data.device] : (data.devices ?? data.deviceListing.edges.map(({ node }: any) => node));
        const found = nodes.find((node: any) => node?.id.startsWith(`${id}|`));
        said.add(found?.description ?? null);
      }
    }
    return said;
  }

  const mutate = async (pod: ServerProcess, mutation: string, caller: Record<string, string>) => {
    const { body } = await pod.graphql(`mutation { ${mutation} }`, {}, caller);
    expect(body.errors).toBeUndefined();
    const [payload] = Object.values<any>(body.data!);
    expect((payload.invalidation ?? payload).status).toBe('APPLIED');
  };

  it('forget a device that one of them changes, and nothing else', async () => {
    for (const [i, pod] of pods.entries()) {
      await warm('bed-0');
      await ask(pods[0]!, DEVICE, { id: 'bed-1' });
      expect((await update(pod, 0, `from pod ${i}`)).status).toBe('APPLIED');
      expect(await saidOf('bed-0')).toEqual(new Set([`from pod ${i}`]));
      expect((await ask(pods[0]!, DEVICE, { id: 'bed-1' })).status).toBe(L1_HIT);
    }
  });

  it('forget that there was none, and lists without it, when a device appears, and the reverse', async () => {
    for (const round of [1, 2]) {
      await warm('comet');
      expect(await saidOf('comet')).toEqual(new Set([null]));
      const input = `{ deviceId: "comet", name: "Comet", description: "round ${round}" }`;
      await mutate(pods[round]!, `registerDevice(input: ${input}) { invalidation { status } }`, owner);
      expect(await saidOf('comet')).toEqual(new Set([`round ${round}`]));
      await warm('comet');
      await mutate(pods[0]!, 'removeDevice(id: "comet|Comet") { invalidation { status } }', owner);
      expect(await saidOf('comet')).toEqual(new Set([null]));
    }
  });

  it('forget what was hidden from a caller, and what was shown', async () => {
    const seen = async () => {
      const all = await Promise.all(pods.map((pod) => ask(pod, DEVICE, { id: 'bed-3' })));
      return new Set(all.map(({ data }) => data.device === null));
    };
    for (const [visibility, isHidden] of [
      ['PRIVATE', true],
      ['PUBLIC', false],
      ['PRIVATE', true],
      ['PUBLIC', false],
    ] as const) {
      for (const pod of pods) await waitFor(async () => (await ask(pod, DEVICE, { id: 'bed-3' })).status === L1_HIT);
      await mutate(
        pods[1]!,
        `updateDevice(id: "bed-3", input: { visibility: ${visibility} }) { invalidation { status } }`,
        owner,
      );
      expect(await seen()).toEqual(new Set([isHidden]));
    }
  });

  it.each([
    ['by id', 'invalidateDevices(ids: ["bed-2"]) { status }'],
    ['by the name of its key', 'invalidateCache(pattern: "device_meta:bed-2") { status }'],
    ['by a pattern of devices', 'invalidateCache(pattern: "device_*") { status }'],
    ['by a pattern of everything', 'invalidateCache(pattern: "*") { status }'],
    ['altogether', 'clearCache { status }'],
  ])('forget what was purged %s', async (how, mutation) => {
    await warm('bed-2');
    const [before] = await saidOf('bed-2');
    await changeBehindTheirBacks(db, 2, how);
    expect(await saidOf('bed-2')).toEqual(new Set([before]));
    await mutate(pods[2]!, mutation, admin);
    const asked = (await Promise.all(pods.map((pod) => ask(pod, DEVICE, { id: 'bed-2' })))).map(
      ({ data }) => data.device.description,
    );
    expect(new Set(asked)).toEqual(new Set([how]));
    if (how !== 'by the name of its key') expect(await saidOf('bed-2')).toEqual(new Set([how]));
    await mutate(pods[2]!, 'clearCache { status }', admin);
  });

  it('forget responses alone when they alone are purged', async () => {
    await warm('bed-2');
    await waitFor(async () => (await client.keys(`${PREFIX}response:*`)).length > 0);
    const stored = await client.keys(`${PREFIX}response:*`);
    const { body } = await pods[0]!.graphql(
      'mutation { invalidateCache(pattern: "response:*") { status matched removed } }',
      {},
      admin,
    );
    expect(body.data!.invalidateCache).toEqual({ status: 'APPLIED', matched: stored.length, removed: stored.length });
    for (const pod of pods) expect((await ask(pod, DEVICE, { id: 'bed-2' })).status).not.toMatch(/^hit/);
    expect(await client.keys(`${PREFIX}device_meta:*`)).not.toEqual([]);
  });

  it('refuse the API key of a device that was removed, whatever they have stored for it', async () => {
    const { body } = await pods[0]!.graphql(
      'mutation { registerDevice(input: { deviceId: "meteor", name: "Meteor", visibility: PRIVATE }) { apiKey } }',
      {},
      owner,
    );
    const asDevice = { 'x-api-key': body.data!.registerDevice.apiKey as string };
    for (const pod of pods) await waitFor(async () => (await ask(pod, DEVICE, { id: 'meteor' }, asDevice)).status === L1_HIT);
    await mutate(pods[1]!, 'removeDevice(id: "meteor|Meteor") { invalidation { status } }', owner);
    for (const pod of pods) expect((await pod.graphql(DEVICE, { id: 'meteor' }, asDevice)).status).toBe(401);
  });

  /** What a pod says after a change that overtook the execution of its first answer; who waited for that one came after the change. */
  async function saidAfterOvertaking(i: number, directory?: string): Promise<string[]> {
    const holder = await startAnswerHolder(mongodb.port);
    const slow = await startPod({ redis: redis.port, mongodb: holder.port }, {}, directory);
    await knowEachOther([...pods, slow]);
    const describe = async (pod: ServerProcess) => (await ask(pod, DEVICE, { id: `bed-${i}` })).data.device.description as string;
    await update(pods[0]!, i, 'before');
    const come = holder.hold('before');
    const first = describe(slow);
    await come;
    expect((await update(pods[0]!, i, 'after')).status).toBe('APPLIED');
    const waiting = [describe(slow), describe(slow)];
    await ask(slow, '{ __typename }'); // they have come when one behind them is answered
    holder.release();
    expect(['before', 'after']).toContain(await first);
    const said = [...(await Promise.all(waiting)), await describe(slow), await describe(slow), await describe(pods[2]!)];
    await slow.stop();
    return said;
  }

  it('never store a response that an invalidation has overtaken', async () => {
    expect(await saidAfterOvertaking(4)).toEqual(Array(5).fill('after'));
  });

  it('would store it if its stamp were taken when it is finished: so the test above would see that', async () => {
    const directory = patchedServer('response-cache/attempt.js', /begun\.stamp\.seq/, 'bodies.begin().stamp.seq');
    expect(await saidAfterOvertaking(5, directory)).toContain('before');
  });
});
