/** The probes, the way to the page, and what is not there. */
import { beforeAll, describe, expect, it } from 'vitest';
import { READY, sendRaw, startHttp, type TestHttp } from './http-server.js';

let http: TestHttp;
beforeAll(async () => {
  http = await startHttp();
});

describe('/livez', () => {
  it('answers whoever asks, with bad credentials too', async () => {
    const answer = await fetch(`${http.url}/livez`, { headers: { authorization: 'nonsense' } });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ status: 'alive' });
  });
});

describe('/readyz', () => {
  it('is 200 when ready, whatever is down', async () => {
    const state = { status: 'ready', mongodb: 'down', redis: 'down', cache: 'degraded' } as const;
    const { url } = await startHttp({ health: state });
    const answer = await fetch(`${url}/readyz`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual(state);
    expect((await fetch(`${url}/readyz`, { method: 'HEAD' })).status).toBe(200);
  });

  it('is 503 before', async () => {
    const { url } = await startHttp({ health: { ...READY, status: 'starting' } });
    const answer = await fetch(`${url}/readyz`);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({ ...READY, status: 'starting' });
    expect((await fetch(`${url}/livez`)).status).toBe(200);
  });
});

it('sends `/` to the page', async () => {
  for (const method of ['GET', 'HEAD']) {
    const answer = await fetch(`${http.url}/`, { method, redirect: 'manual' });
    expect(answer.status).toBe(302);
    expect(answer.headers.get('location')).toBe('/graphql');
  }
});

describe('what is not there', () => {
  it.each(['/nowhere', '/graphql/', '/graphqlx', '/Graphql', '/cache', '/livez/x', '/..%2f..%2fetc/passwd', '/%', '/%zz?a=b'])(
    'is a 404 at %s',
    async (path) => {
      const answer = await sendRaw(http.url, `GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1.1 404 Not Found\r\n/);
      expect(answer).toContain('content-type: application/json; charset=utf-8\r\n');
      const body = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))) as object;
      expect(body).toEqual({ detail: 'There is nothing at this path. GraphQL is at /graphql.', code: 'NOT_FOUND' });
    },
  );

  it('is a 405 with another method', async () => {
    for (const [path, method, allow] of [
      ['/livez', 'POST', 'GET, HEAD'],
      ['/cache/clear', 'GET', 'POST'],
      ['/cache/stats', 'PROPFIND', 'GET, HEAD'],
    ] as const) {
      const answer = await fetch(http.url + path, { method });
      expect(answer.status).toBe(405);
      expect(answer.headers.get('allow')).toBe(allow);
      expect(await answer.json()).toEqual({ detail: `This path takes only ${allow}.`, code: 'BAD_REQUEST' });
    }
  });
});

describe('what is not HTTP', () => {
  it.each([
    ['nonsense', 'hello\r\n\r\n', 400],
    ['a header without a colon', 'GET /livez HTTP/1.1\r\nhost: a\r\nx\r\n\r\n', 400],
    ['too long a header', `GET /livez HTTP/1.1\r\nhost: a\r\nx: ${'x'.repeat(70_000)}\r\n\r\n`, 431],
  ])('is answered when it is %s', async (_kind, bytes, status) => {
    const answer = await sendRaw(http.url, bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toMatch(/\r\nx-request-id: [\w-]{36}\r\n/);
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({ code: 'BAD_REQUEST' });
  });
});

it('says which port is taken and what to do', async () => {
  const port = Number(new URL(http.url).port);
  await expect(startHttp({ config: { port } })).rejects.toThrow(
    `Can't listen on port ${port} of 127.0.0.1: it is in use. Set PORT or HOST.`,
  );
});
