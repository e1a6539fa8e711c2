/** The older API's three routes: first over the whole server with a real Redis, then what only a stand-in can answer at will. */
import { Redis } from 'ioredis';
import { beforeAll, describe, expect, it } from 'vitest';
import { startApp } from '../../src/app.js';
import { type DemoTokens, signDemoTokens } from '../../src/auth/demo-tokens.js';
import type { Invalidation } from '../../src/cache/cache.js';
import { loadConfig } from '../../src/config.js';
import { DEMO_DEVICES, DEMO_USERS } from '../../src/devices/demo-fleet.js';
import { CodedError } from '../../src/errors.js';
import type { CacheAdmin } from '../../src/http/older-api.js';
import { createLogger } from '../../src/log.js';
import { startRedis, type RedisServer } from '../harness/redis.js';
import { track } from '../harness/registry.js';
import { waitFor } from '../harness/wait.js';
import { API_KEY, startHttp } from './http-server.js';

const PREFIX = 'older-api-test:';

async function startWholeServer(env: Record<string, string> = {}): Promise<{ url: string; tokens: DemoTokens; prefix: string }> {
  const config = loadConfig({ PORT: '0', HOST: '127.0.0.1', CACHE_PREFIX: PREFIX, ...env });
  const app = await startApp(config, createLogger({ production: true, logLevel: 'silent' }));
  track({ name: 'app', close: () => app.close() });
  if (config.auth.kind !== 'demo') throw new Error('this test needs the demo');
  return { url: app.url, tokens: await signDemoTokens(config.auth, DEMO_USERS.grower), prefix: config.cache.prefix };
}

function caller(url: string, token?: string) {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return {
    stats: () => fetch(`${url}/cache/stats`, { headers: authorization }),
    clear: () => fetch(`${url}/cache/clear`, { method: 'POST', headers: authorization }),
    invalidate: (body: unknown, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
      fetch(`${url}/cache/invalidate`, {
        method: 'POST',
        headers: { ...authorization, ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    lookUp: (ids: string[]) =>
      fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...authorization },
        body: JSON.stringify({ query: 'query($ids:[ID!]!){devices(ids:$ids){id}}', variables: { ids } }),
      }),
  };
}

async function expectAnswer(answer: Promise<Response>, status: number, body: unknown): Promise<Response> {
  const received = await answer;
  expect({ status: received.status, body: await received.json() }).toEqual({ status, body });
  expect(received.headers.get('cache-control')).toBe('no-store');
  return received;
}

describe('with a Redis', () => {
  let redis: RedisServer;
  let server: Awaited<ReturnType<typeof startWholeServer>>;
  beforeAll(async () => {
    redis = await startRedis();
    server = await startWholeServer({ REDIS_URL: redis.url });
    const { lookUp, stats } = caller(server.url, server.tokens.admin);
    await waitFor(async () => {
      await lookUp([DEMO_DEVICES.plain]);
      return ((await (await stats()).json()) as { status: string }).status === 'connected';
    });
  });

  it('shows the figures of the older API, in its form', async () => {
    const { stats } = caller(server.url, server.tokens.admin);
    const figures = (await (await stats()).json()) as Record<string, unknown>;
    expect(Object.keys(figures)).toEqual([
      'status',
      'opensensor_keys',
      'redis_version',
      'used_memory',
      'connected_clients',
      'keyspace_hits',
      'keyspace_misses',
      'hit_rate',
    ]);
    expect(figures).toMatchObject({
      status: 'connected',
      opensensor_keys: expect.any(Number),
      redis_version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      used_memory: expect.stringMatching(/^\d+\.\d\d[KMG]$/),
      connected_clients: expect.any(Number),
      keyspace_hits: expect.any(Number),
      keyspace_misses: expect.any(Number),
      hit_rate: expect.stringMatching(/^\d{1,3}\.\d%$/),
    });
  });

  it('invalidates by pattern and says how many keys matched, and clears', async () => {
    const { invalidate, clear, lookUp } = caller(server.url, server.tokens.admin);
    const client = new Redis(redis.url);
    track({ name: 'ioredis', close: () => client.quit() });
    const cached = () => client.keys(`${server.prefix}device_meta:*`);
    const cacheThree = async () => {
      await lookUp(['sensor-0001', 'sensor-0002', 'cart-01']);
      await waitFor(async () => (await cached()).length >= 3);
    };

    await expectAnswer(clear(), 200, { success: true, message: 'Cache cleared' });
    await waitFor(async () => (await cached()).length === 0);
    await cacheThree();
    await expectAnswer(invalidate({ pattern: 'device_meta:sensor-*' }), 200, {
      deleted_count: 2,
      pattern: 'device_meta:sensor-*',
    });
    await cacheThree();
    await expectAnswer(invalidate('"device_meta:cart-01"'), 200, { deleted_count: 1, pattern: 'device_meta:cart-01' });
    await waitFor(async () => (await cached()).length === 2);
    await cacheThree();
    await expectAnswer(invalidate({ pattern: 'get_device_info_cached:sensor-0001:x' }), 200, {
      deleted_count: 3,
      pattern: 'get_device_info_cached:sensor-0001:x',
    });
  });
});

describe('without a Redis', () => {
  let server: Awaited<ReturnType<typeof startWholeServer>>;
  beforeAll(async () => {
    server = await startWholeServer();
  });

  it('has no figures, and purges all the same', async () => {
    const { stats, invalidate, clear, lookUp } = caller(server.url, server.tokens.admin);
    await expectAnswer(stats(), 200, { status: 'unavailable' });
    await lookUp(['sensor-0001', 'sensor-0002']);
    await expectAnswer(invalidate({ pattern: 'device_meta:*' }), 200, { deleted_count: 2, pattern: 'device_meta:*' });
    await expectAnswer(clear(), 200, { success: true, message: 'Cache cleared' });
  });

  it.each(['pipeline:abc', 'agg:*', 'fief_token:x', 'pipeline:'])(
    'has nothing for %s, as the older API would',
    async (pattern) => {
      await expectAnswer(caller(server.url, server.tokens.admin).invalidate({ pattern }), 200, { deleted_count: 0, pattern });
    },
  );

  it('asks for credentials', async () => {
    const { stats, clear, invalidate } = caller(server.url);
    for (const asked of [stats(), clear(), invalidate({ pattern: '*' }), invalidate({ pattern: 'agg:*' }), invalidate('{')]) {
      const answer = await asked;
      if (answer.status === 422) continue; // A body that can't be read is said so before.
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      expect(await answer.json()).toEqual({ detail: expect.any(String), code: 'UNAUTHENTICATED' });
    }
    const bad = await caller(server.url, 'nonsense').stats();
    expect(bad.status).toBe(401);
    expect(bad.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
  });

  it('asks for permissions', async () => {
    for (const token of [server.tokens.grower, server.tokens.service]) {
      const { stats, clear, invalidate } = caller(server.url, token);
      for (const asked of [stats(), clear(), invalidate({ pattern: '*' }), invalidate({ pattern: 'agg:*' }), invalidate({})]) {
        const answer = await asked;
        expect(answer.status).toBe(403);
        expect(await answer.json()).toEqual({ detail: expect.any(String), code: 'FORBIDDEN' });
      }
    }
  });

  it.each([
    ['no body', '', undefined],
    ['no pattern', '{}', undefined],
    ['a number', '{"pattern":1}', undefined],
    ['null', 'null', undefined],
    ['a list', '["*"]', undefined],
    ['broken JSON', '{"pattern":', undefined],
    ['a poisoned body', '{"pattern":"*","__proto__":{}}', undefined],
    ['another content type', '{"pattern":"*"}', { 'content-type': 'text/plain' }],
    ['an empty pattern', '{"pattern":""}', undefined],
    ['a pattern of no namespace', '{"pattern":"devices:*"}', undefined],
  ])('answers 422 to %s', async (_kind, body, headers) => {
    const answer = await caller(server.url, server.tokens.admin).invalidate(body, headers);
    expect({ status: answer.status, body: await answer.json() }).toEqual({
      status: 422,
      body: { detail: expect.any(String), code: 'BAD_USER_INPUT' },
    });
  });

  it('limits pattern and body', async () => {
    const { invalidate } = caller(server.url, server.tokens.admin);
    const long = await invalidate({ pattern: 'device_meta:'.padEnd(1_025, 'x') });
    expect({ status: long.status, body: await long.json() }).toMatchObject({ status: 422, body: { code: 'LIMIT_EXCEEDED' } });
    expect((await invalidate({ pattern: 'device_meta:'.padEnd(1_024, 'x') })).status).toBe(200);
    const large = await invalidate(' '.repeat(1_048_577));
    expect({ status: large.status, body: await large.json() }).toMatchObject({ status: 413, body: { code: 'LIMIT_EXCEEDED' } });
  });

  it('knows a device as somebody without permissions', async () => {
    const { url } = await startHttp();
    expect((await fetch(`${url}/cache/stats`, { headers: { 'x-api-key': API_KEY } })).status).toBe(403);
  });
});

describe('while an invalidation is under way', () => {
  const invalidation: Invalidation = {
    id: 'the-id',
    status: 'PENDING',
    pattern: '*',
    matched: null,
    removed: null,
    requestedAt: new Date(),
    appliedAt: null,
    elapsedMs: 1,
    pods: null,
    actor: null,
    ids: null,
  };

  async function adminOf(answer: () => Promise<Invalidation>) {
    const cacheAdmin: CacheAdmin = {
      stats: () => Promise.resolve({ status: 'DEGRADED', keys: null, redis: null }),
      clear: answer,
      invalidate: answer,
    };
    const { url, tokens } = await startHttp({ cacheAdmin });
    return caller(url, tokens.admin);
  }

  it('answers 202 with its id when it is pending', async () => {
    const { clear, invalidate, stats } = await adminOf(() => Promise.resolve(invalidation));
    await expectAnswer(clear(), 202, { success: false, message: expect.any(String), id: 'the-id' });
    await expectAnswer(invalidate({ pattern: '*' }), 202, { pattern: '*', id: 'the-id' });
    await expectAnswer(stats(), 200, { status: 'unavailable' });
  });

  it('answers 202 with its id while the count is not known', async () => {
    const { clear, invalidate } = await adminOf(() => Promise.resolve({ ...invalidation, status: 'APPLIED' }));
    await expectAnswer(clear(), 200, { success: true, message: 'Cache cleared' });
    await expectAnswer(invalidate({ pattern: '*' }), 202, { pattern: '*', id: 'the-id' });
  });

  it('answers 503 when it could not be put on record', async () => {
    const lost = new CodedError('CACHE_UNAVAILABLE', 'Nothing was invalidated.');
    const { clear, invalidate } = await adminOf(() => Promise.reject(lost));
    for (const asked of [clear(), invalidate({ pattern: '*' })]) {
      const answer = await expectAnswer(asked, 503, { detail: 'Nothing was invalidated.', code: 'CACHE_UNAVAILABLE' });
      expect(answer.headers.get('retry-after')).toBe('2');
    }
  });

  it('tells nothing of an error that nobody expected', async () => {
    const { clear } = await adminOf(() => Promise.reject(new Error('connect redis://user:hunter2@10.0.0.7')));
    await expectAnswer(clear(), 500, { detail: 'Internal server error', code: 'INTERNAL_SERVER_ERROR' });
  });
});
