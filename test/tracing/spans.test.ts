/** What a collector gets of the built server's requests, over a real Redis and MongoDB: which spans, below which, and nothing secret. */
import { randomBytes, randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { SignJWT } from 'jose';
import { beforeAll, expect, it } from 'vitest';
import { describeWithMongoDb, startMongoDb } from '../harness/mongodb.js';
import { type RedisServer, startRedis } from '../harness/redis.js';
import { type GraphQLAnswer, type ServerProcess, startServer } from '../harness/server.js';
import { waitFor } from '../harness/wait.js';
import { type Collector, paths, type Span, startCollector } from './collector.js';

const JWT_SECRET = 'a secret of these tests, 32 bytes or more';
const COLLECTOR_KEY = 'the-key-of-the-collector';
const DEVICE = 'query Device($id: ID!) { device(id: $id) { id description } }';
const REGISTER = `mutation Register($deviceId: String!) {
  registerDevice(input: { deviceId: $deviceId, name: "Bed" }) { device { id } apiKey invalidation { status } }
}`;

describeWithMongoDb('traces', () => {
  let collector: Collector;
  let redis: RedisServer;
  let pods: ServerProcess[];
  const subject = randomUUID();

  beforeAll(async () => {
    const [aRedis, mongodb, aCollector] = await Promise.all([startRedis(), startMongoDb(), startCollector()]);
    [redis, collector] = [aRedis, aCollector];
    const env = {
      REDIS_URL: redis.url,
      MONGODB_URL: mongodb.url,
      JWT_SECRET,
      CACHE_BUDGET_MS: '1000',
      NODE_ENV: 'test',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: `api-key=${COLLECTOR_KEY}`,
      OTEL_BSP_SCHEDULE_DELAY: '20',
      OTEL_SERVICE_NAME: 'greenhouses',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    };
    pods = await Promise.all([startServer(env), startServer(env)]);
  });

  /** Sends a query below a span of the caller's, and answers with the trace and that span. */
  async function traced(
    query: string,
    variables: Record<string, unknown>,
    { pod = pods[0]!, headers = {} }: { readonly pod?: ServerProcess; readonly headers?: Record<string, string> } = {},
  ): Promise<{ spans: Span[]; server: Span; callersSpan: string; answer: GraphQLAnswer<Record<string, any>> }> {
    const [traceId, callersSpan] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
    const answer = await pod.graphql(query, variables, { traceparent: `00-${traceId}-${callersSpan}-01`, ...headers });
    const spans = await collector.trace(traceId);
    return { spans, server: spans.find(({ kind }) => kind === 'SERVER')!, callersSpan, answer };
  }

  async function bearer(): Promise<Record<string, string>> {
    const token = new SignJWT().setProtectedHeader({ alg: 'HS256' }).setSubject(subject).setExpirationTime('5m');
    return { authorization: `Bearer ${await token.sign(new TextEncoder().encode(JWT_SECRET))}` };
  }

  it('have what a cold query did, below the span of the caller', async () => {
    const lookup = 'POST /graphql > query > cache device_meta';
    let cold = 0;
    // A pod that is kept from its lease, or from asking in time, asks Redis for less.
    const { spans, server, callersSpan } = await waitFor(async () => {
      const trace = await traced(DEVICE, { id: `cold-${String(cold++)}|Bed` });
      return paths(trace.spans).includes(`${lookup} > SET`) ? trace : undefined;
    });
    // Claims are SETs as well. What nobody waits for may come before or after the end of the request: storing, and the ends of the claims.
    const isAfterwards = /^POST \/graphql > [A-Z]+$|> SET$|> EVALSHA$/;
    const all = paths(spans).filter((path) => !isAfterwards.test(path));
    expect(all).toEqual([
      'POST /graphql',
      'POST /graphql > query',
      'POST /graphql > query > MGET',
      lookup,
      `${lookup} > MGET`,
      `${lookup} > find Users`,
    ]);
    expect(server.parentId).toBe(callersSpan);
    expect(server.attributes).toEqual({
      'http.request.method': 'POST',
      'url.scheme': 'http',
      'http.route': '/graphql',
      'url.path': '/graphql',
      'http.response.status_code': 200,
      'graphql.operation.type': 'query',
      'graphql.operation.name': 'Device',
      'opensensor.request_id': expect.any(String),
      'opensensor.response_cache': 'miss',
    });
    const attributesOf = (name: string) => spans.find((span) => span.name === name)?.attributes;
    expect(attributesOf('query')).toEqual({ 'graphql.operation.type': 'query', 'graphql.operation.name': 'Device' });
    expect(attributesOf('cache device_meta')).toEqual({
      'opensensor.cache.namespace': 'device_meta',
      'opensensor.cache.keys': 1,
      'opensensor.cache.l1_hits': 0,
      'opensensor.cache.l2_hits': 0,
      'opensensor.cache.misses': 1,
      'opensensor.cache.stale': 0,
      'opensensor.cache.bypassed': 0,
      'opensensor.cache.coalesced': 0,
    });
    expect(attributesOf('MGET')).toEqual({
      'db.system.name': 'redis',
      'db.operation.name': 'MGET',
      'server.address': '127.0.0.1',
      'server.port': redis.port,
    });
    expect(attributesOf('find Users')).toMatchObject({
      'db.system.name': 'mongodb',
      'db.operation.name': 'find',
      'db.namespace': 'default',
      'db.collection.name': 'Users',
    });
    expect(spans.filter(({ hasError }) => hasError)).toEqual([]);
    expect(collector.resource()).toMatchObject({
      'service.name': 'greenhouses',
      'service.version': expect.any(String),
      'deployment.environment.name': 'test',
    });
    expect(collector.headers[0]).toMatchObject({ 'api-key': COLLECTOR_KEY });
  });

  it('tell the tiers of a look-up apart', async () => {
    const [a, b] = pods as [ServerProcess, ServerProcess];
    const lookUp = async (pod: ServerProcess, ids: string[]) => {
      const { spans } = await traced('query ($ids: [ID!]!) { devices(ids: $ids) { id } }', { ids }, { pod });
      const attributes = spans.find(({ name }) => name === 'cache device_meta')!.attributes;
      return ['l1_hits', 'l2_hits', 'misses'].map((name) => attributes[`opensensor.cache.${name}`]);
    };
    expect(await lookUp(a, ['tier-1'])).toEqual([0, 0, 1]);
    await waitFor(async () => (await keysOf('device_meta:tier-1')).length > 0);
    expect(await lookUp(a, ['tier-1', 'tier-2'])).toEqual([1, 0, 1]);
    expect(await lookUp(b, ['tier-1', 'tier-3'])).toEqual([0, 1, 1]);
  });

  it('say where a whole response came from', async () => {
    const [a, b] = pods as [ServerProcess, ServerProcess];
    const variables = { id: 'whole-1|Bed' };
    await traced(DEVICE, variables, { pod: a });
    const before = await keysOf('response:*');
    const fromMemory = await traced(DEVICE, variables, { pod: a });
    expect(fromMemory.server.attributes).toMatchObject({
      'opensensor.response_cache': 'hit-memory',
      'graphql.operation.name': 'Device',
      'http.response.status_code': 200,
    });
    expect(fromMemory.spans.some(({ name }) => name === 'query')).toBe(false);

    // The second sight of it has stored it.
    await waitFor(async () => (await keysOf('response:*')).length > before.length);
    const fromRedis = await traced(DEVICE, variables, { pod: b });
    expect(fromRedis.server.attributes['opensensor.response_cache']).toBe('hit-redis');
    expect(paths(fromRedis.spans)).toEqual(['POST /graphql', 'POST /graphql > query', 'POST /graphql > query > MGET']);
  });

  it('have a mutation: the change, and its invalidation', async () => {
    const { spans, server } = await traced(REGISTER, { deviceId: 'mutated-1' }, { headers: await bearer() });
    expect(server.attributes).toMatchObject({
      'graphql.operation.type': 'mutation',
      'graphql.operation.name': 'Register',
      'opensensor.response_cache': 'bypass',
    });
    const all = paths(spans);
    expect(all).toContain('POST /graphql > mutation > EVALSHA');
    expect(all.filter((path) => /> mutation > (insert|update|findAndModify) Users/.test(path))).not.toEqual([]);
  });

  it('mark what failed, by its code', async () => {
    const invalid = await traced('query Wrong { nothing }', {});
    expect(invalid.spans.find(({ kind }) => kind === 'INTERNAL')).toMatchObject({
      name: 'GraphQL',
      hasError: true,
      attributes: { 'error.type': 'GRAPHQL_VALIDATION_FAILED' },
    });
    expect(invalid.server.hasError).toBe(false);

    const refused = await traced(REGISTER, { deviceId: 'refused-1' });
    expect(refused.spans.find(({ name }) => name === 'mutation')).toMatchObject({
      hasError: true,
      attributes: { 'error.type': 'UNAUTHENTICATED', 'graphql.operation.name': 'Register' },
    });
  });

  it('leave out what the caller does not sample, the probes, and what the cache does by itself', async () => {
    const traceId = randomBytes(16).toString('hex');
    await pods[0]!.graphql(DEVICE, { id: 'unsampled-1' }, { traceparent: `00-${traceId}-${'1'.repeat(16)}-00` });
    await fetch(`${pods[0]!.url}/readyz`, { headers: { traceparent: `00-${traceId}-${'1'.repeat(16)}-01` } });
    const later = await traced(DEVICE, { id: 'sampled-1' });
    expect(later.spans).not.toEqual([]);
    expect(collector.spans().some((span) => span.traceId === traceId)).toBe(false);
    // Ten syncs a second and pod, each a command: none of them is a trace.
    const roots = collector.spans().filter(({ parentId }) => parentId === undefined);
    expect(roots.map(({ name }) => name)).toEqual([]);
  });

  it('have nothing secret, and nothing that a client sent but the name of its operation', async () => {
    const { authorization } = (await bearer()) as { authorization: string };
    const registered = await traced(REGISTER, { deviceId: 'hidden-in-variables' }, { headers: { authorization } });
    const apiKey = registered.answer.body.data?.registerDevice.apiKey as string;
    expect(apiKey).toBeTruthy();
    await traced(DEVICE, { id: 'hidden-in-variables|Bed' }, { headers: { 'x-api-key': apiKey } });
    await traced('query { device(id: "hidden-in-document") { id } }', {}, { headers: { authorization } });
    const traceId = randomBytes(16).toString('hex');
    const search = new URLSearchParams({ query: DEVICE, variables: '{"id":"hidden-in-search"}' }).toString();
    const headers = {
      traceparent: `00-${traceId}-${'1'.repeat(16)}-01`,
      'content-type': 'application/json',
      cookie: 'hidden=in-cookie',
    };
    await fetch(`${pods[0]!.url}/graphql?${search}`, { headers });
    await collector.trace(traceId);
    const lostId = randomBytes(16).toString('hex');
    await fetch(`${pods[0]!.url}/hidden-in-path`, { headers: { traceparent: `00-${lostId}-${'1'.repeat(16)}-01` } });
    expect((await collector.trace(lostId))[0]).toMatchObject({ name: 'GET', attributes: { 'http.response.status_code': 404 } });

    const sent = collector.bodies.join('\n');
    expect(sent).toContain('cache api_key');
    const secrets = [authorization.slice('Bearer '.length), apiKey, JWT_SECRET, subject, COLLECTOR_KEY, 'hidden', 'device_meta:'];
    for (const secret of secrets) expect(sent).not.toContain(secret);
  });

  /** What Redis has under a logical key or pattern. */
  async function keysOf(pattern: string): Promise<string[]> {
    const client = new Redis(redis.url);
    try {
      return await client.keys(`*${pattern}`);
    } finally {
      client.disconnect();
    }
  }
});
