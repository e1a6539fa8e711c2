/** Stopping: no request is lost, whatever state its connection is in. */
import { Agent, request, type IncomingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { track } from '../harness/registry.js';
import { waitFor } from '../harness/wait.js';
import { startServer } from '../harness/server.js';
import { startHttp } from './http-server.js';

const CLIENTS = 20;

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Asks by node's own client, which reuses connections as the agent says and never tries again by itself. */
function ask(agent: Agent, url: string, query: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asking = request(
      `${url}/graphql`,
      { agent, method: 'POST', headers: { 'content-type': 'application/json' } },
      (answer) => {
        let body = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => (body += chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          resolve({ status: answer.statusCode, headers: answer.headers, body });
        });
      },
    );
    asking.on('error', reject);
    asking.end(JSON.stringify({ query }));
  });
}

function keepAliveAgent(): Agent {
  const agent = new Agent({ keepAlive: true });
  const close = () => {
    agent.destroy();
    return Promise.resolve();
  };
  track({ name: 'agent', close });
  return agent;
}

async function openSocket(url: string): Promise<Socket & { received: string; ended: boolean }> {
  const { hostname, port } = new URL(url);
  const socket = Object.assign(connect(Number(port), hostname), { received: '', ended: false });
  track({ name: 'socket', close: () => Promise.resolve(socket.destroy()) });
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => (socket.received += chunk));
  socket.on('close', () => (socket.ended = true));
  await waitFor(() => !socket.connecting);
  return socket;
}

/** Whether nobody listens there any more. */
function isRefused(url: string): Promise<boolean> {
  return fetch(`${url}/livez`).then(
    () => false,
    () => true,
  );
}

/** What became of the requests of one client: `connection` of an answer, or the code of the error that ended it. */
interface Outcome {
  readonly code?: string;
  readonly connection?: string;
}

/** Clients that each ask one thing after the other over a connection that they keep, until one of their requests fails. */
function startClients(url: string, query: string, expected: string): { outcomes: Outcome[]; ended: Promise<unknown> } {
  const outcomes: Outcome[] = [];
  const client = async () => {
    const agent = keepAliveAgent();
    for (;;) {
      try {
        const { status, headers, body } = await ask(agent, url, query);
        if (status !== 200 || body !== expected) throw new Error(`${String(status)} ${body}`);
        outcomes.push({ connection: headers.connection ?? '' });
      } catch (error) {
        const { code = String(error) } = error as NodeJS.ErrnoException;
        outcomes.push({ code });
        return;
      }
    }
  };
  return { outcomes, ended: Promise.all(Array.from({ length: CLIENTS }, client)) };
}

/** Who comes after the last answer finds nobody there, and sees so before it has sent anything. */
function expectNoneLost(outcomes: readonly Outcome[]): void {
  const codes = outcomes.filter(({ code }) => code !== undefined).map(({ code }) => code);
  expect(codes).toEqual(Array(CLIENTS).fill('ECONNREFUSED'));
  expect(outcomes.filter(({ connection }) => connection === 'close')).toHaveLength(CLIENTS);
}

describe('under load', () => {
  it('resets nobody, and tells each connection that it ends', async () => {
    const http = await startHttp();
    const { outcomes, ended } = startClients(http.url, '{hello}', '{"data":{"hello":"world"}}\n');
    await waitFor(() => outcomes.length > 500);
    await http.drain();
    await ended;
    expectNoneLost(outcomes);
  });

  it.each([
    ['from the cache of responses', '{ device(id: "well-01") { id } }', '{"data":{"device":{"id":"well-01|Well"}}}\n'],
    ['by GraphQL', '{ viewer { id } }', '{"data":{"viewer":null}}\n'],
  ])('loses no request of a process that gets SIGTERM, answered %s', async (_how, query, expected) => {
    const server = await startServer();
    const { outcomes, ended } = startClients(server.url, query, expected);
    await waitFor(() => outcomes.length > 500, { timeoutMs: 20_000 });
    expect(await server.stop()).toBe(0);
    await ended;
    expectNoneLost(outcomes);
  });
});

describe('a request that is under way', () => {
  it('is answered, however long it takes', async () => {
    const http = await startHttp();
    const agent = keepAliveAgent();
    const answer = ask(agent, http.url, '{gate}');
    await waitFor(() => http.waiting.length === 1);
    let isDrained = false;
    const drained = http.drain().then(() => (isDrained = true));
    await waitFor(() => isRefused(http.url));
    // Past the time after which idle connections are closed.
    const startedAt = performance.now();
    await waitFor(() => performance.now() - startedAt > 700);
    expect(isDrained).toBe(false);

    http.waiting[0]?.();
    expect(await answer).toMatchObject({ status: 200, body: '{"data":{"gate":"open"}}\n', headers: { connection: 'close' } });
    await drained;
  });

  it('is answered when others of its connection wait behind it', async () => {
    const http = await startHttp();
    const socket = await openSocket(http.url);
    const body = '{"query":"{gate}"}';
    const request = `POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    socket.write(request.repeat(3));
    await waitFor(() => http.waiting.length === 3);
    const drained = http.drain();
    await waitFor(() => isRefused(http.url));
    for (const open of http.waiting) open();
    await drained;
    await waitFor(() => socket.ended);
    expect(socket.received.match(/{"data":{"gate":"open"}}/g)).toHaveLength(3);
    expect(socket.received.match(/^connection: .*$/gim)).toEqual([
      'Connection: keep-alive',
      'Connection: keep-alive',
      'connection: close',
    ]);
  });

  it('is answered when its body is still to come', async () => {
    const http = await startHttp();
    const body = '{"query":"{hello}"}';
    const socket = await openSocket(http.url);
    socket.write(`POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`);
    await waitFor(() => socket.bytesWritten > 0);
    const drained = http.drain();
    socket.write(body);
    await drained;
    await waitFor(() => socket.ended);
    expect(socket.received).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(socket.received).toContain('{"data":{"hello":"world"}}');
  });
});

describe('a connection', () => {
  it('that is idle is closed', async () => {
    const http = await startHttp();
    const socket = await openSocket(http.url);
    socket.write('GET /livez HTTP/1.1\r\nhost: a\r\n\r\n');
    await waitFor(() => socket.received.includes('alive'));
    await http.drain();
    await waitFor(() => socket.ended);
  });

  it('that pauses for a moment is not cut off', async () => {
    /** Undefined when this process was held up so long that the connection was idle for more than a moment. */
    const askAfterPause = async (): Promise<Answer | undefined> => {
      const http = await startHttp();
      const agent = keepAliveAgent();
      await ask(agent, http.url, '{hello}');
      const drained = http.drain();
      const startedAt = performance.now();
      await waitFor(() => performance.now() - startedAt > 100);
      const asked = ask(agent, http.url, '{hello}').catch((error: unknown) => {
        if (performance.now() - startedAt < 400) throw error;
        return undefined;
      });
      await drained;
      return await asked;
    };
    const answer = await waitFor(askAfterPause, { timeoutMs: 20_000 });
    expect(answer).toMatchObject({ status: 200, headers: { connection: 'close' } });
  });

  it('that is sent several requests in one piece gets the answers to all, and ends with the last', async () => {
    const http = await startHttp({ responseTtlSeconds: 60 });
    const socket = await openSocket(http.url);
    const requestOf = (query: string) => {
      const body = JSON.stringify({ query });
      return `POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    };
    socket.write(requestOf('{hello}'));
    await waitFor(() => socket.received.includes('world'));
    const drained = http.drain();
    await waitFor(() => isRefused(http.url));
    // Executed, out of the cache, executed.
    socket.write(requestOf('{gate}') + requestOf('{hello}') + requestOf('{hello again: hello}'));
    await waitFor(() => http.waiting.length === 1);
    http.waiting[0]!();
    await drained;
    await waitFor(() => socket.ended);
    expect(socket.received.match(/^connection: .*$|{"data".*}$/gim)).toEqual([
      'Connection: keep-alive',
      '{"data":{"hello":"world"}}',
      'connection: keep-alive',
      '{"data":{"gate":"open"}}',
      'connection: keep-alive',
      '{"data":{"hello":"world"}}',
      'connection: close',
      '{"data":{"hello":"world","again":"world"}}',
    ]);
  });

  it('that was only opened is closed', async () => {
    const http = await startHttp();
    const socket = await openSocket(http.url);
    await http.drain();
    await waitFor(() => socket.ended);
    expect(socket.received).toBe('');
  });

  it('that is used once more gets its answer and ends', async () => {
    const http = await startHttp();
    const socket = await openSocket(http.url);
    socket.write('GET /livez HTTP/1.1\r\nhost: a\r\n\r\n');
    await waitFor(() => socket.received.includes('alive'));
    const drained = http.drain();
    await waitFor(() => isRefused(http.url));
    socket.write('GET /readyz HTTP/1.1\r\nhost: a\r\n\r\n');
    await waitFor(() => socket.ended);
    await drained;
    expect(socket.received).toMatch(/HTTP\/1\.1 503 [^]*\r\nconnection: close\r\n[^]*"status":"stopping"/);
  });
});

it('says that it is not ready at once, and serves for SHUTDOWN_DELAY_SECONDS', async () => {
  const http = await startHttp({ config: { shutdownDelaySeconds: 2 } });
  const startedAt = performance.now();
  const drained = http.drain();
  const readiness = await fetch(`${http.url}/readyz`);
  expect(readiness.status).toBe(503);
  expect(await readiness.json()).toMatchObject({ status: 'stopping' });
  let served = 0;
  while (performance.now() - startedAt < 700) {
    const answer = await http.post('{hello}');
    expect(await answer.json()).toEqual({ data: { hello: 'world' } });
    // An answer that this process was held up with may be one of the last.
    if (performance.now() - startedAt < 1_990) expect(answer.headers.get('connection')).toBe('keep-alive');
    served++;
  }
  expect(served).toBeGreaterThan(0);
  await drained;
  expect(performance.now() - startedAt).toBeGreaterThan(1_990);
  await expect(http.post('{hello}')).rejects.toThrow();
});

it('may be asked twice', async () => {
  const http = await startHttp();
  await Promise.all([http.drain(), http.drain()]);
  await http.drain();
});
