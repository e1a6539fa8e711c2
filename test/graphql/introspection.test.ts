/** Who may look at the schema. */
import { getIntrospectionQuery } from 'graphql';
import { describe, expect, it } from 'vitest';
import { ANONYMOUS, type Principal } from '../../src/auth/principal.js';
import { REQUEST_ID, startApollo } from './apollo.js';

const SERVICE: Principal = { kind: 'SERVICE', id: 'indexer', permissions: [] };
const DEVICE: Principal = {
  kind: 'DEVICE',
  id: 'a|b',
  owner: '1b4e28ba-2fa1-4d3b-a3f5-ef19b5a7633b',
  deviceId: 'a',
  name: 'b',
  permissions: [],
};

const QUERIES = [
  getIntrospectionQuery(),
  '{ __type(name: "Device") { name } }',
  '{ a: __schema { queryType { name } } viewer { id } }',
  'query { ...On } fragment On on Query { ... { __schema { queryType { name } } } }',
];

describe('in production', () => {
  it.each(QUERIES)('refuses anonymous callers: %s', async (query) => {
    const apollo = await startApollo({ production: true, principal: ANONYMOUS });
    const { status, body } = await apollo.post({ query });
    expect(status).toBe(400);
    expect(body).not.toHaveProperty('data');
    expect(body.errors).toHaveLength(1);
    expect(body.errors?.[0]?.extensions).toEqual({
      code: 'GRAPHQL_VALIDATION_FAILED',
      validationErrorCode: 'INTROSPECTION_DISABLED',
      requestId: REQUEST_ID,
    });
    expect(apollo.resolved).toEqual([]);
  });

  it.each(QUERIES)('answers verified callers: %s', async (query) => {
    for (const principal of [SERVICE, DEVICE]) {
      const apollo = await startApollo({ production: true, principal });
      const { status, body } = await apollo.post({ query });
      expect(body.errors).toBeUndefined();
      expect(status).toBe(200);
    }
  });

  it('decides anew for each caller of a document that is known already', async () => {
    let principal: Principal = SERVICE;
    const apollo = await startApollo({ production: true, principal: () => principal });
    const [query] = QUERIES;
    expect((await apollo.post({ query })).status).toBe(200);
    principal = ANONYMOUS;
    expect((await apollo.post({ query })).status).toBe(400);
    principal = SERVICE;
    expect((await apollo.post({ query })).status).toBe(200);
  });

  it('asks who is there only when it matters, so that other answers stay public', async () => {
    let asked = 0;
    const principal = () => {
      asked++;
      return ANONYMOUS;
    };
    const apollo = await startApollo({ production: true, principal });
    expect((await apollo.post({ query: '{ __typename device(id: "__schema __type") { __typename } }' })).status).toBe(200);
    expect(asked).toBe(0);
  });
});

it.each(QUERIES)('outside production answers everybody: %s', async (query) => {
  const apollo = await startApollo({ principal: ANONYMOUS });
  const { status, body } = await apollo.post({ query });
  expect(body.errors).toBeUndefined();
  expect(status).toBe(200);
});
