/**
 * One request over HTTP and everything that comes back, header by header: what fetch hides, or adds by itself, is part of what these
 * tests compare. Called by the test files beside it.
 */
import { Agent, request as httpRequest } from 'node:http';
import { track } from '../harness/registry.js';

export interface Request {
  readonly method: 'GET' | 'HEAD' | 'POST';
  /** From `/graphql` on. */
  readonly path: string;
  /** A list: the header is sent as often. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer;
}

export interface Exchange {
  readonly status: number;
  /** Names in lower case; what came more than once is joined by ` + `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Connections that are kept, until the test ends. */
export function keepAliveAgent(): Agent {
  const agent = new Agent({ keepAlive: true });
  track({ name: 'agent', close: () => Promise.resolve(agent.destroy()) });
  return agent;
}

export function exchange(agent: Agent, url: string, { method, path, headers, body }: Request): Promise<Exchange> {
  return new Promise((resolve, reject) => {
    const asking = httpRequest(url + path, { agent, method, headers: headers as Record<string, string> }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        resolve({
          status: answer.statusCode ?? 0,
          headers: namedHeaders(answer.rawHeaders),
          body: Buffer.concat(chunks).toString(),
        });
      });
    });
    asking.on('error', reject);
    asking.end(body);
  });
}

function namedHeaders(raw: readonly string[]): Record<string, string> {
  const named: Record<string, string> = {};
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    named[name] = named[name] === undefined ? raw[i + 1]! : `${named[name]} + ${raw[i + 1]!}`;
  }
  return named;
}

/** Those that tell how an answer came about; all others must not. */
const OF_THE_WAY = ['age', 'cache-status', 'date', 'x-request-id'];

/** An answer without what may differ between one from the cache and one that is not. */
export function comparable({ status, headers, body }: Exchange): Exchange {
  return {
    status,
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !OF_THE_WAY.includes(name))),
    body: body.replaceAll(/"requestId":"[^"]*"/g, '"requestId":""'),
  };
}

/** A query by POST. */
export function post(body: object | string, headers: Request['headers'] = {}): Request {
  return {
    method: 'POST',
    path: '/graphql',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  };
}

/** A query by GET, as a client sends it that knows how to pass the protection against other sites. */
export function get(parameters: Readonly<Record<string, string>>, headers: Request['headers'] = {}): Request {
  const search = new URLSearchParams(parameters).toString();
  return { method: 'GET', path: `/graphql?${search}`, headers: { 'apollo-require-preflight': 'true', ...headers } };
}

/** What the `cache-status` of an answer says, the seconds left out. */
export function cacheStatus({ headers }: Exchange): string | undefined {
  return headers['cache-status']?.replace(/^opensensor; /, '').replace(/ttl=\d+/, 'ttl=n');
}
