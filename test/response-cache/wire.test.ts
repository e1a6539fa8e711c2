/** However a request comes over the wire, it is answered, or refused, the same whether its answer is stored or not. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { beforeAll, expect, it } from 'vitest';
import { waitFor } from '../harness/wait.js';
import { API_KEY, sendRaw, startHttp, UNKNOWABLE_API_KEY, type TestHttp } from '../http/http-server.js';
import { exchange, get, keepAliveAgent, post } from './exchange.js';

let caching: TestHttp;
let plain: TestHttp;
beforeAll(async () => {
  caching = await startHttp({ responseTtlSeconds: 60, config: { budgetMs: 50 } });
  plain = await startHttp();
});

const OF_THE_WAY = /^(age|cache-status|date|x-request-id): /i;

/** The answers in what came back, each without what may differ; headers in order of their names. */
function answers(received: string): string[][] {
  return received
    .replaceAll(/"requestId":"[^"]*"/g, '"requestId":""')
    .split(/(?=HTTP\/1\.1 \d{3} )/)
    .map((answer) => {
      const [head = '', ...body] = answer.split('\r\n\r\n');
      const [status = '', ...headers] = head.split('\r\n');
      return [status, ...headers.filter((line) => !OF_THE_WAY.test(line)).sort(), body.join('\r\n\r\n')];
    });
}

/** Sends parts one after the other, each when the one before has left. */
async function sendParts(url: string, parts: readonly (string | Buffer)[]): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.setNoDelay(true);
  const received = text(socket);
  for (const part of parts) {
    await new Promise<void>((resolve, reject) => {
      socket.write(part, (error) => {
        if (error) reject(error);
        else setImmediate(resolve);
      });
    });
  }
  return await received;
}

const QUERY = '{"query":"{ hello echo(text: \\"ü\\") }"}';
const JSON_TYPE = 'content-type: application/json';

function request(body: string | Buffer, ...headers: string[]): Buffer {
  const all = headers.some((header) => /^(content-length|transfer-encoding):/.test(header))
    ? headers
    : [`content-length: ${Buffer.byteLength(body)}`, ...headers];
  return Buffer.concat([
    Buffer.from(`POST /graphql HTTP/1.1\r\nhost: a\r\n${all.map((header) => `${header}\r\n`).join('')}\r\n`),
    Buffer.from(body),
  ]);
}

const last = (body: string | Buffer, ...headers: string[]) => request(body, 'connection: close', ...headers);
const chunked = (...chunks: string[]) =>
  [...chunks, ''].map((chunk) => `${Buffer.byteLength(chunk).toString(16)}\r\n${chunk}\r\n`).join('');
const padded = (bytes: number) => QUERY.slice(0, -1) + ' '.repeat(bytes - Buffer.byteLength(QUERY)) + '}';
const byGet = (target: string, ...headers: string[]) =>
  `GET ${target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${headers.map((header) => `${header}\r\n`).join('')}\r\n`;
const TARGET = `/graphql?query=${encodeURIComponent('{ hello }')}`;
const PREFLIGHTED = 'apollo-require-preflight: 1';

const WIRES: Readonly<Record<string, readonly (string | Buffer)[]>> = {
  'a body': [last(QUERY, JSON_TYPE)],
  'the same in two packets': [last(QUERY, JSON_TYPE).subarray(0, -10), last(QUERY, JSON_TYPE).subarray(-10)],
  'the same byte by byte': [...last(QUERY, JSON_TYPE)].map((byte) => Buffer.from([byte])),
  'the same in chunks': [last(chunked(QUERY.slice(0, 7), QUERY.slice(7)), JSON_TYPE, 'transfer-encoding: chunked')],
  'the same under HTTP/1.0': [last(QUERY, JSON_TYPE).toString().replace('HTTP/1.1', 'HTTP/1.0')],
  'the same after a 100': [last(QUERY, JSON_TYPE, 'expect: 100-continue')],
  'the same to an absolute address': [last(QUERY, JSON_TYPE).toString().replace('/graphql', 'http://a/graphql')],
  'the same with a query string': [last(QUERY, JSON_TYPE).toString().replace('/graphql', '/graphql?query=%7Bnothing%7D')],
  'the same elsewhere': [last(QUERY, JSON_TYPE).toString().replace('/graphql', '/graphql/')],
  'three in one packet': [Buffer.concat([request(QUERY, JSON_TYPE), request(QUERY, JSON_TYPE), last(QUERY, JSON_TYPE)])],
  'three of other kinds in one packet': [
    Buffer.concat([request('', JSON_TYPE), request(QUERY, JSON_TYPE), last('{"query":"{ nowhere }"}', JSON_TYPE)]),
  ],
  'one that is cut in the second': [
    Buffer.concat([request(QUERY, JSON_TYPE), last(QUERY, JSON_TYPE).subarray(0, -5)]),
    last(QUERY, JSON_TYPE).subarray(-5),
  ],
  '300 kB, three times': [
    Buffer.concat([request(padded(3e5), JSON_TYPE), request(padded(3e5), JSON_TYPE), last(padded(3e5), JSON_TYPE)]),
  ],
  '1 MiB': [last(padded(2 ** 20), JSON_TYPE)],
  'a byte more than 1 MiB': [last(padded(2 ** 20 + 1), JSON_TYPE)],
  'a byte more in chunks': [last(chunked(padded(2 ** 20 + 1)), JSON_TYPE, 'transfer-encoding: chunked')],
  'an empty body': [last('', JSON_TYPE)],
  'no length': [last('', JSON_TYPE, 'transfer-encoding: identity')],
  'a length that is none': [last(QUERY, JSON_TYPE, 'content-length: 1e1')],
  'two lengths': [last(QUERY, JSON_TYPE, 'content-length: 39', 'content-length: 40')],
  'a length and chunks': [last(chunked(QUERY), JSON_TYPE, `content-length: ${QUERY.length}`, 'transfer-encoding: chunked')],
  gzip: [last(gzipSync(QUERY), JSON_TYPE, 'content-encoding: gzip')],
  'gzip in name only': [last(QUERY, JSON_TYPE, 'content-encoding: gzip')],
  identity: [last(QUERY, JSON_TYPE, 'content-encoding: identity')],
  'UTF-16 in name only': [last(QUERY, `${JSON_TYPE}; charset=utf-16`)],
  'UTF-16': [last(Buffer.from(QUERY, 'utf16le'), `${JSON_TYPE}; charset=utf-16le`)],
  'Latin-1': [last(Buffer.from(QUERY, 'latin1'), JSON_TYPE)],
  'a byte order mark': [last(`\ufeff${QUERY}`, JSON_TYPE)],
  'a prototype': [last('{"query":"{ hello }","variables":{"__proto__":{}}}', JSON_TYPE)],
  'other writing of the type': [last(QUERY, 'Content-Type: Application/JSON ; charset=UTF-8')],
  'two types': [last(QUERY, JSON_TYPE, 'content-type: text/plain')],
  'two types, the other way': [last(QUERY, 'content-type: text/plain', JSON_TYPE)],
  'no type': [last(QUERY)],
  'a type that is none': [last(QUERY, 'content-type: json')],
  'two accepts': [last(QUERY, JSON_TYPE, 'accept: image/png', 'accept: application/json')],
  'an accept that it has not': [last(QUERY, JSON_TYPE, 'accept: image/png')],
  'a bad token': [last(QUERY, JSON_TYPE, 'authorization: Bearer nonsense')],
  'an empty token': [last(QUERY, JSON_TYPE, 'authorization: ')],
  'two tokens': [last(QUERY, JSON_TYPE, 'authorization: Bearer a', 'authorization: Bearer b')],
  'a key': [last(QUERY, JSON_TYPE, `x-api-key: ${API_KEY}`)],
  'two keys': [last(QUERY, JSON_TYPE, `x-api-key: ${API_KEY}`, `x-api-key: ${API_KEY}`)],
  'an unknown key': [last(QUERY, JSON_TYPE, 'x-api-key: nobody')],
  'a key that cannot be looked up': [last(QUERY, JSON_TYPE, `x-api-key: ${UNKNOWABLE_API_KEY}`)],
  'by GET': [byGet(TARGET, PREFLIGHTED)],
  'by GET from another site': [byGet(TARGET)],
  'by GET in two packets': [byGet(TARGET, PREFLIGHTED).slice(0, 30), byGet(TARGET, PREFLIGHTED).slice(30)],
  'by GET with a fragment': [byGet(`${TARGET}#there`, PREFLIGHTED)],
  'by GET with a length of 0': [byGet(TARGET, PREFLIGHTED, 'content-length: 0')],
  'by GET with a body': [`${byGet(TARGET, PREFLIGHTED, 'content-length: 2')}{}`],
  'by GET twice, once from another site': [`${byGet(TARGET, PREFLIGHTED).replace('connection: close\r\n', '')}${byGet(TARGET)}`],
  'by HEAD': [byGet(TARGET, PREFLIGHTED).replace('GET', 'HEAD')],
  'by PUT': [last(QUERY, JSON_TYPE).toString().replace('POST', 'PUT')],
};

it.each(Object.keys(WIRES))('%s', async (name) => {
  await sendRaw(caching.url, last(QUERY, JSON_TYPE)); // that which most of them mean is stored
  await sendRaw(caching.url, byGet(TARGET, PREFLIGHTED));
  const uncached = answers(await sendParts(plain.url, WIRES[name]!));
  expect(uncached.flat().join()).not.toContain(' 500 ');
  for (let i = 0; i < 3; i++) expect(answers(await sendParts(caching.url, WIRES[name]!))).toEqual(uncached);
});

it.each([
  ['ends', (socket: Socket) => socket.end()],
  ['resets', (socket: Socket) => socket.resetAndDestroy()],
])('a client that %s its connection in the middle of its body leaves nothing behind', async (_how, leave) => {
  const lines = [];
  for (const { url, logs } of [plain, caching]) {
    const { hostname, port } = new URL(url);
    const before = logs.length;
    const gone = () => logs.slice(before).filter(({ msg }) => msg === 'request whose client has gone');
    for (let i = 0; i < 10; i++) {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => undefined);
      socket.resume();
      socket.write(last(padded(1e5), JSON_TYPE, 'expect: 100-continue').subarray(0, 200 + 4_000 * i));
      await once(socket, 'data'); // the server has begun to read
      leave(socket);
    }
    await waitFor(() => gone().length === 10);
    lines.push(gone().map(({ route, status }) => ({ route, status })));
    const answer = await exchange(keepAliveAgent(), url, post(QUERY));
    expect([answer.status, answer.body]).toEqual([200, '{"data":{"hello":"world","echo":"ü"}}\n']);
  }
  expect(lines[1]).toEqual(lines[0]);
});

it('one connection carries hits, misses and refusals in turn, large and small', async () => {
  const agent = keepAliveAgent();
  agent.maxSockets = 1;
  const requests = [
    post(padded(7e5)),
    post(QUERY),
    post(padded(2 ** 20 + 1)),
    get({ query: '{ hello }' }),
    post(''),
    post('{"query":"{ nowhere }"}'),
  ];
  const expected = await Promise.all(requests.map((each) => exchange(agent, plain.url, each)));
  for (let i = 0; i < 4; i++) {
    const got = await Promise.all(requests.map((each) => exchange(agent, caching.url, each)));
    expect(got.map(({ status }) => status)).toEqual(expected.map(({ status }) => status));
    const withoutId = ({ body }: { body: string }) => body.replace(/"requestId":"[^"]*"/, '');
    expect(got.map(withoutId)).toEqual(expected.map(withoutId));
  }
});
