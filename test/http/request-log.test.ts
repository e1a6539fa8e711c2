/** The log's line for each request: what it says, and what it never says. */
import { expect, it } from 'vitest';
import { waitFor } from '../harness/wait.js';
import { API_KEY, sendRaw, startHttp } from './http-server.js';

it('has one line for each request, whatever became of it', async () => {
  const http = await startHttp();
  const ask = async (id: string, answer: Promise<Response>) => {
    await (await answer).text();
    const lines = () => http.logs.filter(({ requestId }) => requestId === id);
    await waitFor(() => lines().length > 0, { describe: `the line of ${id}` });
    expect(lines()).toHaveLength(1);
    return lines()[0];
  };
  const post = (id: string, query: string, headers: Record<string, string> = {}) =>
    ask(id, http.post(query, { 'x-request-id': id, ...headers }));
  const common = { level: 30, time: expect.any(Number), milliseconds: expect.any(Number), msg: 'request' };

  expect(await post('named', 'query Greeting {hello}', { 'x-api-key': API_KEY })).toEqual({
    ...common,
    requestId: 'named',
    route: '/graphql',
    operation: 'Greeting',
    operationType: 'query',
    principal: 'DEVICE',
    status: 200,
  });
  expect(await post('mutation', 'mutation {change}', { authorization: `Bearer ${http.tokens.grower}` })).toEqual({
    ...common,
    requestId: 'mutation',
    route: '/graphql',
    operationType: 'mutation',
    principal: 'USER',
    status: 200,
  });
  expect(await post('invalid', 'query Nowhere {nowhere}')).toEqual({
    ...common,
    requestId: 'invalid',
    route: '/graphql',
    principal: 'ANONYMOUS',
    status: 400,
  });
  expect(await post('refused', '{hello}', { authorization: 'Bearer nonsense' })).toEqual({
    ...common,
    requestId: 'refused',
    route: '/graphql',
    status: 401,
  });
  const nowhere = fetch(`${http.url}/nowhere?a=b`, { headers: { 'x-request-id': 'nowhere' } });
  expect(await ask('nowhere', nowhere)).toEqual({ ...common, requestId: 'nowhere', status: 404 });
});

it('logs no probe, unless it is asked to', async () => {
  const quiet = await startHttp();
  const talkative = await startHttp({ logLevel: 'debug' });
  for (const http of [quiet, talkative]) {
    for (const path of ['/livez', '/readyz', '/cache/stats']) await (await fetch(http.url + path)).text();
  }
  await waitFor(() => quiet.logs.length > 0 && talkative.logs.length > 2);
  expect(quiet.logs.map(({ route }) => route)).toEqual(['/cache/stats']);
  expect(talkative.logs.map(({ route, level }) => [route, level])).toEqual([
    ['/livez', 20],
    ['/readyz', 20],
    ['/cache/stats', 30],
  ]);
});

it('cuts the name of an operation at 128 characters', async () => {
  const http = await startHttp();
  await http.post(`query ${'n'.repeat(500)} {hello}`);
  await waitFor(() => http.logs.length > 0);
  expect(http.logs[0]?.operation).toBe('n'.repeat(128));
});

it('says when the client has gone before its answer', async () => {
  const http = await startHttp();
  const abort = new AbortController();
  const asked = fetch(`${http.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': 'gone' },
    body: '{"query":"{gate}"}',
    signal: abort.signal,
  });
  asked.catch(() => undefined);
  await waitFor(() => http.waiting.length === 1);
  abort.abort();
  await waitFor(() => http.logs.length > 0);
  http.waiting[0]?.();
  expect(http.logs).toEqual([expect.objectContaining({ requestId: 'gone', msg: 'request whose client has gone' })]);
});

it('holds nothing that a client has sent beside the names', async () => {
  const http = await startHttp({ logLevel: 'debug' });
  const secret = 'sEcReT';
  const headers = {
    authorization: `Bearer ${secret}`,
    'x-api-key': secret,
    cookie: secret,
    origin: `https://${secret}.example`,
    'user-agent': secret,
    'x-request-id': `not an id ${secret}`,
    'apollo-require-preflight': secret,
  };
  const { authorization: _, 'x-api-key': __, ...anonymous } = headers;
  const url = (path: string) => `${http.url}${path}?token=${secret}&query={echo(text:"${secret}")}&operationName=${secret}`;
  const variables = JSON.stringify({ query: 'query($t:String){echo(text:$t)broken}', variables: { t: secret } });
  const json = { 'content-type': 'application/json' };
  const asked = [
    fetch(url('/graphql'), { headers }),
    fetch(url('/graphql'), { headers: anonymous }),
    fetch(url(`/${secret}`), { headers }),
    fetch(url('/cache/stats'), { headers }),
    fetch(url('/cache/invalidate'), { method: 'POST', headers: { ...anonymous, ...json }, body: `"${secret}"` }),
    fetch(url('/graphql'), { method: 'POST', headers: { ...anonymous, ...json }, body: variables }),
    fetch(url('/graphql'), { method: 'POST', headers: { ...anonymous, ...json }, body: `{${secret}` }),
    fetch(`${http.url}/graphql`, { method: secret, headers }),
  ];
  await Promise.allSettled(asked);
  await sendRaw(http.url, `${secret} ${secret}\r\n\r\n`);
  await waitFor(() => http.logs.filter(({ msg }) => msg === 'request').length >= 7);
  expect(JSON.stringify(http.logs)).not.toMatch(/secret/i);
});
