/**
 * The built server as a process of its own, as an operator runs it: `node dist/main.js` with a clean environment. Called by tests;
 * `prepare.ts` has built it.
 */
import { print, type DocumentNode } from 'graphql';
import { environment } from './environment.js';
import { freePort } from './ports.js';
import { cleanEnvironment, ManagedProcess, type ProcessOptions } from './process.js';

/** The answer to a GraphQL request, or to any other: `body` is the parsed JSON. */
export interface GraphQLAnswer<Data> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: {
    readonly data?: Data;
    readonly errors?: readonly GraphQLAnswerError[];
    readonly extensions?: Record<string, unknown>;
  };
}

export interface GraphQLAnswerError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions: { readonly code: string; readonly requestId: string } & Record<string, unknown>;
}

export interface ServerOptions {
  /** The route that must answer 200 before the server counts as started. `/livez` for one that starts without its database. */
  readonly until?: '/readyz' | '/livez';
  /** The folder that holds `dist/`. Default: this project's. */
  readonly directory?: string;
}

/**
 * Starts the server and waits for it.
 * @param env its whole environment beside PATH, HOME, HOST and a free PORT; without more it is the demo, all embedded.
 */
export async function startServer(
  env: Readonly<Record<string, string>> = {},
  options: ServerOptions = {},
): Promise<ServerProcess> {
  const server = await makeServer(env, options);
  await server.restart();
  return server;
}

/** Runs a server that is expected to refuse to start, and resolves when it has ended. */
export async function runServerToItsEnd(env: Readonly<Record<string, string>>): Promise<ServerProcess> {
  const server = await makeServer(env, {});
  server.spawn();
  await server.ended({ timeoutMs: 10_000 });
  return server;
}

const DEMO_TOKEN_LINES = { admin: 'admin: ', grower: 'grower: ', service: 'service: ' };
/** Any of these ends the demo. */
const NOT_DEMO = ['MONGODB_URL', 'OPENSENSOR_DB', 'OIDC_ISSUER', 'JWT_SECRET'];

function hasDemoTokens(lines: readonly string[]): boolean {
  return Object.values(DEMO_TOKEN_LINES).every((start) => lines.some((line) => line.startsWith(start)));
}

async function makeServer(
  env: Readonly<Record<string, string>>,
  { until = '/readyz', directory }: ServerOptions,
): Promise<ServerProcess> {
  const { buildError } = environment();
  if (buildError !== '') throw new Error(buildError);
  const { PORT: port = String(await freePort()) } = env;
  const url = `http://127.0.0.1:${port}`;
  const printsTokens = env.NODE_ENV !== 'production' && NOT_DEMO.every((name) => env[name] === undefined);
  const answers = async () => (await fetch(url + until, { signal: AbortSignal.timeout(1_000) })).status === 200;
  return new ServerProcess(url, {
    name: `server on port ${port}`,
    command: process.execPath,
    args: ['dist/main.js'],
    ...(directory !== undefined && { cwd: directory }),
    env: { ...cleanEnvironment(), HOST: '127.0.0.1', PORT: port, ...env },
    isReady: async (lines) => (await answers()) && (!printsTokens || hasDemoTokens(lines)),
    stopTimeoutMs: 15_000 + 1_000 * Number(env.SHUTDOWN_DELAY_SECONDS ?? 0),
  });
}

export class ServerProcess extends ManagedProcess {
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string;

  constructor(url: string, options: ProcessOptions) {
    super(options);
    this.url = url;
  }

  /** The log lines so far; what is no JSON is left out. */
  logs(): Record<string, unknown>[] {
    return [...this.stdout, ...this.stderr].flatMap((line) => {
      try {
        const parsed = JSON.parse(line) as Record<string, unknown> | string | number | boolean | null;
        return typeof parsed === 'object' && parsed !== null ? [parsed] : [];
      } catch {
        return []; // A line for people.
      }
    });
  }

  /** The token of a demo principal, as printed at the start. */
  demoToken(who: keyof typeof DEMO_TOKEN_LINES): string {
    const line = this.stdout.findLast((text) => text.startsWith(DEMO_TOKEN_LINES[who]));
    if (line === undefined) throw new Error(`${this.name} has printed no demo token for ${who}`);
    return line.slice(DEMO_TOKEN_LINES[who].length);
  }

  /** Sends a query by POST. `headers` are added to, or replace, `content-type` and `accept`. */
  async graphql<Data = Record<string, any>>(
    query: string | DocumentNode,
    variables: Record<string, unknown> = {},
    headers: Record<string, string> = {},
  ): Promise<GraphQLAnswer<Data>> {
    const response = await fetch(`${this.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json, application/json', ...headers },
      body: JSON.stringify({ query: typeof query === 'string' ? query : print(query), variables }),
    });
    const body = (await response.json()) as GraphQLAnswer<Data>['body'];
    return { status: response.status, headers: response.headers, body };
  }
}
