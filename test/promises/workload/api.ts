/**
 * How the workload speaks to a pod: GraphQL by POST over connections that stay open, because a fetch for each of a million reads would
 * measure this process instead. Nothing is tried again. Called by the workload and by the run.
 */
import { Agent, request } from 'node:http';
import { SignJWT } from 'jose';

export const JWT_SECRET = 'a secret of the consistency test, 32 bytes or more';

/** Nothing is waited for any longer; well above all deadlines. */
const TIMEOUT_MS = 30_000;

/** An answer, or why there is none: `problem` is a code of the socket, of the HTTP status or of the first GraphQL error. */
export interface Reply {
  readonly status: number;
  readonly data: Record<string, any> | undefined;
  readonly problem?: string;
  readonly stale: boolean;
  /** The header. */
  readonly cacheStatus?: string;
}

export type Headers = Readonly<Record<string, string>>;

export class Api {
  readonly #agent = new Agent({ keepAlive: true });

  /** Resolves whatever happens. `url` without a slash at the end. */
  graphql(url: string, query: string, variables: object, headers: Headers): Promise<Reply> {
    const body = JSON.stringify({ query, variables });
    return new Promise((resolve) => {
      const fail = (problem: string) => {
        resolve({ status: 0, data: undefined, problem, stale: false });
      };
      const sent = request(
        `${url}/graphql`,
        {
          method: 'POST',
          agent: this.#agent,
          headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', (error) => fail(codeOf(error)));
          response.on('end', () => {
            const { statusCode = 0, headers: answered } = response;
            const reply = readReply(statusCode, Buffer.concat(chunks).toString());
            const cacheStatus = answered['cache-status'];
            resolve(typeof cacheStatus === 'string' ? { ...reply, cacheStatus } : reply);
          });
        },
      );
      sent.setTimeout(TIMEOUT_MS, () => sent.destroy(Object.assign(new Error('no answer'), { code: 'NO_ANSWER' })));
      sent.on('error', (error) => fail(codeOf(error)));
      sent.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function readReply(status: number, text: string): Reply {
  let body: {
    data?: Record<string, any> | null;
    errors?: { extensions?: { code?: string } }[];
    extensions?: { stale?: unknown };
  };
  try {
    body = JSON.parse(text) as typeof body;
  } catch {
    return { status, data: undefined, problem: `HTTP ${status}`, stale: false };
  }
  const code = body.errors?.[0]?.extensions?.code ?? (body.errors === undefined ? undefined : 'NO_CODE');
  const problem = code ?? (status === 200 ? undefined : `HTTP ${status}`);
  return {
    status,
    data: body.data ?? undefined,
    stale: body.extensions?.stale !== undefined,
    ...(problem !== undefined && { problem }),
  };
}

function codeOf(error: NodeJS.ErrnoException): string {
  return error.code ?? error.message;
}

/** The header of a user with permissions. */
export async function bearer(subject: string, permissions: readonly string[]): Promise<Headers> {
  const token = await new SignJWT({ permissions })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(subject)
    .setExpirationTime('24h')
    .sign(new TextEncoder().encode(JWT_SECRET));
  return { authorization: `Bearer ${token}` };
}
