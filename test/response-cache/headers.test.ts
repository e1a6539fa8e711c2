/** The headers of answers that are stored, cold and warm: `cache-status` in every form, `age`, `etag`, and those of the request. */
import { request as httpRequest, type Agent } from 'node:http';
import { beforeEach, describe, expect, it } from 'vitest';
import { describeWithMongoDb, startMongoDb } from '../harness/mongodb.js';
import { startRedis } from '../harness/redis.js';
import { track } from '../harness/registry.js';
import { startServer, type ServerProcess } from '../harness/server.js';
import { waitFor } from '../harness/wait.js';
import { ORIGIN, startHttp, type TestHttp } from '../http/http-server.js';
import { connectMongoDb, connectRedis, podEnvironment, PREFIX, seedDevices, stats } from '../promises/real-pods.js';
import { cacheStatus, exchange, get, keepAliveAgent, post, type Request } from './exchange.js';

let http: TestHttp;
let agent: Agent;
beforeEach(async () => {
  http = await startHttp({ responseTtlSeconds: 60 });
  agent = keepAliveAgent();
});

const HELLO = post({ query: '{hello}' });
const ask = (request: Request) => exchange(agent, http.url, request);
const statusOf = async (request: Request) => cacheStatus(await ask(request));
const HIT = 'hit; ttl=n; detail=l1';

describe('cache-status', () => {
  it('tells a first answer from those of the memory', async () => {
    expect((await ask(HELLO)).headers['cache-status']).toBe('opensensor; fwd=miss; stored');
    for (let i = 0; i < 3; i++) {
      expect((await ask(HELLO)).headers['cache-status']).toMatch(/^opensensor; hit; ttl=5[3-9]; detail=l1$/);
    }
    expect(await statusOf(get({ query: '{hello}' }))).toBe(HIT); // the same operation
    expect(await statusOf(post({ query: '{ hello }' }))).toBe('fwd=miss; stored'); // another text
  });

  it.each([
    ['an error', '{broken}', 'fwd=miss'],
    ['what must not be stored', '{unstorable}', 'fwd=miss'],
    ['a mutation', 'mutation {change}', 'fwd=bypass'],
  ])('says the same each time of %s', async (_what, query, status) => {
    for (let i = 0; i < 3; i++) expect(await statusOf(post({ query }))).toBe(status);
  });

  it('says bypass of extensions, but for persisted queries', async () => {
    for (let i = 0; i < 2; i++) expect(await statusOf(post({ query: '{hello}', extensions: { trace: 1 } }))).toBe('fwd=bypass');
    expect(await statusOf(post({ query: '{hello}', extensions: {} }))).toBe('fwd=miss; stored');
    expect(await statusOf(post({ query: '{hello}', extensions: null }))).toBe(HIT);
  });

  it('says bypass while nothing is stored at all', async () => {
    const off = await startHttp({ responseTtlSeconds: 0 });
    for (let i = 0; i < 2; i++) {
      const answer = await exchange(agent, off.url, HELLO);
      expect([cacheStatus(answer), answer.headers.age]).toEqual(['fwd=bypass', undefined]);
    }
  });

  it("follows the client's cache-control", async () => {
    const withDirective = (directive: string) => post({ query: '{hello}' }, { 'cache-control': directive });
    expect(await statusOf(withDirective('no-store'))).toBe('fwd=miss');
    expect(await statusOf(withDirective('no-cache, no-store'))).toBe('fwd=request');
    expect(await statusOf(withDirective('No-Cache'))).toBe('fwd=request; stored');
    expect(await statusOf(HELLO)).toBe(HIT);
    expect(await statusOf(HELLO)).toBe(HIT);
    expect(await statusOf(withDirective('no-cache'))).toBe('fwd=request; stored');
    expect(await statusOf(withDirective('max-age=0'))).toBe('fwd=request; stored');
    expect(await statusOf(withDirective('max-age=60'))).toBe(HIT);
  });

  it('goes on with the answer that a no-cache has brought', async () => {
    for (let i = 0; i < 3; i++) await ask(HELLO); // in the main part of memory
    const firstAt = performance.now();
    await waitFor(async () => Number((await ask(HELLO)).headers.age) >= 1);
    expect(performance.now() - firstAt).toBeGreaterThan(500);
    expect(await statusOf(post({ query: '{hello}' }, { 'cache-control': 'no-cache' }))).toBe('fwd=request; stored');
    expect((await ask(HELLO)).headers.age).toBe('0');
  });

  it('tells who was answered by the execution of another', async () => {
    const gate = post({ query: '{gate}' });
    const first = ask(gate);
    await waitFor(() => http.waiting.length === 1);
    const others = [
      ask(gate),
      ask(gate),
      ask(get({ query: '{gate}' })),
      ask(post({ query: '{gate}' }, { 'cache-control': 'no-cache' })),
    ];
    // All are there once the last one is answered that came behind them.
    await ask(post({ query: '{hello}' }));
    await waitFor(() => http.waiting.length === 1);
    http.waiting[0]!();
    expect(cacheStatus(await first)).toBe('fwd=miss; stored');
    for (const answer of await Promise.all(others)) {
      expect([answer.status, answer.body]).toEqual([200, '{"data":{"gate":"open"}}\n']);
      expect(['fwd=miss; collapsed', HIT]).toContain(cacheStatus(answer));
      if (cacheStatus(answer) === 'fwd=miss; collapsed') expect(answer.headers.age).toBeUndefined();
    }
    expect(http.waiting).toHaveLength(1);
    expect(await statusOf(gate)).toBe(HIT);
  });
});

describeWithMongoDb('cache-status of a fleet', () => {
  it('tells what came from Redis, and what stands in while the database is down', async () => {
    const [redis, mongodb] = await Promise.all([startRedis(), startMongoDb()]);
    const db = await connectMongoDb(mongodb);
    await seedDevices(db, 2);
    await db.collection('Users').updateOne({ 'api_keys.device_id': 'bed-1' }, { $set: { 'api_keys.$.private_data': true } });
    const env = {
      ...podEnvironment({ redis: redis.port, mongodb: mongodb.port }),
      CACHE_RESPONSE_TTL_SECONDS: '60',
      CACHE_TTL_SECONDS: '1',
      CACHE_NEGATIVE_TTL_SECONDS: '1',
    };
    const [one, other] = await Promise.all([startServer(env), startServer(env)]);
    for (const pod of [one, other]) await waitFor(async () => (await stats(pod)).pods.length === 2);
    const request = post({ query: '{ __typename }' });
    const at = async (pod: ServerProcess, asked = request) => cacheStatus(await exchange(agent, pod.url, asked));
    expect([await at(one), await at(one)]).toEqual(['fwd=miss; stored', HIT]);
    const client = connectRedis(redis);
    await waitFor(async () => (await client.keys(`${PREFIX}response:*`)).length === 1);
    expect([await at(other), await at(other)]).toEqual(['hit; ttl=n; detail=l2', HIT]);
    const byGet = get({ query: '{ __typename }' });
    expect([await at(other, byGet), await at(other, byGet)]).toEqual([HIT, HIT]);

    const device = post({ query: '{ device(id: "bed-0") { id } }' });
    const [hidden, absent] = ['bed-1', 'comet'].map((id) => post({ query: `{ device(id: "${id}") { id } }` })) as [
      Request,
      Request,
    ];
    for (const asked of [device, hidden, absent]) expect(await at(one, asked)).toBe('fwd=miss; stored');
    await mongodb.kill();
    const stale = await waitFor(
      async () => {
        const answer = await exchange(agent, one.url, device);
        return cacheStatus(answer) === 'fwd=stale' ? answer : undefined;
      },
      { timeoutMs: 10_000 },
    );
    expect(stale.headers).toMatchObject({ 'cache-control': 'no-store' });
    expect(JSON.parse(stale.body)).toMatchObject({ data: { device: { id: 'bed-0|Bed 0' } }, extensions: { stale: {} } });
    expect(await at(one, device)).toBe('fwd=stale'); // never stored

    // What is hidden does not stand in, any more than what is absent.
    const [ofHidden, ofAbsent] = await Promise.all(
      [hidden, absent].map(async (asked) => {
        const { status, headers, body } = await exchange(agent, one.url, asked);
        const { errors, ...rest } = JSON.parse(body) as { errors?: { message: string; extensions: { code: string } }[] };
        return {
          status,
          control: headers['cache-control'],
          cache: headers['cache-status'],
          code: errors?.map(({ extensions }) => extensions.code),
          ...rest,
        };
      }),
    );
    expect(ofHidden).toEqual(ofAbsent);
    expect(ofHidden!.code).toEqual(['DATABASE_UNAVAILABLE']);
  });
});

describe('age', () => {
  it('is the time since the execution began, on hits only', async () => {
    const gate = post({ query: '{gate}' });
    const first = ask(gate);
    await waitFor(() => http.waiting.length === 1);
    const beganAt = performance.now();
    await waitFor(() => performance.now() - beganAt > 1_100);
    http.waiting[0]!();
    expect((await first).headers.age).toBeUndefined();
    const hit = await ask(gate);
    expect(Number(hit.headers.age)).toBeGreaterThanOrEqual(1);
    const ttlSeconds = Number(/ttl=(\d+)/.exec(hit.headers['cache-status']!)![1]);
    expect(ttlSeconds + Number(hit.headers.age)).toBeLessThanOrEqual(60);
  });
});

describe('etag', () => {
  it('is the same cold and warm, on GET and HEAD only', async () => {
    const request = get({ query: '{hello}' });
    const cold = await ask(request);
    expect(cold.headers.etag).toMatch(/^"[\w-]{27}"$/);
    for (let i = 0; i < 2; i++) expect((await ask(request)).headers.etag).toBe(cold.headers.etag);
    const head = await ask({ ...request, method: 'HEAD' });
    expect([head.status, head.body, head.headers.etag, head.headers['content-length']]).toEqual([
      200,
      '',
      cold.headers.etag,
      String(cold.body.length),
    ]);
    for (let i = 0; i < 2; i++) expect((await ask(HELLO)).headers.etag).toBeUndefined();
    expect((await ask(get({ query: '{nothing}' }))).headers.etag).not.toBe(cold.headers.etag);
  });

  it('makes it a 304 without a body, cold and warm', async () => {
    const tag = (await ask(get({ query: '{hello}' }))).headers.etag!;
    for (const ifNoneMatch of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
      const bytes = get({ query: '{hello}', variables: '{}' }, { 'if-none-match': ifNoneMatch, origin: ORIGIN });
      for (const cacheControl of ['no-cache', 'max-age=60', 'max-age=60']) {
        const answer = await ask({ ...bytes, headers: { ...bytes.headers, 'cache-control': cacheControl } });
        expect([answer.status, answer.body]).toEqual([304, '']);
        expect(answer.headers).toMatchObject({
          etag: tag,
          vary: 'authorization, x-api-key, accept, origin',
          'cache-control': 'public, max-age=0, must-revalidate',
          'access-control-allow-origin': ORIGIN,
        });
        expect(answer.headers['cache-status']).toBeDefined();
        expect(answer.headers['content-type']).toBeUndefined();
        expect(answer.headers['content-length']).toBeUndefined();
      }
    }
    for (const [method, value, status] of [
      ['GET', '"other"', 200],
      ['GET', tag.slice(1, -1), 200],
      ['HEAD', tag, 304],
    ] as const) {
      expect((await ask({ ...get({ query: '{hello}' }, { 'if-none-match': value }), method })).status).toBe(status);
    }
    expect((await ask(post({ query: '{hello}' }, { 'if-none-match': tag }))).status).toBe(200);
  });

  it('is not there, nor a 304, on what is not stored by anyone', async () => {
    for (const query of ['{broken}', '{unstorable}', '{nowhere}']) {
      const answer = await ask(get({ query }, { 'if-none-match': '*' }));
      expect(answer.status).not.toBe(304);
      expect(answer.headers.etag).toBeUndefined();
    }
  });
});

describe('what belongs to the request', () => {
  it('is of each, on hits too: request id and CORS', async () => {
    await ask(HELLO);
    const seen = new Set<string>();
    for (const origin of [ORIGIN, 'http://localhost:3000', 'https://elsewhere.example', undefined]) {
      const answer = await ask(post({ query: '{hello}' }, origin === undefined ? {} : { origin }));
      expect(cacheStatus(answer)).toBe(HIT);
      expect(answer.headers['access-control-allow-origin']).toBe(origin === 'https://elsewhere.example' ? undefined : origin);
      expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
      expect(answer.headers.vary).toBe('authorization, x-api-key, accept, origin');
      seen.add(answer.headers['x-request-id']!);
    }
    expect(seen.size).toBe(4);
    expect((await ask(post({ query: '{hello}' }, { 'x-request-id': 'mine.1' }))).headers['x-request-id']).toBe('mine.1');
    expect((await ask(post({ query: '{hello}' }, { 'x-request-id': 'not mine' }))).headers['x-request-id']).toMatch(
      /^[\w-]{36}$/,
    );
  });

  it('depends on the credentials alone: cache-control', async () => {
    const authorization = `Bearer ${http.tokens.grower}`;
    for (let i = 0; i < 3; i++) {
      expect((await ask(HELLO)).headers['cache-control']).toBe('public, max-age=0, must-revalidate');
      const { headers } = await ask(post({ query: '{hello}' }, { authorization }));
      expect(headers['cache-control']).toBe('private, max-age=0, must-revalidate');
    }
  });

  it('is a line of the log for each, hits too', async () => {
    const request = post({ query: 'query Greet {hello}' });
    for (let i = 0; i < 3; i++) await ask(request);
    await waitFor(() => http.logs.filter(({ operation }) => operation === 'Greet').length === 3);
    const lines = http.logs.filter(({ operation }) => operation === 'Greet');
    const { requestId: _, milliseconds: __, time: ___, ...first } = lines[0]!;
    for (const line of lines) expect(line).toMatchObject(first);
    expect(first).toMatchObject({ route: '/graphql', operationType: 'query', principal: 'ANONYMOUS', status: 200 });
  });
});

it('ends connections while draining, on hits too', async () => {
  await ask(HELLO);
  expect(await statusOf(HELLO)).toBe(HIT);
  const slow = httpRequest(`${http.url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' } });
  track({ name: 'request', close: () => Promise.resolve(slow.destroy()) });
  const answered = new Promise<Record<string, unknown>>((resolve, reject) => {
    slow.on('error', reject);
    slow.on('response', (answer) => {
      answer.resume();
      resolve(answer.headers);
    });
  });
  const body = HELLO.body as string;
  slow.setHeader('content-length', body.length);
  slow.write(body.slice(0, 5));
  await waitFor(() => slow.socket !== null && !slow.socket.connecting && slow.socket.bytesWritten > 5);
  await ask(HELLO); // it has come when one behind it is answered
  const drained = http.drain();
  slow.end(body.slice(5));
  expect(await answered).toMatchObject({ connection: 'close', 'cache-status': expect.stringMatching(/hit/) });
  await drained;
});
