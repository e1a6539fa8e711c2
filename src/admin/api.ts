/**
 * The public GraphQL API, as this page asks it: one typed operation, its data or a {@link Refusal} that says what to do. Knows the
 * token only while it is signed in and writes it nowhere but into the `authorization` header.
 */
import type { TypedDocumentString } from './operations.js';

const ANSWER_MS = 5_000;
/** A purge answers when its walk over the keys has ended, or 5 s after it was applied. */
const PURGE_ANSWER_MS = 15_000;

/** Why there is no answer. `token`: it is not accepted (any more). */
export type RefusalKind = 'unreachable' | 'token' | 'forbidden' | 'unavailable' | 'input';

export class Refusal extends Error {
  readonly kind: RefusalKind;

  /** @param message a sentence for a person. */
  constructor(kind: RefusalKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

interface Answer<Data> {
  readonly data?: Data;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

export class Api {
  #token: string | undefined;
  /** Called when the server has stopped to accept the token. */
  onTokenEnded: () => void = () => undefined;

  get isSignedIn(): boolean {
    return this.#token !== undefined;
  }

  /** Undefined to forget it. */
  use(token: string | undefined): void {
    this.#token = token;
  }

  /** Throws a {@link Refusal}. */
  async ask<Data, Variables>(document: TypedDocumentString<Data, Variables>, variables: Variables): Promise<Data> {
    const query = String(document).trim();
    const token = this.#token;
    try {
      return await post<Data>({ query, variables }, token, query.startsWith('mutation') ? PURGE_ANSWER_MS : ANSWER_MS);
    } catch (error) {
      // Another one may have been pasted meanwhile.
      if (error instanceof Refusal && error.kind === 'token' && token !== undefined && token === this.#token) {
        this.#token = undefined;
        this.onTokenEnded();
      }
      throw error;
    }
  }
}

async function post<Data>(body: object, token: string | undefined, withinMs: number): Promise<Data> {
  let response: Response;
  let answer: Answer<Data>;
  try {
    response = await fetch('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
      credentials: 'omit',
      signal: AbortSignal.timeout(withinMs),
    });
    answer = (await response.json()) as Answer<Data>;
  } catch {
    // The browser doesn't tell why: refused, cut off, too late, or no JSON from something in between.
    throw new Refusal('unreachable', 'The server does not answer.');
  }
  const [error] = answer.errors ?? [];
  const code = error?.extensions?.code;
  const said = error?.message ?? `The server answered with status ${response.status}.`;
  if (response.status === 401 || code === 'UNAUTHENTICATED') throw new Refusal('token', said);
  if (code === 'FORBIDDEN') throw new Refusal('forbidden', said);
  if (code === 'BAD_USER_INPUT' || code === 'LIMIT_EXCEEDED') throw new Refusal('input', said);
  if (error !== undefined || answer.data === undefined) throw new Refusal('unavailable', said);
  return answer.data;
}

/** What went wrong, as a sentence. */
export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
