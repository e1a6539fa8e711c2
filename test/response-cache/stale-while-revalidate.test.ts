/**
 * Answers past their time are served at once while they are made anew, where `CACHE_RESPONSE_HINTS` lets them be: by real pods, whose
 * devices another program changes. Never beyond an invalidation, never an absence, never without a lease.
 */
import type { Db } from 'mongodb';
import { beforeAll, expect, it } from 'vitest';
import { describeWithMongoDb, startMongoDb, type MongoServer } from '../harness/mongodb.js';
import { startRedis, type RedisServer } from '../harness/redis.js';
import { startServer, type ServerProcess } from '../harness/server.js';
import { waitFor } from '../harness/wait.js';
import { asAdmin, changeBehindTheirBacks, connectMongoDb, seedDevices, stats, update } from '../promises/real-pods.js';
import { knowEachOther, type PodPorts, responseCounts, startPod } from './answering-pods.js';

const DEVICE = 'query ($id: ID!) { device(id: $id) { description } }';
const LISTING = '{ deviceListing(first: 1, search: "Bed 9") { edges { node { description } } } }';
const SHORT = {
  CACHE_TTL_SECONDS: '1',
  CACHE_NEGATIVE_TTL_SECONDS: '1',
  CACHE_RESPONSE_TTL_SECONDS: '1',
  CACHE_GRACE_SECONDS: '0',
  CACHE_RESPONSE_HINTS: '{"Device":{"staleWhileRevalidate":600}}',
};

interface Seen {
  readonly description: string | null | undefined;
  readonly status: string;
  readonly ttl: number | undefined;
  readonly age: string | null;
}

async function ask(pod: ServerProcess, id: string, headers: Record<string, string> = {}): Promise<Seen> {
  const answer = await pod.graphql<{ device: { description: string } | null }>(DEVICE, { id }, headers);
  expect(answer.body.errors).toBeUndefined();
  const status = answer.headers.get('cache-status') ?? '';
  const ttl = /ttl=(-?\d+)/.exec(status)?.[1];
  const { device } = answer.body.data!;
  return {
    description: device === null ? null : device.description,
    status,
    ttl: ttl === undefined ? undefined : Number(ttl),
    age: answer.headers.get('age'),
  };
}

const isStale = ({ ttl }: Seen): boolean => ttl !== undefined && ttl < 0;

/** Asks until an answer is as wanted; all before it too. */
async function askUntil(pod: ServerProcess, id: string, isWanted: (seen: Seen) => boolean): Promise<Seen[]> {
  const all: Seen[] = [];
  await waitFor(async () => {
    const seen = await ask(pod, id);
    all.push(seen);
    return isWanted(seen);
  });
  return all;
}

async function explain(pod: ServerProcess, key: string): Promise<any> {
  const query = 'query ($key: String!) { explainCacheEntry(key: $key) { reason servable inRedis freshUntil staleUntil } }';
  return (await pod.graphql(query, { key }, await asAdmin())).body.data!.explainCacheEntry;
}

/** Asks until the answer is stored as one that is asked for repeatedly. @returns its key */
async function warm(pod: ServerProcess, id: string): Promise<string> {
  for (let i = 0; i < 3; i++) await ask(pod, id);
  const { body } = await pod.graphql(DEVICE, { id }, { ...(await asAdmin()), 'apollo-cache-debugging': 'true' });
  return (body.extensions as any).apolloCacheDebugging.data[0].key as string;
}

/** Until the time of the answer is over, and of the device in it; nobody asks for them meanwhile. */
async function expired(pod: ServerProcess, id: string, key: string): Promise<void> {
  await waitFor(async () => {
    const { reason, servable, freshUntil, staleUntil } = await explain(pod, key);
    if (!/^It expired \d+ s ago and is served while it is made anew\.$/.test(reason)) return false;
    expect(servable).toBe(true);
    expect(Date.parse(staleUntil) - Date.parse(freshUntil)).toBe(600_000);
    return !(await explain(pod, `device_meta:${id}`)).servable;
  });
}

async function warmAndExpired(pod: ServerProcess, id: string): Promise<void> {
  await expired(pod, id, await warm(pod, id));
}

describeWithMongoDb('answers past their time', () => {
  let redis: RedisServer;
  let mongodb: MongoServer;
  let ports: PodPorts;
  let db: Db;
  let pod: ServerProcess;
  let other: ServerProcess;

  beforeAll(async () => {
    [redis, mongodb] = await Promise.all([startRedis(), startMongoDb()]);
    db = await connectMongoDb(mongodb);
    await seedDevices(db, 30);
    ports = { redis: redis.port, mongodb: mongodb.port };
    pod = await startPod(ports, SHORT);
    other = await startPod(ports, { ...SHORT, CACHE_L1_MAX_BYTES: '1' });
    await knowEachOther([pod, other]);
  });

  it('are served as they are, once for whoever comes first, and then as they have become', async () => {
    await warmAndExpired(pod, 'bed-0');
    await changeBehindTheirBacks(db, 0, 'new');
    const before = await responseCounts(pod);
    const seen = await askUntil(pod, 'bed-0', ({ description }) => description === 'new');
    const stale = seen.filter(isStale);
    expect(stale.length).toBe(seen.length - 1);
    for (const { status, description, age, ttl } of stale) {
      expect(description).toBe('old');
      expect(status).toMatch(/^opensensor; hit; ttl=-\d+; detail=l1$/);
      expect(age).toMatch(/^\d+$/);
      expect(ttl).toBeLessThan(0);
    }
    expect(seen.at(-1)!.status).toMatch(/; hit; ttl=\d+; detail=l1$/);
    const after = await responseCounts(pod);
    expect(after.staleServed! - before.staleServed!).toBe(stale.length);
    expect(after.misses! - before.misses!).toBe(1); // that of the counts themselves
  });

  it('are served out of Redis as well, where another pod finds what was made anew', async () => {
    const key = await warm(pod, 'bed-1');
    await warm(other, 'bed-1');
    await expired(pod, 'bed-1', key);
    await changeBehindTheirBacks(db, 1, 'new');
    const [first] = await askUntil(other, 'bed-1', ({ description }) => description === 'new');
    expect(first).toMatchObject({ description: 'old', status: expect.stringMatching(/ttl=-\d+; detail=l2$/) });
    const seen = await askUntil(pod, 'bed-1', ({ description }) => description === 'new');
    expect(seen.slice(0, -1).every(isStale)).toBe(true);
  });

  it('are made anew once, however many ask', async () => {
    await warmAndExpired(pod, 'bed-2');
    const before = await responseCounts(pod);
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(pod, 'bed-2')));
    expect(answers.filter(isStale).length).toBeGreaterThan(0);
    await askUntil(pod, 'bed-2', (seen) => !isStale(seen));
    // Asking for the counts is executed as well.
    expect((await responseCounts(pod)).loads! - before.loads!).toBeLessThanOrEqual(3);
  });

  it.each([
    ['the pod that has it', () => pod],
    ['another pod', () => other],
  ])('are not served after an invalidation by %s', async (which, by) => {
    await warmAndExpired(pod, 'bed-3');
    const { status } = await update(by(), 3, `changed by ${which}`);
    expect(status).toBe('APPLIED');
    expect(await ask(pod, 'bed-3')).toMatchObject({
      description: `changed by ${which}`,
      status: expect.stringContaining('fwd=miss'),
    });
    expect(await ask(other, 'bed-3')).toMatchObject({ description: `changed by ${which}` });
  });

  it('are not made anew by who says that what it gets must not be stored', async () => {
    await warmAndExpired(pod, 'bed-8');
    await changeBehindTheirBacks(db, 8, 'new');
    const { loads } = await responseCounts(pod);
    for (let i = 0; i < 3; i++) {
      const seen = await ask(pod, 'bed-8', { 'cache-control': 'no-store' });
      expect(seen).toMatchObject({ description: 'old', status: expect.stringMatching(/ttl=-\d+; detail=l1$/) });
    }
    expect((await responseCounts(pod)).loads! - loads!).toBe(1); // that of the counts themselves
    await askUntil(pod, 'bed-8', ({ description }) => description === 'new');
  });

  it('that are being made anew while they are invalidated are not kept', async () => {
    const beds = Array.from({ length: 20 }, (_, i) => 10 + i);
    const keys = await Promise.all(beds.map((i) => warm(pod, `bed-${i}`)));
    for (const [place, i] of beds.entries()) await expired(pod, `bed-${i}`, keys[place]!);
    await Promise.all(
      beds.map(async (i) => {
        const asked = ask(i % 2 === 0 ? pod : other, `bed-${i}`);
        const { status } = await update(i % 3 === 0 ? pod : other, i, `changed ${i}`);
        expect(status).toBe('APPLIED');
        for (const each of [pod, other, pod]) expect((await ask(each, `bed-${i}`)).description).toBe(`changed ${i}`);
        expect(['old', `changed ${i}`]).toContain((await asked).description);
      }),
    );
  });

  it('are not served to who does not want what is stored', async () => {
    await warmAndExpired(pod, 'bed-4');
    await changeBehindTheirBacks(db, 4, 'new');
    const seen = await ask(pod, 'bed-4', { 'cache-control': 'no-cache' });
    expect(seen).toMatchObject({ description: 'new', status: 'opensensor; fwd=request; stored' });
  });

  it('of an absence are none', async () => {
    await warm(pod, 'nobody');
    const seen = await askUntil(pod, 'nobody', ({ status }) => status.includes('fwd=miss'));
    expect(seen.some(isStale)).toBe(false);
  });

  it('do not come back once something else stands in their place', async () => {
    await warmAndExpired(pod, 'bed-5');
    await db.collection('Users').updateOne({ 'api_keys.device_id': 'bed-5' }, { $set: { 'api_keys.$.private_data': true } });
    // Its owner's own from now on, and hidden from others: neither is everyone's, as the old one is.
    const seen = await askUntil(pod, 'bed-5', ({ description }) => description === null);
    expect(seen.slice(0, -1).every(isStale)).toBe(true);
    const later = await askUntil(pod, 'bed-5', ({ status }) => status.includes('fwd=miss'));
    expect(later.every(({ description }) => description === null)).toBe(true);
  });

  it('of a type without a hint are none', async () => {
    const statuses: string[] = [];
    await waitFor(async () => {
      statuses.push((await pod.graphql(LISTING)).headers.get('cache-status') ?? '');
      return statuses.filter((status) => status.includes('fwd=miss')).length === 2;
    });
    expect(statuses.some((status) => status.includes('ttl=-'))).toBe(false);
  });

  it('stay while what they are made of can not be had, and are made anew once it can', async () => {
    await warmAndExpired(pod, 'bed-6');
    await changeBehindTheirBacks(db, 6, 'new');
    await mongodb.pause();
    for (let i = 0; i < 3; i++) expect(await ask(pod, 'bed-6')).toMatchObject({ description: 'old' });
    mongodb.resume();
    await waitFor(async () => (await ask(pod, 'bed-6')).description === 'new', { timeoutMs: 15_000 });
  });

  it('are not served while Redis is out', async () => {
    await warmAndExpired(pod, 'bed-7');
    await changeBehindTheirBacks(db, 7, 'new');
    await redis.pause();
    await waitFor(async () => (await stats(pod)).status === 'DEGRADED');
    expect(await ask(pod, 'bed-7')).toMatchObject({ description: 'new', status: 'opensensor; fwd=bypass' });
    redis.resume();
    await waitFor(async () => (await stats(pod)).status === 'CONNECTED');
  });
});

describeWithMongoDb('pods with other hints', () => {
  it('share no responses, though they share devices', async () => {
    const [redis, mongodb] = await Promise.all([startRedis(), startMongoDb()]);
    await seedDevices(await connectMongoDb(mongodb), 1);
    const ports = { redis: redis.port, mongodb: mongodb.port };
    const CACHE_RESPONSE_HINTS = '{"Device":{"maxAge":50}}';
    const [one, same, another] = await Promise.all([
      startPod(ports, { CACHE_RESPONSE_HINTS }),
      startPod(ports, { CACHE_RESPONSE_HINTS }),
      startPod(ports, { CACHE_RESPONSE_HINTS: '{"Device":{"maxAge":50,"scope":"PRIVATE"}}' }),
    ]);
    await knowEachOther([one, same, another]);
    const key = await warm(one, 'bed-0');
    await waitFor(async () => (await explain(one, key)).inRedis === true);
    expect((await ask(same, 'bed-0')).status).toMatch(/^opensensor; hit; ttl=\d+; detail=l2$/);
    expect((await ask(another, 'bed-0')).status).toBe('opensensor; fwd=miss; stored');
  });
});

it('a hint for what is no type ends the start, and says what there is', async () => {
  const started = startServer({ CACHE_RESPONSE_HINTS: '{"Devise":{"maxAge":1}}' });
  await expect(started).rejects.toThrow(
    /The server can't start: CACHE_RESPONSE_HINTS names Devise, but there are only \*, .*\bDevice\b/,
  );
});

it('a maxAge shortens what is stored, and 0 stores nothing', async () => {
  const server = await startServer({ CACHE_RESPONSE_HINTS: '{"Device":{"maxAge":7},"DeviceConnection":{"maxAge":0}}' });
  const statusOf = async (query: string) => (await server.graphql(query)).headers.get('cache-status');
  const device = '{ device(id: "greenhouse-7f3a") { id } }';
  expect(await statusOf(device)).toBe('opensensor; fwd=miss; stored');
  expect(await statusOf(device)).toMatch(/^opensensor; hit; ttl=[67]; detail=l1$/);
  for (let i = 0; i < 2; i++) {
    expect(await statusOf('{ deviceListing(first: 1) { edges { node { id } } } }')).toBe('opensensor; fwd=miss');
  }
});

it('what is made anew is no part of the trace of who came first, which has ended', async () => {
  const server = await startServer({
    ...SHORT,
    CACHE_RESPONSE_HINTS: '{"*":{"staleWhileRevalidate":600}}',
    NODE_ENV: 'production',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', // where nobody listens
  });
  for (let i = 0; i < 3; i++) {
    await askUntil(server, 'greenhouse-7f3a', isStale);
    await askUntil(server, 'greenhouse-7f3a', (seen) => !isStale(seen));
  }
  await server.stop();
  expect(server.logs().some(({ msg }) => msg === 'stopped')).toBe(true);
  expect(server.logs().filter(({ detail }) => String(detail).includes('ended Span'))).toEqual([]);
});
