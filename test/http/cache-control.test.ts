/** `cache-control` of `/graphql`: by the request's credentials, and no-store for what must not be kept; never by what was found. */
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { API_KEY, startHttp, UNKNOWABLE_API_KEY, type TestHttp } from './http-server.js';

let http: TestHttp;
beforeAll(async () => {
  http = await startHttp();
});

const PUBLIC = 'public, max-age=0, must-revalidate';
const PRIVATE = 'private, max-age=0, must-revalidate';

async function cacheControlOf(answer: Response | Promise<Response>): Promise<string | null> {
  const { headers, body } = await answer;
  await body?.cancel();
  return headers.get('cache-control');
}

describe.each(['{hello}', '{nothing}', '{who}', '{__typename}', '{__schema{queryType{name}}}'])('an answer to %s', (query) => {
  it('is public without credentials', async () => {
    expect(await cacheControlOf(http.post(query))).toBe(PUBLIC);
    const url = `${http.url}/graphql?query=${encodeURIComponent(query)}`;
    expect(await cacheControlOf(fetch(url, { headers: { 'apollo-require-preflight': '1' } }))).toBe(PUBLIC);
  });

  it('is private with any', async () => {
    expect(await cacheControlOf(http.post(query, { authorization: `Bearer ${http.tokens.grower}` }))).toBe(PRIVATE);
    expect(await cacheControlOf(http.post(query, { 'x-api-key': API_KEY }))).toBe(PRIVATE);
  });
});

describe.each([
  ['a mutation', 'mutation {change}'],
  ['a field that forbids it', '{hello unstorable}'],
  ['a stale answer', '{stale}'],
  ['a failing field', '{hello broken}'],
  ['a text that is not GraphQL', '{'],
  ['an unknown field', '{nowhere}'],
  ['an unknown operation', 'query a {hello} query b {hello}'],
  ['an empty query', ''],
])('%s', (_kind, query) => {
  it('is not stored, with credentials or without', async () => {
    expect(await cacheControlOf(http.post(query))).toBe('no-store');
    expect(await cacheControlOf(http.post(query, { authorization: `Bearer ${http.tokens.grower}` }))).toBe('no-store');
  });
});

it('is no-store for credentials that are bad or can not be checked', async () => {
  expect(await cacheControlOf(http.post('{hello}', { authorization: 'Bearer nonsense' }))).toBe('no-store');
  expect(await cacheControlOf(http.post('{hello}', { 'x-api-key': UNKNOWABLE_API_KEY }))).toBe('no-store');
});

it('is no-store for a mutation by GET', async () => {
  const answer = await fetch(`${http.url}/graphql?query=mutation{change}`, { headers: { 'apollo-require-preflight': '1' } });
  expect(answer.status).toBe(405);
  expect(answer.headers.get('allow')).toBe('POST');
  expect(await cacheControlOf(answer)).toBe('no-store');
});

it('is no-store for a persisted query that is not known, and as usual once it is', async () => {
  const query = '{ hello nothing }';
  const sha256Hash = createHash('sha256').update(query).digest('hex');
  const send = (body: object) =>
    fetch(`${http.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...body, extensions: { persistedQuery: { version: 1, sha256Hash } } }),
    });
  const unknown = await send({});
  expect(await unknown.clone().json()).toMatchObject({ errors: [{ extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }] });
  expect(await cacheControlOf(unknown)).toBe('no-store');
  expect(await cacheControlOf(send({ query }))).toBe(PUBLIC);
  expect(await cacheControlOf(send({}))).toBe(PUBLIC);
});

it('lets anonymous answers be kept for PUBLIC_MAX_AGE_SECONDS, and no others', async () => {
  const kept = await startHttp({ config: { publicMaxAgeSeconds: 90 } });
  expect(await cacheControlOf(kept.post('{hello}'))).toBe('public, max-age=90, must-revalidate');
  expect(await cacheControlOf(kept.post('{hello}', { 'x-api-key': API_KEY }))).toBe(PRIVATE);
  expect(await cacheControlOf(kept.post('{broken}'))).toBe('no-store');
});
