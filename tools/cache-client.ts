/**
 * Asks the server for the commands of `npm run cache`, with typed documents. Whatever goes wrong is a sentence for a person; the token is
 * in none.
 */
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { print } from 'graphql';

/** It could not be done; the message says why and what to do. */
export class CommandError extends Error {
  /** Whether it may be otherwise in a moment, as when a server is starting. */
  readonly passes: boolean;

  constructor(message: string, options: ErrorOptions & { readonly passes?: boolean } = {}) {
    super(message, options);
    this.passes = options.passes ?? false;
  }
}

interface Answer<Data> {
  readonly data?: Data | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

/** Longer than a purge takes to answer. */
const DEADLINE_MS = 30_000;

export class CacheClient {
  readonly #url: string;
  readonly #token: string;

  /** @param token empty for none. */
  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  /** Rejects with a {@link CommandError} when the answer is not whole. */
  async ask<Data, Variables>(document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data> {
    const response = await this.#send(JSON.stringify({ query: print(document), variables }));
    const { data, errors } = (await response.json().catch(() => ({}))) as Answer<Data>;
    if (Array.isArray(errors) && errors.length > 0) throw this.#refused(errors as NonNullable<Answer<Data>['errors']>);
    if (data === undefined || data === null) {
      throw new CommandError(`What answers at ${this.#url} is no GraphQL server (status ${response.status}).`, {
        passes: response.status >= 500,
      });
    }
    return data;
  }

  async #send(body: string): Promise<Response> {
    const headers = { 'content-type': 'application/json', ...(this.#token && { authorization: `Bearer ${this.#token}` }) };
    try {
      return await fetch(this.#url, { method: 'POST', headers, body, signal: AbortSignal.timeout(DEADLINE_MS) });
    } catch (cause) {
      const isLate = cause instanceof Error && cause.name === 'TimeoutError';
      const message = isLate
        ? `The server at ${this.#url} has not answered in ${DEADLINE_MS / 1000} s.`
        : `No server answers at ${this.#url}. Start one with \`npm start\`, or say where it is with --url.`;
      throw new CommandError(message, { cause, passes: true });
    }
  }

  #refused(errors: NonNullable<Answer<unknown>['errors']>): CommandError {
    const codes = errors.map(({ extensions }) => extensions?.code);
    const sentences = errors.map(({ message }) => message);
    if (this.#token === '' && codes.includes('UNAUTHENTICATED')) {
      sentences.push('No token was sent: put one into OPENSENSOR_TOKEN, or into a file that --token-file names.');
    }
    return new CommandError([...new Set(sentences)].join('\n'), { passes: codes.some((code) => code?.endsWith('_UNAVAILABLE')) });
  }
}
