/** Every limit with a request at it and one above, and that what is above reaches no resolver. */
import { getIntrospectionQuery } from 'graphql';
import { describe, expect, it } from 'vitest';
import { LIMITS, type Limits } from '../../src/graphql/limits.js';
import { REQUEST_ID, startApollo, type TestApollo } from './apollo.js';

interface Request {
  readonly query: string;
  readonly variables?: Record<string, unknown>;
  readonly operationName?: string;
}

const DEVICE = '__typename id deviceId name description visibility deviceIds';
const PAGE = `__typename edges { __typename cursor node { ${DEVICE} } }
  pageInfo { __typename hasNextPage hasPreviousPage startCursor endCursor }`;

const times = (count: number, item: (index: number) => string | number) =>
  Array.from({ length: count }, (_, index) => item(index));
const list = (count: number, item: (index: number) => string | number) => times(count, item).join(' ');
const ids = (count: number) => times(count, (index) => `device-${index}`);
const inlined = (count: number) => `[${list(count, (index) => `"device-${index}"`)}]`;

/** Sends it and expects that it is answered, which the counting resolvers do with null. */
async function passes(request: Request): Promise<TestApollo> {
  const apollo = await startApollo();
  const { status, body } = await apollo.post({ ...request });
  expect(body.errors).toBeUndefined();
  expect(status).toBe(200);
  return apollo;
}

/** Sends it and expects that this limit refuses it, in one error, before anything is resolved. */
async function refuses(request: Request, limit: keyof Limits): Promise<string> {
  const apollo = await startApollo();
  const { status, body } = await apollo.post({ ...request });
  expect(body.errors?.map(({ extensions }) => extensions)).toEqual([
    { code: 'LIMIT_EXCEEDED', limit, max: LIMITS[limit], requestId: REQUEST_ID },
  ]);
  expect(status).toBe(400);
  expect(body).not.toHaveProperty('data');
  expect(apollo.resolved).toEqual([]);
  expect(apollo.logs).toEqual([]);
  return body.errors?.[0]?.message ?? '';
}

it('passes one `devices` query with 1,000 inlined ids and every field', async () => {
  const { resolved } = await passes({
    query: `{ devices(ids: [${ids(1_000)
      .map((id) => `"${id}"`)
      .join(', ')}]) { ${DEVICE} } }`,
  });
  expect(resolved).toEqual(['devices']);
});

describe('depth', () => {
  const nested = (levels: number, open: string) => `${open.repeat(levels)} { name } ${'}'.repeat(levels)}`;
  const inFields = (depth: number) => `{ __type(name: "Device") ${nested(depth - 2, '{ ofType ')} }`;
  const inFragments = (depth: number) => `{ __type(name: "Device") ${nested(depth - 2, '{ ... ')} }`;
  /** The spread of a named fragment is two levels. */
  const inNamed = (depth: number) => `
    { first: __type(name: "Device") { ...Deep } second: __type(name: "Device") { ofType { ...Deep } } }
    fragment Deep on __Type ${nested(depth - 5, '{ ofType ')}`;

  it.each([
    ['fields', inFields],
    ['inline fragments', inFragments],
    ['named fragments, wherever they are used', inNamed],
  ])('counts %s', async (_name, query) => {
    await passes({ query: query(12) });
    await refuses({ query: query(13) }, 'depth');
  });

  it('lets the introspection of tools through, which is deeper', async () => {
    const options = {
      schemaDescription: true,
      specifiedByUrl: true,
      directiveIsRepeatable: true,
      inputValueDeprecation: true,
      oneOf: true,
    };
    await passes({ query: getIntrospectionQuery(options) });
  });
});

describe('aliases', () => {
  it.each([
    ['fields', (count: number) => `{ ${list(count, (index) => `a${index}: viewer { id }`)} }`],
    ['__typename', (count: number) => `{ ${list(count, (index) => `a${index}: __typename`)} }`],
    [
      'each use of a fragment',
      (count: number) => `{ ${list(count, () => 'viewer { ...Name }')} } fragment Name on Viewer { a: id }`,
    ],
  ])('counts %s', async (_name, query) => {
    await passes({ query: query(30) });
    await refuses({ query: query(31) }, 'aliases');
  });
});

describe('tokens', () => {
  it('counts them in the whole document', async () => {
    const look = (count: number) => `devices(ids: ${inlined(count)}) { id }`;
    const query = (tokens: number) => `{ ${list(4, (index) => `a${index}: ${look(990)}`)} ${look(tokens - 4_020)} }`;
    await passes({ query: query(5_000) });
    await refuses({ query: query(5_001) }, 'tokens');
  });

  it('does not count commas and comments', async () => {
    await passes({ query: `{ __typename ${','.repeat(6_000)} } ${'# a b c d\n'.repeat(6_000)}` });
  });
});

describe('recursion', () => {
  const fragments = (spreads: number, names: number) =>
    `{ viewer { ${list(spreads, () => '...Ids')} } } fragment Ids on Viewer { ${list(names, (index) => (index === 0 ? 'kind' : 'id'))} }`;

  it('counts each fragment as often as it is spread', async () => {
    await passes({ query: fragments(27, 36) }); // 1 + 27 + 27 * 36 = 1,000
    await refuses({ query: fragments(20, 49) }, 'recursion'); // 1 + 20 + 20 * 49 = 1,001
  });

  it('counts fields', async () => {
    const query = (count: number) =>
      `{ viewer { ${list(count - 1, (index) => ['id', 'kind', 'permissions'][index % 3] ?? '')} } }`;
    await passes({ query: query(1_000) });
    await refuses({ query: query(1_001) }, 'recursion');
  });

  it('stops where graphql-js would compare the same field with itself for too long', async () => {
    await refuses({ query: `{ viewer { ${list(1_000, () => 'id')} } }` }, 'recursion');
    await refuses({ query: `{ ${list(4_990, () => '__typename')} }` }, 'recursion');
  });

  it('defuses a bomb of fragments', async () => {
    const bomb = list(100, (index) => `fragment F${index} on Viewer { ...F${index + 1} ...F${index + 1} }`);
    await refuses({ query: `{ viewer { ...F0 } } ${bomb} fragment F100 on Viewer { id }` }, 'recursion');
  });

  it('leaves cyclic fragments to validation', async () => {
    const apollo = await startApollo();
    const query = '{ viewer { ...A } } fragment A on Viewer { ...B } fragment B on Viewer { ...A id }';
    const { status, body } = await apollo.post({ query });
    expect(status).toBe(400);
    expect(body.errors?.[0]?.extensions).toEqual({ code: 'GRAPHQL_VALIDATION_FAILED', requestId: REQUEST_ID });
  });
});

describe('ids', () => {
  const READ = 'query ($ids: [ID!]!) { devices(ids: $ids) { id } }';
  it.each<[string, (count: number) => Request]>([
    ['inlined', (count) => ({ query: `{ devices(ids: ${inlined(count)}) { id } }` })],
    ['in a variable', (count) => ({ query: READ, variables: { ids: ids(count) } })],
    ['in a default value', (count) => ({ query: `query ($ids: [ID!]! = ${inlined(count)}) { devices(ids: $ids) { id } }` })],
    ['the same one', (count) => ({ query: READ, variables: { ids: times(count, () => 'x') } })],
    [
      'some of them variables',
      (count) => ({
        query: `query ($id: ID!) { devices(ids: [$id, ${inlined(count - 1)}]) { id } }`.replace(/, \[/, ' ').replace(']])', '])'),
        variables: { id: 'x' },
      }),
    ],
    [
      'under an alias in a fragment',
      (count) => ({
        query: `query ($ids: [ID!]!) { ...On ... { ...On } } fragment On on Query { found: devices(ids: $ids) { id } }`,
        variables: { ids: ids(count) },
      }),
    ],
    [
      'of a mutation',
      (count) => ({ query: 'mutation ($ids: [ID!]!) { invalidateDevices(ids: $ids) { id } }', variables: { ids: ids(count) } }),
    ],
  ])('counts them %s', async (_name, request) => {
    await passes(request(1_000));
    expect(await refuses(request(1_001), 'ids')).toMatch(/`(devices|invalidateDevices)` .* 1001; 1000 at most\./);
  });

  it('does not count those of a field that is skipped', async () => {
    const query = 'query ($ids: [ID!]!, $no: Boolean!) { viewer { id } devices(ids: $ids) @include(if: $no) { id } }';
    await passes({ query, variables: { ids: ids(1_001), no: false } });
    await refuses({ query, variables: { ids: ids(1_001), no: true } }, 'ids');
  });

  it('lets none pass', async () => {
    await passes({ query: '{ devices(ids: []) { id } }' });
  });
});

describe('page', () => {
  it.each<[string, (first: number) => Request]>([
    ['inlined', (first) => ({ query: `{ deviceListing(first: ${first}) { ${PAGE} } }` })],
    [
      'in a variable',
      (first) => ({ query: 'query ($n: Int!) { deviceListing(first: $n) { edges { cursor } } }', variables: { n: first } }),
    ],
    [
      'in a default value',
      (first) => ({ query: `query ($n: Int! = ${first}) { cacheEntries(first: $n) { edges { cursor } } }` }),
    ],
    ['of the viewer', (first) => ({ query: `{ viewer { id all: devices(first: ${first}) { ${PAGE} } } }` })],
    [
      'in a fragment',
      (first) => ({
        query: `{ viewer { ...Mine } } fragment Mine on Viewer { ... { devices(first: ${first}) { edges { cursor } } } }`,
      }),
    ],
  ])('counts it %s', async (_name, request) => {
    await passes(request(500));
    await refuses(request(501), 'page');
  });

  it('leaves what is below 1 to the resolver, and lets it pay for nothing', async () => {
    await passes({ query: '{ deviceListing(first: 0) { edges { cursor } } }' });
    await passes({ query: '{ deviceListing(first: -1) { edges { cursor } } }' });
    const expensive = list(29, (index) => `a${index}: devices(ids: $ids) { id }`);
    const query = `query ($ids: [ID!]!) { deviceListing(first: -2147483648) { edges { cursor } } ${expensive} }`;
    await refuses({ query, variables: { ids: ids(1_000) } }, 'cost');
  });
});

describe('pattern', () => {
  it.each<[string, (pattern: string) => Request]>([
    ['inlined', (pattern) => ({ query: `mutation { invalidateCache(pattern: "${pattern}") { id } }` })],
    [
      'in a variable',
      (pattern) => ({
        query: 'query ($p: String!) { cacheEntries(pattern: $p) { edges { cursor } } }',
        variables: { p: pattern },
      }),
    ],
    [
      'in a default value',
      (pattern) => ({
        query: `mutation ($p: String! = "${pattern}") { purge: invalidateCache(pattern: $p, dryRun: true) { id } }`,
      }),
    ],
  ])('counts its bytes %s', async (_name, request) => {
    await passes(request('a'.repeat(1_024)));
    await passes(request('é'.repeat(512)));
    await refuses(request('a'.repeat(1_025)), 'pattern');
    await refuses(request('é'.repeat(513)), 'pattern');
  });
});

describe('cost', () => {
  /** 1,000 devices of n fields each cost 1,000 * (1 + n). */
  const query = (fields: number) => `
    query Cheap { viewer { id } }
    query Costly($ids: [ID!]!, $more: Boolean = false) {
      a: devices(ids: $ids) { ${DEVICE} } b: devices(ids: $ids) { ${DEVICE} }
      c: devices(ids: $ids) { id name description }
      viewer @include(if: $more) { ${['id', 'kind', 'permissions'].slice(0, fields - 1).join(' ')} }
    }`;
  const variables = { ids: ids(1_000) };

  it('is what is selected, times the entries of each list', async () => {
    await passes({ query: query(2), variables, operationName: 'Costly' }); // 8,000 + 8,000 + 4,000
    await refuses({ query: query(2), variables: { ...variables, more: true }, operationName: 'Costly' }, 'cost');
  });

  it('is counted through aliases and fragments', async () => {
    const found = (count: number) =>
      `query ($ids: [ID!]!) { ${list(count, (index) => `a${index}: devices(ids: $ids) { ...Found }`)} } fragment Found on Device { id }`;
    await passes({ query: found(10), variables });
    await refuses({ query: found(11), variables: { ids: ids(910) } }, 'cost'); // 11 * 910 * 2 = 20,020
  });

  it('is that of the operation asked for', async () => {
    await passes({ query: query(3), variables: {}, operationName: 'Cheap' });
  });

  it('is counted although other fields can not be had from the variables', async () => {
    const all = list(11, (index) => `a${index}: devices(ids: $ids) { id }`);
    const argument = `query ($ids: [ID!]!, $first: Int = 1) { ${list(200, () => 'deviceListing(first: $first) { edges { cursor } }')} ${all} }`;
    await refuses({ query: argument, variables: { ...variables, first: null } }, 'cost');
  });
});

describe('a document that was within its limits', () => {
  it.each<[string, { query: string; within: Record<string, unknown>[]; above: Record<string, unknown>[] }]>([
    [
      'ids',
      {
        query: 'query ($ids: [ID!]!) { devices(ids: $ids) { id } }',
        within: [{ ids: ids(1_000) }, { ids: 'x' }, { ids: [] }],
        above: [{ ids: ids(1_001) }],
      },
    ],
    [
      'page',
      {
        query: 'query ($n: Int = 501, $search: String) { deviceListing(first: $n, search: $search) { edges { cursor } } }',
        within: [{ n: 500 }, { n: 500, search: 'x' }],
        above: [{ n: 501 }, {}, { search: 'x' }, { n: 501, search: 'x' }],
      },
    ],
    [
      'pattern',
      {
        query: 'query ($p: String!) { cacheEntries(pattern: $p) { edges { cursor } } }',
        within: [{ p: 'a'.repeat(513) }, { p: 'é'.repeat(512) }],
        above: [{ p: 'é'.repeat(513) }],
      },
    ],
    [
      'cost',
      {
        query: `query ($ids: [ID!]!, $all: Boolean = true) { ${list(11, (index) => `a${index}: devices(ids: $ids) @include(if: $all) { id }`)} }`,
        within: [{ ids: ids(1_000), all: false }, { ids: ids(909) }],
        above: [{ ids: ids(1_000) }, { ids: ids(1_000), all: true }],
      },
    ],
  ])('is above them with other variables: %s', async (limit, { query, within, above }) => {
    const apollo = await startApollo();
    for (const variables of [...within, ...within]) {
      expect(await apollo.post({ query, variables })).toMatchObject({ status: 200 });
      for (const more of above) {
        const { body } = await apollo.post({ query, variables: more });
        expect(body.errors?.[0]?.extensions).toMatchObject({ code: 'LIMIT_EXCEEDED', limit });
      }
    }
  });

  it('is refused with variables of the same size that are not valid', async () => {
    const apollo = await startApollo();
    const query = 'query ($ids: [ID!]!) { devices(ids: $ids) { id } }';
    expect(await apollo.post({ query, variables: { ids: ['x'] } })).toMatchObject({ status: 200 });
    const { status, body } = await apollo.post({ query, variables: { ids: [{}] } });
    expect([status, body.errors?.[0]?.extensions.code]).toEqual([400, 'BAD_USER_INPUT']);
  });
});

describe('variables that are not valid', () => {
  it.each<[string, Request]>([
    ['a missing one', { query: 'query ($ids: [ID!]!) { devices(ids: $ids) { id } }' }],
    [
      'a wrong type',
      { query: 'query ($first: Int!) { deviceListing(first: $first) { edges { cursor } } }', variables: { first: 'x' } },
    ],
    [
      'a null in a directive',
      { query: 'query ($no: Boolean = false) { viewer { id @include(if: $no) } }', variables: { no: null } },
    ],
    [
      'many wrong ones',
      {
        query: 'query ($ids: [ID!]!) { devices(ids: $ids) { id } }',
        variables: { ids: times(200_000, () => 0).map(() => ({})) },
      },
    ],
  ])('%s is bad input, not a limit', async (_name, request) => {
    const apollo = await startApollo();
    const { status, body } = await apollo.post({ ...request });
    expect(body.errors?.[0]?.extensions).toEqual({ code: 'BAD_USER_INPUT', requestId: REQUEST_ID });
    expect(status).toBe(400);
    expect(apollo.resolved).toEqual([]);
    expect(apollo.logs).toEqual([]);
  });

  it('ignores those that no operation asks for', async () => {
    await passes({ query: '{ viewer { id } }', variables: { ids: ids(5_000), first: 5_000 } });
  });
});

it('survives the deepest nesting that 5,000 tokens allow', async () => {
  const apollo = await startApollo();
  const inFragments = await apollo.post({ query: `${'{ ... '.repeat(1_660)} { __typename } ${'}'.repeat(1_660)}` });
  const inLists = await apollo.post({ query: `{ devices(ids: ${'['.repeat(2_490)}${']'.repeat(2_490)}) { id } }` });
  expect([inFragments.status, inLists.status]).toEqual([400, 400]);
  expect(apollo.logs).toEqual([]);
});
