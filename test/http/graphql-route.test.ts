/** `/graphql` over HTTP: methods, bodies, and errors before GraphQL runs. */
import { beforeAll, describe, expect, it } from 'vitest';
import { API_KEY, BREAKING_API_KEY, sendRaw, startHttp, UNKNOWABLE_API_KEY, type TestHttp } from './http-server.js';

let http: TestHttp;
beforeAll(async () => {
  http = await startHttp();
});

const MAX_BODY_BYTES = 1_048_576;

function postBody(
  body: string | Buffer<ArrayBuffer> | undefined,
  headers: Record<string, string> = { 'content-type': 'application/json' },
) {
  return fetch(`${http.url}/graphql`, { method: 'POST', headers, ...(body !== undefined && { body }) });
}

async function expectError(answer: Response, status: number, code: string): Promise<{ message: string; extensions: object }> {
  const body = (await answer.json()) as { data?: unknown; errors: [{ message: string; extensions: Record<string, unknown> }] };
  expect({ status: answer.status, code: body.errors[0].extensions.code }).toEqual({ status, code });
  expect(body.errors[0].extensions.requestId).toBe(answer.headers.get('x-request-id'));
  expect(body.errors).toHaveLength(1);
  expect(body).not.toHaveProperty('data');
  expect(JSON.stringify(body)).not.toMatch(/FST_|fastify|node_modules|stack/i);
  return body.errors[0];
}

describe('methods', () => {
  it('answers GET as POST', async () => {
    const url = `${http.url}/graphql?query=${encodeURIComponent('query($t:String){echo(text:$t)}')}&variables={"t":"ä?&"}`;
    const answer = await fetch(url.replace('ä?&', encodeURIComponent('ä?&')), { headers: { 'apollo-require-preflight': '1' } });
    expect(await answer.json()).toEqual({ data: { echo: 'ä?&' } });
  });

  it('answers HEAD as GET, without the body', async () => {
    const headers = { 'apollo-require-preflight': '1' };
    const get = await fetch(`${http.url}/graphql?query={hello}`, { headers });
    const head = await fetch(`${http.url}/graphql?query={hello}`, { method: 'HEAD', headers });
    expect(head.status).toBe(200);
    expect(head.headers.get('content-length')).toBe(get.headers.get('content-length'));
    expect(head.headers.get('cache-control')).toBe(get.headers.get('cache-control'));
    expect(await head.text()).toBe('');
  });

  it.each(['PUT', 'DELETE', 'PATCH', 'PROPFIND', 'OPTIONS'])('refuses %s and says which it takes', async (method) => {
    const answer = await fetch(`${http.url}/graphql`, { method });
    expect(answer.headers.get('allow')).toBe('GET, HEAD, POST');
    await expectError(answer, 405, 'BAD_REQUEST');
  });

  it('refuses a GET that another site may have caused', async () => {
    const error = await expectError(await fetch(`${http.url}/graphql?query={hello}`), 400, 'BAD_REQUEST');
    expect(error.message).toContain('CSRF');
  });
});

describe('the landing page', () => {
  const browser = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };

  it('is what a browser gets, by way of `/` too', async () => {
    const answer = await fetch(`${http.url}/`, { headers: browser });
    expect(answer.url).toBe(`${http.url}/graphql`);
    expect(answer.headers.get('content-type')).toMatch(/^text\/html/);
    expect(await answer.text()).toContain('A page for people');
  });

  it('does not hide bad credentials', async () => {
    await expectError(
      await fetch(`${http.url}/graphql`, { headers: { ...browser, 'x-api-key': 'wrong' } }),
      401,
      'UNAUTHENTICATED',
    );
  });
});

describe('credentials', () => {
  it('make the principal', async () => {
    const who = async (headers: Record<string, string>) => (await http.post('{who}', headers)).json();
    expect(await who({})).toEqual({ data: { who: 'ANONYMOUS' } });
    expect(await who({ 'x-api-key': API_KEY })).toEqual({ data: { who: 'DEVICE' } });
    expect(await who({ authorization: `Bearer ${http.tokens.grower}` })).toEqual({ data: { who: 'USER' } });
    expect(await who({ authorization: `Bearer ${http.tokens.grower}`, 'x-api-key': 'wrong' })).toEqual({ data: { who: 'USER' } });
  });

  it.each([
    { authorization: 'Bearer nonsense' },
    { authorization: 'Basic dXNlcjpwYXNz' },
    { authorization: '' },
    { 'x-api-key': 'wrong' },
    { 'x-api-key': '' },
    { authorization: 'Bearer nonsense', 'x-api-key': API_KEY },
  ])('are refused when they are %j', async (headers) => {
    const answer = await http.post('{hello}', headers);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    const { message } = await expectError(answer, 401, 'UNAUTHENTICATED');
    expect(message).not.toContain('nonsense');
  });

  it('are refused before anything else about the request', async () => {
    const authorization = 'Bearer nonsense';
    const asked = [
      fetch(`${http.url}/graphql?query={hello}`, { headers: { authorization } }),
      postBody('{', { 'content-type': 'application/json', authorization }),
      postBody('x', { 'content-type': 'text/plain', authorization }),
      postBody(' '.repeat(MAX_BODY_BYTES + 1), { 'content-type': 'application/json', authorization }),
    ];
    for (const answer of await Promise.all(asked)) await expectError(answer, 401, 'UNAUTHENTICATED');
  });

  it('that can not be checked are a 503 with a time to come back', async () => {
    const answer = await http.post('{hello}', { 'x-api-key': UNKNOWABLE_API_KEY });
    expect(answer.headers.get('retry-after')).toBe('2');
    expect(answer.headers.get('www-authenticate')).toBeNull();
    await expectError(answer, 503, 'DATABASE_UNAVAILABLE');
  });

  it.each([
    ['application/graphql-response+json', 'application/graphql-response+json; charset=utf-8'],
    ['application/graphql-response+json, application/json;q=0.9', 'application/graphql-response+json; charset=utf-8'],
    ['application/json, application/graphql-response+json;q=0.9', 'application/json; charset=utf-8'],
    ['*/*', 'application/json; charset=utf-8'],
    ['image/png', 'application/json; charset=utf-8'],
  ])('are refused in the media type of other answers, accepting %s', async (accept, contentType) => {
    const answer = await http.post('{hello}', { authorization: 'Bearer nonsense', accept });
    expect(answer.headers.get('content-type')).toBe(contentType);
    await expectError(answer, 401, 'UNAUTHENTICATED');
  });
});

describe('a body', () => {
  /** A query in exactly so many bytes. */
  const padded = (bytes: number) => {
    const [head, tail] = ['{"query":"{hello}","extensions":{"padding":"', '"}}'];
    return head + 'x'.repeat(bytes - head.length - tail.length) + tail;
  };

  it('may have 1 MiB', async () => {
    for (const bytes of [MAX_BODY_BYTES - 1, MAX_BODY_BYTES]) {
      expect(await (await postBody(padded(bytes))).json()).toEqual({ data: { hello: 'world' } });
    }
  });

  it('may not have a byte more, announced or not', async () => {
    const { body } = new Response(padded(MAX_BODY_BYTES + 1));
    const chunked = fetch(`${http.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      duplex: 'half',
    });
    for (const answer of [await postBody(padded(MAX_BODY_BYTES + 1)), await chunked]) {
      const { extensions } = await expectError(answer, 413, 'LIMIT_EXCEEDED');
      expect(extensions).toMatchObject({ limit: 'body', max: MAX_BODY_BYTES });
    }
  });

  it('that is far too large is still answered, though the client goes on sending', async () => {
    for (let i = 0; i < 5; i++) await expectError(await postBody(padded(30 * MAX_BODY_BYTES)), 413, 'LIMIT_EXCEEDED');
  });

  it.each([
    '{',
    'hello',
    "{'query':'{hello}'}",
    '{"query":"{hello}",}',
    '{"query":"{hello}"} x',
    '{"query":"{hello}","variables":{"__proto__":{"admin":true}}}',
    '{"query":"{hello}","variables":{"constructor":{"prototype":{}}}}',
    '\u0000',
  ])('%j is not JSON that we take', async (body) => {
    await expectError(await postBody(body), 400, 'BAD_REQUEST');
  });

  it('in another encoding than UTF-8 is refused, not guessed', async () => {
    const latin1 = Buffer.from('{"query":"{echo(text:\\"ä\\")}"}', 'latin1');
    expect((await expectError(await postBody(latin1), 400, 'BAD_REQUEST')).message).toContain('UTF-8');
    const utf16 = Buffer.from('{"query":"{hello}"}', 'utf16le');
    await expectError(await postBody(utf16), 400, 'BAD_REQUEST');
  });

  it('may begin with a byte order mark, and hold any character', async () => {
    const body = '\uFEFF' + JSON.stringify({ query: 'query($t:String){echo(text:$t)}', variables: { t: '温室 🌱 __proto__' } });
    expect(await (await postBody(body)).json()).toEqual({ data: { echo: '温室 🌱 __proto__' } });
  });

  it.each([
    '',
    '[]',
    '[{"query":"{hello}"}]',
    '{}',
    'null',
    '1',
    '"{hello}"',
    '{"query":1}',
    '{"query":"{hello}","variables":"{}"}',
  ])('that is %j is refused as Apollo Server does', async (body) => {
    await expectError(await postBody(body), 400, 'BAD_REQUEST');
  });

  it('may be missing', async () => {
    await expectError(await postBody(undefined), 400, 'BAD_REQUEST');
    await expectError(await postBody(undefined, { 'apollo-require-preflight': '1' }), 400, 'BAD_REQUEST');
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/xml'])(
    'of type %s is not read',
    async (type) => {
      await expectError(await postBody('{"query":"mutation{change}"}', { 'content-type': type }), 400, 'BAD_REQUEST');
      const headers = { 'content-type': type, 'apollo-require-preflight': '1' };
      await expectError(await postBody('{"query":"mutation{change}"}', headers), 400, 'BAD_REQUEST');
    },
  );

  it('whose type can not be read is a 415', async () => {
    await expectError(await postBody('{"query":"{hello}"}', { 'content-type': 'json' }), 415, 'BAD_REQUEST');
  });

  it.each(['application/json; charset=utf-8', 'APPLICATION/JSON', 'application/json;charset="UTF-8"; x=y'])(
    'of type %s is JSON',
    async (type) => {
      expect(await (await postBody('{"query":"{hello}"}', { 'content-type': type })).json()).toEqual({
        data: { hello: 'world' },
      });
    },
  );
});

it('leaves connections usable after an error', async () => {
  const bad = 'POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 1\r\n\r\n{';
  const good = 'GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';
  expect(await sendRaw(http.url, bad + good)).toMatch(/^HTTP\/1.1 400 [^]*HTTP\/1.1 200 OK/);
});

describe('what nobody expected', () => {
  const logged = (id: string) => http.logs.filter(({ requestId, level }) => requestId === id && level === 50);

  it('is told nothing of before GraphQL runs either', async () => {
    const answer = await http.post('{hello}', { 'x-api-key': BREAKING_API_KEY, 'x-request-id': 'early' });
    expect((await expectError(answer, 500, 'INTERNAL_SERVER_ERROR')).message).toBe('Internal server error');
    expect(logged('early')).toEqual([expect.objectContaining({ err: expect.objectContaining({ stack: expect.any(String) }) })]);
  });

  it('is told nothing of, and logged with the request id', async () => {
    const answer = await http.post('{broken}', { 'x-request-id': 'unexpected' });
    expect(answer.status).toBe(200);
    const text = await answer.text();
    expect(JSON.parse(text)).toMatchObject({
      errors: [{ extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: 'unexpected' } }],
    });
    expect(text).not.toMatch(/ECONNREFUSED|hunter2|10\.0\.0\.7/);
    const message = 'connect ECONNREFUSED mongodb://***@10.0.0.7:27017';
    expect(logged('unexpected')).toMatchObject([{ err: { name: 'Error', message } }]);
  });
});

it('takes a query of 1,000 ids in a URL, and says when it is too long', async () => {
  const ids = encodeURIComponent(JSON.stringify(Array.from({ length: 1_000 }, (_, i) => `sensor-${1_000 + i}|Bed ${i}`)));
  const get = (text: string) =>
    fetch(`${http.url}/graphql?query={hello}&extensions={"ids":"${text}"}`, { headers: { 'apollo-require-preflight': '1' } });
  expect(await (await get(ids.replaceAll('%22', ''))).json()).toEqual({ data: { hello: 'world' } });
  const tooLong = await get('x'.repeat(70_000));
  expect(tooLong.status).toBe(431);
  expect(await tooLong.json()).toMatchObject({ code: 'BAD_REQUEST' });
});
