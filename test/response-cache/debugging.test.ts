import { beforeAll, expect, it } from 'vitest';
import { startServer, type ServerProcess } from '../harness/server.js';

const DEBUGGED = { 'apollo-cache-debugging': 'true' };
const QUERY = '{ device(id: "greenhouse-7f3a") { id } }';

let server: ServerProcess;
let admin: Record<string, string>;
beforeAll(async () => {
  server = await startServer();
  admin = { authorization: `Bearer ${server.demoToken('admin')}` };
});

async function explain(query: string, headers: Record<string, string> = admin) {
  const answer = await server.graphql(query, {}, { ...headers, ...DEBUGGED });
  const debugging = answer.body.extensions?.apolloCacheDebugging as { version: string; data: Record<string, any>[] } | undefined;
  return { answer, debugging, entry: debugging?.data[0] };
}

it('explains what would be stored, and stores nothing', async () => {
  const { answer, debugging, entry } = await explain(QUERY);
  expect(debugging?.version).toBe('1.0');
  expect(entry).toMatchObject({
    source: 'subgraph',
    kind: { rootFields: ['device'] },
    subgraphRequest: { query: QUERY },
    cacheControl: { public: true },
    opensensor: { scope: 'PUBLIC', reasonNotStored: null, tier: null },
  });
  expect(entry?.key).toMatch(/^response:[0-9a-f]{64}$/);
  expect(entry?.invalidationKeys).toEqual(expect.arrayContaining(['device_meta:greenhouse-7f3a', 'device:greenhouse-7f3a']));
  expect(answer.body.data?.device.id).toBe('greenhouse-7f3a|Tomatoes');
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect((await server.graphql(QUERY, {}, admin)).headers.get('cache-status')).toBe('opensensor; fwd=miss; stored');
});

it('explains a stored response, with its age', async () => {
  for (let i = 0; i < 2; i++) await server.graphql(QUERY, {}, admin);
  const { entry } = await explain(QUERY);
  expect(entry).toMatchObject({ source: 'cache', opensensor: { tier: 'l1', reasonNotStored: null } });
  expect(entry?.opensensor.ttlSeconds).toBeLessThanOrEqual(60);
  const plain = await server.graphql(QUERY, {}, admin);
  expect(plain.headers.get('cache-status')).toMatch(/^opensensor; hit/);
  expect(plain.body.extensions).toBeUndefined();
});

it.each([
  ['a field that is never stored', '{ viewer { id } }', /never stored/],
  ['an error', '{ deviceListing(first: 0) { edges { cursor } } }', /has errors/],
])('says why something is not stored: %s', async (_what, query, reason) => {
  const { entry } = await explain(query);
  expect(entry?.opensensor.reasonNotStored).toMatch(reason);
});

it("says what made an answer its caller's own", async () => {
  const { entry } = await explain('{ device(id: "nobody-has-this") { id } }');
  expect(entry).toMatchObject({ cacheControl: { private: true }, opensensor: { scopeDecidedBy: 'a resolver asked who asks' } });
});

it('is for callers with cache:read alone', async () => {
  for (const headers of [{}, { authorization: `Bearer ${server.demoToken('grower')}` }]) {
    expect((await explain(QUERY, headers)).debugging).toBeUndefined();
  }
});
