/** The headers that every answer has, whatever becomes of the request. */
import { beforeAll, describe, expect, it } from 'vitest';
import { API_KEY, ORIGIN, sendRaw, startHttp, type TestHttp } from './http-server.js';

let http: TestHttp;
beforeAll(async () => {
  http = await startHttp();
});

const json = { 'content-type': 'application/json' };
const bad = { authorization: 'Bearer nonsense' };

/** One of every kind of answer. */
const ANSWERS: readonly (readonly [kind: string, status: number, path: string, init: RequestInit])[] = [
  ['a result', 200, '/graphql', { method: 'POST', headers: json, body: '{"query":"{hello}"}' }],
  ['a page', 200, '/graphql', { headers: { accept: 'text/html' } }],
  ['a refused query', 400, '/graphql', { method: 'POST', headers: json, body: '{"query":"{"}' }],
  ['bad JSON', 400, '/graphql', { method: 'POST', headers: json, body: '{' }],
  ['bad credentials', 401, '/graphql', { method: 'POST', headers: { ...json, ...bad }, body: '{"query":"{hello}"}' }],
  ['another method', 405, '/graphql', { method: 'DELETE' }],
  ['too large a body', 413, '/graphql', { method: 'POST', headers: json, body: ' '.repeat(1_048_577) }],
  ['another content type', 400, '/graphql', { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'x' }],
  ['the older API', 401, '/cache/stats', {}],
  ['an unknown path', 404, '/nowhere', {}],
  ['a path that is none', 404, '/%', {}],
  ['the way to the page', 302, '/', { redirect: 'manual' }],
  ['a probe', 200, '/livez', {}],
];

describe.each(ANSWERS)('%s (%i)', (_kind, status, path, init) => {
  const send = (headers: Record<string, string>) =>
    fetch(http.url + path, { ...init, headers: { ...(init.headers as Record<string, string>), ...headers } });

  it('has the request id that the client sent, and says what it depends on', async () => {
    const answer = await send({ 'x-request-id': 'from.the-client_1' });
    expect(answer.status).toBe(status);
    expect(answer.headers.get('x-request-id')).toBe('from.the-client_1');
    expect(answer.headers.get('vary')).toBe('authorization, x-api-key, accept, origin');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('x-powered-by')).toBeNull();
    await answer.body?.cancel();
  });

  it('can be read by a page of an allowed origin, and by no other', async () => {
    const allowed = await send({ origin: ORIGIN });
    expect(allowed.headers.get('access-control-allow-origin')).toBe(ORIGIN);
    expect(allowed.headers.get('access-control-expose-headers')).toBe('age, etag, cache-status, x-request-id, retry-after');
    expect(allowed.headers.get('access-control-allow-credentials')).toBeNull();
    for (const origin of ['https://studio.apollographql.com.evil.example', 'http://localhost:4000', 'null']) {
      const other = await send({ origin });
      expect(other.headers.get('access-control-allow-origin')).toBeNull();
      expect(other.headers.get('vary')).toContain('origin');
    }
  });
});

describe('x-request-id', () => {
  it.each(['a', 'A.b_c-9', 'x'.repeat(128)])('is taken over when it is %s', async (id) => {
    expect((await fetch(`${http.url}/livez`, { headers: { 'x-request-id': id } })).headers.get('x-request-id')).toBe(id);
  });

  it.each(['', ' ', 'x'.repeat(129), 'a b', 'a,b', 'a"b', 'ä', '{"a":1}'])('is made when it is %j', async (id) => {
    const answer = await fetch(`${http.url}/livez`, { headers: { 'x-request-id': id } });
    expect(answer.headers.get('x-request-id')).toMatch(/^[\w-]{36}$/);
  });

  it('is made when it is missing or sent twice, another each time', async () => {
    const twice = 'GET /livez HTTP/1.1\r\nhost: a\r\nx-request-id: a\r\nx-request-id: b\r\nconnection: close\r\n\r\n';
    const made = await Promise.all([
      fetch(`${http.url}/livez`).then(({ headers }) => headers.get('x-request-id')),
      fetch(`${http.url}/livez`).then(({ headers }) => headers.get('x-request-id')),
      sendRaw(http.url, twice).then((answer) => /x-request-id: (.*)\r/.exec(answer)?.[1]),
    ]);
    for (const id of made) expect(id).toMatch(/^[\w-]{36}$/);
    expect(new Set(made).size).toBe(3);
  });

  it('is in every error of a GraphQL answer', async () => {
    for (const body of ['{"query":"{"}', '{"query":"{nowhere}"}', '{"query":"{broken}"}', '{}', '[]', '{"query":1}', '{']) {
      const answer = await fetch(`${http.url}/graphql`, { method: 'POST', headers: { ...json, 'x-request-id': 'mine' }, body });
      expect(await answer.json()).toMatchObject({ errors: [{ extensions: { requestId: 'mine' } }] });
    }
  });
});

describe('a preflight', () => {
  const preflight = (path: string, headers: Record<string, string>) =>
    fetch(http.url + path, { method: 'OPTIONS', headers: { 'access-control-request-method': 'POST', ...headers } });

  it('allows what Sandbox sends, for two hours', async () => {
    const answer = await preflight('/graphql', {
      origin: ORIGIN,
      'access-control-request-headers': 'apollo-require-preflight,authorization,content-type,x-api-key',
    });
    expect(answer.status).toBe(204);
    const allowed = {
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers':
        'authorization, x-api-key, content-type, apollo-require-preflight, apollo-cache-debugging, cache-control, if-none-match, x-request-id',
      'access-control-max-age': '7200',
    };
    expect(Object.fromEntries(answer.headers)).toMatchObject(allowed);
    expect(answer.headers.get('vary')).toContain('origin');
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    expect(await answer.text()).toBe('');
  });

  it('allows another origin nothing', async () => {
    const answer = await preflight('/graphql', { origin: 'https://evil.example' });
    expect(answer.status).toBe(204);
    expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect(answer.headers.get('vary')).toContain('origin');
  });

  it('needs no credentials', async () => {
    expect((await preflight('/cache/clear', { origin: 'http://localhost:3000' })).status).toBe(204);
  });

  it('is an OPTIONS of a browser; any other is a method like others', async () => {
    const answer = await fetch(`${http.url}/graphql`, { method: 'OPTIONS' });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('GET, HEAD, POST');
  });
});

it('does not speak of origins when none is allowed', async () => {
  const closed = await startHttp({ config: { corsOrigins: [] } });
  const answer = await closed.post('{hello}', { origin: ORIGIN });
  expect(answer.headers.get('vary')).toBe('authorization, x-api-key, accept');
  expect(answer.headers.get('access-control-allow-origin')).toBeNull();
});

it('reveals by no header whether an API key was asked for', async () => {
  const names = async (headers: Record<string, string>) => [...(await http.post('{hello}', headers)).headers.keys()].sort();
  expect(await names({ 'x-api-key': API_KEY })).toEqual(await names({}));
});
