/** Answers out of memory are written past node's own way of sending: nobody may be able to tell. */
import { connect, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { track } from '../harness/registry.js';
import { startServer } from '../harness/server.js';
import { waitFor } from '../harness/wait.js';

const pathOf = (query: string) => `/graphql?${new URLSearchParams({ query }).toString()}`;
const DEVICE = pathOf('{ device(id: "well-01") { id name description } }');
const LISTING = pathOf('{ deviceListing { edges { cursor node { id name description deviceIds } } } }');
const BODY = JSON.stringify({ query: '{ device(id: "well-01") { id } }' });

interface Client {
  received: string;
  isEnded: boolean;
  send(text: string): void;
}

async function openSocket(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  track({ name: 'client', close: () => Promise.resolve(socket.destroy()) });
  socket.setEncoding('latin1');
  await waitFor(() => !socket.connecting);
  return socket;
}

async function openClient(url: string): Promise<Client> {
  const socket = await openSocket(url);
  const client: Client = { received: '', isEnded: false, send: (text) => socket.write(text) };
  socket.on('data', (chunk: string) => (client.received += chunk));
  socket.on('end', () => (client.isEnded = true));
  return client;
}

function get(requestId: string, headers = '', path = DEVICE): string {
  return `GET ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nx-request-id: ${requestId}\r\n${headers}\r\n`;
}

function post(requestId: string): string {
  const head = `POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nx-request-id: ${requestId}\r\n`;
  return `${head}content-length: ${BODY.length}\r\n\r\n${BODY}`;
}

/** Asks until the answer comes out of memory. */
async function startWarm(): Promise<string> {
  const { url } = await startServer();
  const client = await openClient(url);
  for (const request of [get('warm'), get('warm', '', LISTING), post('warm')]) {
    await waitFor(async () => {
      client.received = '';
      client.send(request);
      await waitFor(() => client.received.includes('}\n'));
      return client.received.includes('detail=l1');
    });
  }
  return url;
}

function headerNames(answer: string): string[] {
  const [head = ''] = answer.split('\r\n\r\n');
  return head
    .split('\r\n')
    .slice(1)
    .map((line) => line.slice(0, line.indexOf(':')).toLowerCase())
    .sort();
}

it('has the headers that node sends with any answer', async () => {
  const url = await startWarm();
  const client = await openClient(url);
  client.send(get('hit'));
  await waitFor(() => client.received.includes('}\n'));
  const hit = client.received;
  client.received = '';
  client.send(get('executed', 'cache-control: no-cache\r\n'));
  await waitFor(() => client.received.includes('}\n'));
  expect(hit).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(hit).toContain('detail=l1');
  expect(client.received).toContain('fwd=request');
  expect(headerNames(hit)).toEqual([...headerNames(client.received), 'age'].sort());
  for (const name of ['Connection', 'Keep-Alive', 'content-length', 'content-type']) {
    const line = new RegExp(`^${name}: .*$`, 'm');
    expect(line.exec(hit)?.[0]).toBe(line.exec(client.received)?.[0]);
  }
  const sentAt = Date.parse(/^Date: (.*)\r$/m.exec(hit)?.[1] ?? '');
  expect(Math.abs(Date.now() - sentAt)).toBeLessThan(5_000);
});

it('answers what was sent at once in the order in which it came, known or not', async () => {
  const url = await startWarm();
  const client = await openClient(url);
  const ids = Array.from({ length: 60 }, (_, i) => `n${i}`);
  client.send(
    ids
      .map((id, i) => [get(id), post(id), get(id, 'cache-control: no-cache\r\n'), get(id, 'if-none-match: *\r\n')][i % 4])
      .join(''),
  );
  await waitFor(() => (client.received.match(/^HTTP\/1\.1 /gm) ?? []).length === ids.length);
  expect([...client.received.matchAll(/^x-request-id: (.*)\r$/gm)].map(([, id]) => id)).toEqual(ids);
  expect(client.received.match(/^HTTP\/1\.1 304 /gm)).toHaveLength(15);
});

it.each([
  ['a client that says so', (request: string) => request.replace('host: a', 'host: a\r\nconnection: close')],
  ['a client of HTTP/1.0', (request: string) => request.replace('HTTP/1.1', 'HTTP/1.0')],
])('ends the connection of %s', async (_who, change) => {
  const url = await startWarm();
  const client = await openClient(url);
  client.send(change(get('last')));
  await waitFor(() => client.isEnded);
  expect(client.received).toContain('detail=l1');
  expect(client.received).toMatch(/^connection: close\r$/im);
  expect(client.received).toMatch(/\}\n$/);
});

it('stops reading from a client that reads nothing, and answers all once it does', async () => {
  const url = await startWarm();
  const socket = await openSocket(url);
  const before = await heapBytes(url);
  const count = 15_000; // answers of some 10 kB: far more than any system keeps for a connection
  const request = get('many', '', LISTING);
  for (let i = 0; i < count; i += 1_000) socket.write(request.repeat(1_000));
  const startedAt = performance.now();
  await waitFor(() => performance.now() - startedAt > 1_000);
  expect((await heapBytes(url)) - before).toBeLessThan(40_000_000);

  const head = 'HTTP/1.1 200 OK';
  let answers = 0;
  let bytes = 0;
  let rest = '';
  socket.on('data', (chunk: string) => {
    const text = rest + chunk;
    answers += text.split(head).length - 1;
    bytes += chunk.length;
    rest = text.slice(1 - head.length);
  });
  await waitFor(() => answers === count, { timeoutMs: 60_000 });
  expect(bytes).toBeGreaterThan(100_000_000);
}, 90_000);

/** What the process holds beside the system. */
async function heapBytes(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return (
    Number(/^nodejs_external_memory_bytes (\S+)/m.exec(text)?.[1]) + Number(/^nodejs_heap_size_used_bytes (\S+)/m.exec(text)?.[1])
  );
}
