/**
 * Apollo Server as `app.ts` configures it, over the fixed schema with resolvers that only count, for the tests of this folder.
 * Requests go in where `http/` hands them over.
 */
import { readFileSync } from 'node:fs';
import { HeaderMap, type ApolloServerPlugin } from '@apollo/server';
import { InMemoryLRUCache, type KeyValueCache } from '@apollo/utils.keyvaluecache';
import { buildSchema, isObjectType, type GraphQLFieldResolver } from 'graphql';
import { pino } from 'pino';
import { ANONYMOUS, type Principal } from '../../src/auth/principal.js';
import { Budget } from '../../src/cache/cache.js';
import type { GraphQLContext } from '../../src/graphql/context.js';
import { withRequestId } from '../../src/graphql/errors.js';
import { LIMITS, type Limits } from '../../src/graphql/limits.js';
import { createApolloServer } from '../../src/graphql/server.js';
import { track } from '../harness/registry.js';

export const REQUEST_ID = 'request-1';

export interface ApolloOptions {
  readonly production?: boolean;
  /** Default: nobody. A function is asked at each `principal()`. */
  readonly principal?: Principal | (() => Principal);
  readonly limits?: Partial<Limits>;
  readonly apqCache?: KeyValueCache;
  readonly landingPage?: ApolloServerPlugin;
  /** By `Type.field`; root fields that are not named here answer null. */
  readonly resolvers?: Record<string, GraphQLFieldResolver<unknown, GraphQLContext>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
  readonly body: {
    readonly data?: Record<string, any> | null;
    readonly errors?: { message: string; path?: string[]; locations?: unknown; extensions: Record<string, unknown> }[];
  };
}

export interface TestApollo {
  /** Root fields that were resolved since the start. */
  readonly resolved: string[];
  /** What was logged, a line of JSON each. */
  readonly logs: string[];
  post(body: Record<string, unknown>): Promise<Answer>;
  get(search: string, headers?: Record<string, string>): Promise<Answer>;
}

export function fixedSdl(): string {
  return readFileSync(new URL('fixed-schema.graphql', import.meta.url), 'utf8');
}

export async function startApollo(options: ApolloOptions = {}): Promise<TestApollo> {
  const { production = false, principal = ANONYMOUS, resolvers = {}, apqCache = new InMemoryLRUCache() } = options;
  const resolved: string[] = [];
  const logs: string[] = [];
  const server = createApolloServer({
    schema: countingSchema(resolved, resolvers),
    apqCache,
    production,
    logger: pino({ level: 'warn' }, { write: (line: string) => logs.push(line) }),
    limits: { ...LIMITS, ...options.limits },
    landingPage: options.landingPage ?? {},
  });
  await server.start();
  track({ name: 'Apollo Server', close: () => server.stop() });

  const send = async (method: string, search: string, body: unknown, headers: Record<string, string>): Promise<Answer> => {
    const request = {
      requestId: REQUEST_ID,
      cacheBudget: new Budget(50),
      principal: typeof principal === 'function' ? principal : () => principal,
      touched() {},
      noStore() {},
    };
    const answered = await server.executeHTTPGraphQLRequest({
      httpGraphQLRequest: { method, search, body, headers: new HeaderMap(Object.entries(headers)) },
      context: () => Promise.resolve({ request } as unknown as GraphQLContext),
    });
    const { status = 200, headers: sent, body: answer } = withRequestId(answered, REQUEST_ID);
    if (answer.kind !== 'complete') throw new Error('the answer is in several parts');
    const isJson = sent.get('content-type')?.includes('json') ?? false;
    return { status, headers: sent, text: answer.string, body: isJson ? JSON.parse(answer.string) : {} };
  };
  return {
    resolved,
    logs,
    post: (body) => send('POST', '', body, { 'content-type': 'application/json' }),
    get: (search, headers = { 'apollo-require-preflight': 'true' }) => send('GET', search, undefined, headers),
  };
}

function countingSchema(resolved: string[], resolvers: NonNullable<ApolloOptions['resolvers']>) {
  const schema = buildSchema(fixedSdl());
  const types = Object.values(schema.getTypeMap()).filter(isObjectType);
  for (const type of types.filter(({ name }) => !name.startsWith('__'))) {
    const isRoot = type === schema.getQueryType() || type === schema.getMutationType();
    for (const field of Object.values(type.getFields())) {
      const resolve = resolvers[`${type.name}.${field.name}`];
      if (isRoot) {
        field.resolve = (...call) => {
          resolved.push(field.name);
          return resolve?.(...call) ?? null;
        };
      } else if (resolve !== undefined) field.resolve = resolve;
    }
  }
  return schema;
}
