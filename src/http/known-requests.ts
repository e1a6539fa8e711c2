/**
 * Answers requests that are known by their bytes, before fastify and Apollo Server see them. Whatever is not answered here goes on as if
 * nothing had been read of it, so every refusal is theirs. Called by `server.ts` for each request.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Authenticator } from '../auth/authenticator.js';
import { ANONYMOUS, type Principal } from '../auth/principal.js';
import type { BodyHit } from '../cache/cache.js';
import type { Alias, RequestVariant } from '../response-cache/aliases.js';
import { DEBUGGING_HEADER } from '../response-cache/debugging.js';
import { requestDirectives } from '../response-cache/request-directives.js';
import type { ResponseCache } from '../response-cache/response-cache.js';
import { MAX_BODY_BYTES } from './errors.js';
import { GRAPHQL_PATH } from './graphql-route.js';
import type { HttpRequestScope } from './request-scope.js';
import { storedAnswer } from './stored-answer.js';

export interface KnownRequestsParts {
  readonly responses: ResponseCache;
  readonly authenticator: Pick<Authenticator, 'authenticate'>;
  readonly publicMaxAgeSeconds: number;
  /** The headers that every answer to the request carries, names and values in turn. */
  readonly headersFor: (request: IncomingMessage, scope: HttpRequestScope) => string[];
}

/** @returns whether the request was one to look for. Then `next` is called when it was not found, else never. */
export type AnswerKnown = (
  request: IncomingMessage,
  response: ServerResponse,
  scope: HttpRequestScope,
  next: () => void,
) => boolean;

export function answerKnownRequests(parts: KnownRequestsParts): AnswerKnown {
  const { responses, authenticator, publicMaxAgeSeconds, headersFor } = parts;

  function send(request: IncomingMessage, response: ServerResponse, scope: HttpRequestScope, alias: Alias, hit: BodyHit): void {
    const { contentType, operationName } = alias;
    const answer = storedAnswer(hit, { request, contentType, nowMs: responses.nowMs(), status: undefined, publicMaxAgeSeconds });
    scope.operation = { type: 'query', name: operationName };
    response.writeHead(answer.status, [...headersFor(request, scope), ...answer.headers]);
    response.end(answer.bytes);
  }

  async function find(
    request: IncomingMessage,
    response: ServerResponse,
    scope: HttpRequestScope,
    bytes: Buffer | string,
  ): Promise<boolean> {
    const name = responses.aliases.nameOf(variantOf(request), bytes);
    scope.aliasName = name;
    if (requestDirectives(request.headers['cache-control']).noCache) return false;
    const alias = responses.aliases.get(name);
    if (alias === undefined) return false;
    const { headers } = request;
    const isAnonymous = headers.authorization === undefined && headers['x-api-key'] === undefined;
    let caller: Principal = ANONYMOUS;
    if (!isAnonymous) {
      // Waited for again behind fastify, which answers where it fails.
      scope.authentication = authenticator.authenticate(request.headersDistinct, scope.cacheBudget);
      caller = await scope.authentication;
    }
    scope.authenticated(caller);
    const hit = responses.inMemory(alias, caller) ?? (await responses.inStore(alias, caller, scope.cacheBudget));
    scope.missed = hit === undefined ? alias.canonical : undefined;
    if (hit === undefined) return false;
    if (!response.destroyed) send(request, response, scope, alias, hit);
    return true;
  }

  return (request, response, scope, next) => {
    if (!responses.isOn || request.headers[DEBUGGING_HEADER] !== undefined) return false;
    const search = searchOfGet(request);
    const length = search === undefined ? lengthOfPost(request) : 0;
    if (length === undefined) return false;
    scope.route = GRAPHQL_PATH; // also for the log of a client that goes before its body has come
    const look = (bytes: Buffer | string): void => {
      const goOn = (): void => {
        if (typeof bytes !== 'string') request.unshift(bytes); // to be read once more
        next();
      };
      find(request, response, scope, bytes).then(
        (isFound) => {
          if (!isFound) goOn();
        },
        goOn, // a credential that isn't valid, or can't be checked
      );
    };
    if (search === undefined) readBody(request, length, look);
    else look(search);
    return true;
  };
}

/** The query string of a query by GET. */
function searchOfGet({ method, url = '', headers }: IncomingMessage): string | undefined {
  const isQuery = method === 'GET' && url.startsWith(`${GRAPHQL_PATH}?`) && hasNoBody(headers);
  return isQuery ? url.slice(GRAPHQL_PATH.length) : undefined;
}

function hasNoBody(headers: IncomingHttpHeaders): boolean {
  return headers['content-length'] === undefined && headers['transfer-encoding'] === undefined;
}

/** How many bytes to read of a query by POST; undefined for one that fastify had better read itself. */
function lengthOfPost({ method, url, headers }: IncomingMessage): number | undefined {
  if (method !== 'POST' || url !== GRAPHQL_PATH || headers['transfer-encoding'] !== undefined) return undefined;
  if (headers['content-encoding'] !== undefined) return undefined;
  const length = Number(headers['content-length']);
  return length > 0 && length <= MAX_BODY_BYTES ? length : undefined;
}

/** Reads the body without ending the request, so that it can be put back. */
function readBody(request: IncomingMessage, length: number, done: (body: Buffer) => void): void {
  const read = (): void => {
    const body = request.read(length) as Buffer | null;
    if (body === null || body.length < length) return; // more is to come, or the client has gone
    request.off('readable', read);
    done(body);
  };
  request.on('readable', read);
}

function variantOf({ method, headers }: IncomingMessage): RequestVariant {
  return {
    method: method === 'POST' ? 'POST' : 'GET',
    accept: headers.accept,
    contentType: headers['content-type'],
    isPreflighted: isFilled(headers['apollo-require-preflight']) || isFilled(headers['x-apollo-operation-name']),
  };
}

function isFilled(header: string | readonly string[] | undefined): boolean {
  return header !== undefined && header.length > 0;
}
