/**
 * The HTTP server as `app.ts` puts it together, over a small schema whose fields do what the tests of this folder are about. Apollo
 * Server, the authenticator and the cache administration are the product's own; the cache is the embedded one.
 */
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import type { ApolloServerPlugin } from '@apollo/server';
import { InMemoryLRUCache } from '@apollo/utils.keyvaluecache';
import { buildSchema } from 'graphql';
import { createAuthenticator } from '../../src/auth/authenticator.js';
import { type DemoTokens, signDemoTokens } from '../../src/auth/demo-tokens.js';
import { type Cache, createCache, MemoryOutbox } from '../../src/cache/cache.js';
import { CacheAdmin } from '../../src/cache-admin/operations.js';
import type { OwnedPair } from '../../src/devices/device.store.js';
import { CodedError } from '../../src/errors.js';
import type { GraphQLContext } from '../../src/graphql/context.js';
import { LIMITS } from '../../src/graphql/limits.js';
import { createApolloServer } from '../../src/graphql/server.js';
import type { HealthState } from '../../src/http/health.js';
import type { CacheAdmin as OlderApiCacheAdmin } from '../../src/http/older-api.js';
import { createHttpServer, type HttpParts } from '../../src/http/server.js';
import { createLogger } from '../../src/log.js';
import { Metrics } from '../../src/metrics/metrics.js';
import { Hints } from '../../src/response-cache/hints.js';
import { responseCachePlugin } from '../../src/response-cache/plugin.js';
import { ResponseCache } from '../../src/response-cache/response-cache.js';
import { track } from '../harness/registry.js';

export const ORIGIN = 'https://studio.apollographql.com';
export const API_KEY = 'key-of-the-greenhouse';
/** An API key that can't be looked up. */
export const UNKNOWABLE_API_KEY = 'key-while-the-database-is-down';
/** An API key on which the look-up fails as nobody expected. */
export const BREAKING_API_KEY = 'key-that-breaks';
const NAMESPACES = ['api_key', 'device_meta', 'response'];
const KINDS = Object.fromEntries(NAMESPACES.map((name) => [name, { valueVersion: 1, graceSeconds: 0 }]));
const OWNER = '1b4e28ba-2fa1-4d3b-a3f5-ef19b5a7633b';
const AUTH = { kind: 'demo', permissionsClaim: 'permissions', secret: 'x'.repeat(32) } as const;
/** A driver's error, as it must never reach a client or the log. */
const DRIVER_MESSAGE = 'connect ECONNREFUSED mongodb://user:hunter2@10.0.0.7:27017';

const SCHEMA = /* GraphQL */ `
  type Query {
    hello: String
    "Asks who asks."
    who: String
    nothing: String
    "As viewer does."
    unstorable: String
    broken: String
    "Answers when the test says so."
    gate: String
    "Marked in extensions, by a plugin."
    stale: String
    echo(text: String): String
  }
  type Mutation {
    change: String
  }
`;

export interface HttpOptions {
  readonly config?: Partial<HttpParts<GraphQLContext>['config']>;
  readonly logLevel?: 'debug' | 'info';
  readonly health?: HealthState;
  /** Default: 0, no response is stored. */
  readonly responseTtlSeconds?: number;
  /** Default: the product's, over an embedded cache. */
  readonly cacheAdmin?: OlderApiCacheAdmin;
}

export interface TestHttp {
  /** Without a path. */
  readonly url: string;
  readonly tokens: DemoTokens;
  /** Lines of the log. */
  readonly logs: Record<string, unknown>[];
  /** Calls of the field `gate` so far that are not answered yet. */
  readonly waiting: (() => void)[];
  /** Sends a query by POST. */
  post(query: string, headers?: Record<string, string>): Promise<Response>;
  drain(): Promise<void>;
}

export const READY: HealthState = { status: 'ready', mongodb: 'embedded', redis: 'embedded', cache: 'embedded' };

export async function startHttp(options: HttpOptions = {}): Promise<TestHttp> {
  const logs: Record<string, unknown>[] = [];
  const waiting: (() => void)[] = [];
  const logger = createLogger(
    { production: true, logLevel: options.logLevel ?? 'info' },
    { write: (line) => logs.push(JSON.parse(line) as Record<string, unknown>) },
  );
  const cache = await embeddedCache();
  const responses = new ResponseCache({
    bodies: cache.bodies,
    counts: cache.countersOf('response'),
    ttlSeconds: options.responseTtlSeconds ?? 0,
    version: 'test',
  });
  const schema = schemaWith(waiting);
  const apollo = createApolloServer({
    schema,
    apqCache: new InMemoryLRUCache(),
    production: false,
    logger,
    limits: LIMITS,
    landingPage: page,
  });
  apollo.addPlugin(staleMarker);
  apollo.addPlugin(responseCachePlugin(new Hints(schema, {})));
  const server = createHttpServer<GraphQLContext>({
    config: {
      port: 0,
      host: '127.0.0.1',
      corsOrigins: [ORIGIN, 'http://localhost:3000'],
      publicMaxAgeSeconds: 0,
      shutdownDelaySeconds: 0,
      budgetMs: 50,
      ...options.config,
    },
    logger,
    authenticator: createAuthenticator(AUTH, { findApiKey }),
    apollo,
    contextFor: (request) => ({ request }) as GraphQLContext,
    cacheAdmin: options.cacheAdmin ?? new CacheAdmin({ cache, namespaces: KINDS, depsOfDevice: () => [], onPurge() {} }),
    adminPage: { files: [], contentSecurityPolicy: '' },
    health: { state: () => options.health ?? READY },
    metrics: new Metrics(),
    responses,
  });
  await apollo.start();
  track({ name: 'Apollo Server', close: () => apollo.stop() });
  const url = await server.listen();
  track({ name: 'HTTP server', close: () => server.drain() });
  return {
    url,
    tokens: await signDemoTokens(AUTH, OWNER),
    logs,
    waiting,
    post: (query, headers = {}) =>
      fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query }),
      }),
    drain: () => server.drain(),
  };
}

/** Sends bytes over a connection of its own and resolves with all that comes back until the server ends it. */
export async function sendRaw(url: string, bytes: string | Buffer): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(bytes);
  return await text(socket);
}

async function findApiKey(key: string): Promise<OwnedPair | undefined> {
  if (key === UNKNOWABLE_API_KEY) throw new CodedError('DATABASE_UNAVAILABLE', 'The database can not be asked.');
  if (key === BREAKING_API_KEY) throw new Error(DRIVER_MESSAGE);
  return Promise.resolve(key === API_KEY ? { owner: OWNER, deviceId: 'greenhouse', name: 'Tomatoes' } : undefined);
}

async function embeddedCache(): Promise<Cache> {
  const cache = await createCache({
    redis: undefined,
    prefix: 'test:',
    namespaces: NAMESPACES,
    l1MaxBytes: 1_000_000,
    outbox: new MemoryOutbox(),
    onInvalidation: () => undefined,
    podName: 'test',
    version: '0.0.0',
    onLease() {},
    onError() {},
  });
  await cache.start();
  track({ name: 'cache', close: () => cache.close() });
  return cache;
}

function schemaWith(waiting: (() => void)[]) {
  const schema = buildSchema(SCHEMA);
  const resolvers: Record<string, (args: { text?: string }, context: GraphQLContext) => unknown> = {
    hello: () => 'world',
    who: (_args, { request }) => request.principal().kind,
    nothing: () => null,
    unstorable: (_args, { request }) => {
      request.noStore();
      return 'for you';
    },
    broken: () => {
      throw new Error(DRIVER_MESSAGE);
    },
    gate: () => new Promise((resolve) => waiting.push(() => resolve('open'))),
    stale: () => 'old',
    echo: ({ text: said }) => said,
    change: () => 'done',
  };
  for (const type of [schema.getQueryType(), schema.getMutationType()]) {
    for (const field of Object.values(type?.getFields() ?? {})) {
      field.resolve = (_source, args, context: GraphQLContext) => resolvers[field.name]?.(args, context);
    }
  }
  return schema;
}

const page: ApolloServerPlugin = {
  serverWillStart: () =>
    Promise.resolve({ renderLandingPage: () => Promise.resolve({ html: '<!doctype html><title>A page for people</title>' }) }),
};

const staleMarker: ApolloServerPlugin<GraphQLContext> = {
  requestDidStart: () =>
    Promise.resolve({
      willSendResponse({ response: { body } }) {
        if (body.kind === 'single' && body.singleResult.data?.stale !== undefined) body.singleResult.extensions = { stale: true };
        return Promise.resolve();
      },
    }),
};
