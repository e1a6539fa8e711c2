import { beforeAll, expect, it } from 'vitest';
import { startServer, type ServerProcess } from '../harness/server.js';

/** The first answer is graphql-js's, the third that of the compiled query. */
const TIMES = 3;
const DEVICE = 'id deviceId name description visibility deviceIds';

const QUERIES: readonly [string, string, Record<string, unknown>?][] = [
  ['one device', `{ device(id: "greenhouse-7f3a") { ${DEVICE} } }`],
  [
    'many, unknown ones among them',
    `query ($ids: [ID!]!) { devices(ids: $ids) { ${DEVICE} } }`,
    { ids: ['greenhouse-7f3a', 'x', '|'] },
  ],
  ['a coerced list', 'query ($ids: [ID!]!) { devices(ids: $ids) { id } }', { ids: 3 }],
  ['no list', 'query ($ids: [ID!]!) { devices(ids: $ids) { id } }', { ids: [null] }],
  ['variables that are missing', 'query ($ids: [ID!]!) { devices(ids: $ids) { id } }'],
  [
    'defaults',
    'query ($first: Int! = 2) { deviceListing(first: $first) { edges { cursor node { id } } pageInfo { hasNextPage endCursor } } }',
  ],
  [
    'members in the order of the query',
    '{ b: device(id: "x") { id } deviceListing(first: 1) { pageInfo { endCursor } edges { cursor } } a: __typename }',
  ],
  [
    'what is skipped',
    'query ($no: Boolean!) { device(id: "greenhouse-7f3a") { id name @include(if: $no) ...F @skip(if: $no) } } fragment F on Device { deviceIds }',
    { no: false },
  ],
  [
    'fields selected twice',
    '{ device(id: "greenhouse-7f3a") { id id ... on Device { name } ...F } } fragment F on Device { name id }',
  ],
  ['an error among others', '{ cacheStats { status } device(id: "greenhouse-7f3a") { id } }'],
  ['an error in an argument', '{ deviceListing(first: 0) { edges { cursor } } device(id: "x") { id } }'],
  ['nobody', '{ viewer { id kind permissions } }'],
  [
    'introspection',
    '{ __schema { queryType { name fields { name args { name defaultValue } } } } __type(name: "Device") { fields { name } } }',
  ],
];

let server: ServerProcess;
beforeAll(async () => {
  server = await startServer({ CACHE_RESPONSE_TTL_SECONDS: '0' });
});

it.each(QUERIES)('answers the same compiled and not: %s', async (_what, query, variables) => {
  const answers: string[] = [];
  for (let i = 0; i < TIMES; i++) {
    const { status, body } = await server.graphql(query, variables);
    answers.push(`${status} ${JSON.stringify(body).replaceAll(/"requestId":"[^"]*"/g, '')}`);
  }
  expect(new Set(answers).size).toBe(1);
});

it('keeps the operations of one document apart', async () => {
  const query = 'query A { device(id: "greenhouse-7f3a") { id } } query B { __typename }';
  const ask = async (operationName: string) => {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, operationName }),
    });
    return ((await response.json()) as { data: unknown }).data;
  };
  for (let i = 0; i < TIMES; i++) {
    expect(await ask('A')).toEqual({ device: { id: 'greenhouse-7f3a|Tomatoes' } });
    expect(await ask('B')).toEqual({ __typename: 'Query' });
  }
});

it('answers each caller what is theirs', async () => {
  for (let i = 0; i < TIMES; i++) {
    for (const who of ['grower', 'admin', 'service'] as const) {
      const { body } = await server.graphql(
        '{ viewer { kind permissions } }',
        {},
        { authorization: `Bearer ${server.demoToken(who)}` },
      );
      expect(body.data?.viewer.kind).toBe(who === 'service' ? 'SERVICE' : 'USER');
      expect(body.data?.viewer.permissions.includes('cache:admin')).toBe(who === 'admin');
    }
  }
});
