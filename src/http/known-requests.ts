/**
 * Answers requests that are known by their bytes, before fastify and Apollo Server see them. Whatever is not answered here goes on as if
 * nothing had been read of it, so every refusal is theirs. Called by `server.ts` for each request.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Authenticator } from '../auth/authenticator.js';
import { ANONYMOUS, type Principal } from '../auth/principal.js';
import type { BodyEntry, BodyHit } from '../cache/cache.js';
import type { Alias, RequestVariant } from '../response-cache/aliases.js';
import { DEBUGGING_HEADER } from '../response-cache/debugging.js';
import { requestDirectives } from '../response-cache/request-directives.js';
import type { ResponseCache } from '../response-cache/response-cache.js';
import { EndOfTurn } from './end-of-turn.js';
import { MAX_BODY_BYTES } from './errors.js';
import { GRAPHQL_PATH } from './graphql-route.js';
import type { HttpRequestScope } from './request-scope.js';
import type { StaleRequest } from './revalidation.js';
import { sendReady } from './ready-answer.js';
import { storedAnswer } from './stored-answer.js';

export interface KnownRequestsParts {
  readonly responses: ResponseCache;
  readonly authenticator: Pick<Authenticator, 'authenticate'>;
  readonly publicMaxAgeSeconds: number;
  /** The headers that every answer to the request carries, names and values in turn. */
  readonly headersFor: (request: IncomingMessage, scope: HttpRequestScope) => string[];
  readonly isDraining: () => boolean;
  /** Called when a request is answered by what is past its time. */
  readonly revalidate: (stale: BodyEntry, request: StaleRequest) => void;
  /** Called when a request has been answered here, or its client has gone before that. */
  readonly onEnd: (scope: HttpRequestScope, response: ServerResponse, isAnswered: boolean) => void;
}

/** @returns whether the request was one to look for. Then `next` is called when it was not found, else never. */
export type AnswerKnown = (
  request: IncomingMessage,
  response: ServerResponse,
  scope: HttpRequestScope,
  next: () => void,
) => boolean;

interface KnownAnswer {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly scope: HttpRequestScope;
  readonly alias: Alias;
  readonly hit: BodyHit;
}

/** Without a promise where nothing has to be waited for: for answers as short as these it would be a good part of the work. */
export function answerKnownRequests(parts: KnownRequestsParts): AnswerKnown {
  const { responses, authenticator, publicMaxAgeSeconds, headersFor, isDraining, revalidate, onEnd } = parts;
  const answers = new EndOfTurn<KnownAnswer>((ready) => {
    for (const answer of ready) send(answer);
  });

  return (request, response, scope, next) => {
    if (!responses.isOn || request.headers[DEBUGGING_HEADER] !== undefined) return false;
    const search = searchOfGet(request);
    const length = search === undefined ? lengthOfPost(request) : 0;
    if (length === undefined) return false;
    scope.route = GRAPHQL_PATH;
    if (search !== undefined) {
      look(request, response, scope, search, next);
      return true;
    }
    const gone = (): void => {
      onEnd(scope, response, false);
    };
    readBody(request, length, gone, (body, putBack) => {
      look(request, response, scope, body, () => {
        putBack();
        next();
      });
    });
    return true;
  };

  function look(
    request: IncomingMessage,
    response: ServerResponse,
    scope: HttpRequestScope,
    bytes: Buffer | string,
    next: () => void,
  ): void {
    const { headers } = request;
    const { name, alias } = responses.aliases.find(variantOf(request), bytes);
    scope.aliasName = name;
    const { noCache, noStore } = requestDirectives(headers['cache-control']);
    if (alias === undefined || noCache) {
      next();
      return;
    }
    const answerWith = (hit: BodyHit, caller: Principal): void => {
      answers.push({ request, response, scope, alias, hit });
      // What a client says must not be stored is not what may stand in its place.
      if (hit.isStale && !noStore && !isDraining()) revalidate(hit.entry, { request, bytes, caller, requestId: scope.requestId });
    };
    const lookFor = (caller: Principal): void => {
      scope.authenticated(caller);
      const hit = responses.inMemory(alias, caller);
      if (hit !== undefined) {
        answerWith(hit, caller);
        return;
      }
      void responses.inStore(alias, caller, scope.cacheBudget).then((stored) => {
        scope.missed = alias.canonical;
        if (stored === undefined) next();
        else answerWith(stored, caller);
      });
    };
    if (headers.authorization === undefined && headers['x-api-key'] === undefined) {
      lookFor(ANONYMOUS);
      return;
    }
    // Waited for again behind fastify, which answers where a credential isn't valid, or can't be checked.
    scope.authentication = authenticator.authenticate(request.headersDistinct, scope.cacheBudget);
    scope.authentication.then(lookFor, next);
  }

  function send({ request, response, scope, alias, hit }: KnownAnswer): void {
    const { contentType, operationName } = alias;
    const headers = headersFor(request, scope);
    const { status, body, encoding } = storedAnswer(hit, headers, {
      request,
      contentType,
      nowMs: responses.nowMs(),
      status: undefined,
      publicMaxAgeSeconds,
    });
    scope.operation = { type: 'query', name: operationName };
    if (isDraining()) response.shouldKeepAlive = false;
    sendReady(response, { status, headers, body, encoding }, scope.trace !== undefined);
    onEnd(scope, response, true);
  }
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

/**
 * Reads the body without ending the request.
 * @param gone called in place of `done` when the client has gone.
 * @param done `putBack` lets it be read once more, by somebody else.
 */
function readBody(
  request: IncomingMessage,
  length: number,
  gone: () => void,
  done: (body: Buffer, putBack: () => void) => void,
): void {
  const chunks: Buffer[] = [];
  let missing = length;
  const read = (chunk: Buffer): void => {
    chunks.push(chunk);
    missing -= chunk.length;
    if (missing > 0) return;
    request.pause(); // before it has ended, which is noticed later
    const body = chunks.length === 1 ? chunk : Buffer.concat(chunks, length);
    done(body, () => {
      request.off('data', read);
      request.unshift(body);
    });
  };
  request.on('data', read);
  request.once('close', () => {
    if (missing > 0) gone();
  });
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
