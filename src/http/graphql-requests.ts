/**
 * Answers requests to `/graphql` of the usual form, before fastify sees them: by a stored answer where they are known by their bytes, else by
 * executing them. Whatever can't be answered here goes on as if nothing had been read of it, so that every refusal is fastify's or
 * Apollo Server's. Called by `server.ts` for each request.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Authenticator } from '../auth/authenticator.js';
import { ANONYMOUS, type Principal } from '../auth/principal.js';
import type { BodyEntry, BodyHit } from '../cache/cache.js';
import type { Alias, RequestVariant } from '../response-cache/aliases.js';
import { DEBUGGING_HEADER } from '../response-cache/debugging.js';
import { requestDirectives } from '../response-cache/request-directives.js';
import type { ResponseCache } from '../response-cache/response-cache.js';
import type { ParseJson } from './body.js';
import { EndOfTurn } from './end-of-turn.js';
import { MAX_BODY_BYTES } from './errors.js';
import { GRAPHQL_PATH, type GraphQLEndpoint } from './graphql-endpoint.js';
import { hasCredentials } from './headers.js';
import type { HttpRequestScope } from './request-scope.js';
import type { StaleRequest } from './revalidation.js';
import { type ReadyAnswer, sendReady } from './ready-answer.js';
import { storedAnswer } from './stored-answer.js';
import { readAhead } from './unread-body.js';

export interface GraphQLRequestsParts {
  readonly endpoint: Pick<GraphQLEndpoint, 'answer'>;
  readonly responses: ResponseCache;
  readonly authenticator: Pick<Authenticator, 'authenticate'>;
  readonly parseJson: ParseJson;
  readonly publicMaxAgeSeconds: number;
  /** The headers that every answer to the request carries, names and values in turn. */
  readonly headersFor: (request: IncomingMessage, scope: HttpRequestScope) => string[];
  readonly isDraining: () => boolean;
  /** Called when a request is answered by what is past its time. */
  readonly revalidate: (stale: BodyEntry, request: StaleRequest) => void;
  /** Called when a request has been answered here, or its client has gone before that. */
  readonly onEnd: (scope: HttpRequestScope, response: ServerResponse, isAnswered: boolean) => void;
}

/** @returns whether the request is of the usual form. Then `next` is called when it can't be answered here, else never. */
export type AnswerGraphQL = (
  request: IncomingMessage,
  response: ServerResponse,
  scope: HttpRequestScope,
  next: () => void,
) => boolean;

interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly scope: HttpRequestScope;
  /** The body, or the query string with its `?`. */
  readonly bytes: Buffer | string;
  readonly next: () => void;
}

/** Without a promise where nothing has to be waited for: for answers as short as these it would be a good part of the work. */
export function answerGraphQLRequests(parts: GraphQLRequestsParts): AnswerGraphQL {
  const { endpoint, responses, authenticator, parseJson, publicMaxAgeSeconds, headersFor, isDraining, onEnd } = parts;
  const answers = new EndOfTurn<{ readonly asked: Asked; readonly answer: ReadyAnswer }>((ready) => {
    for (const { asked, answer } of ready) send(asked, answer);
  });

  return (request, response, scope, next) => {
    const search = searchOfGet(request);
    const length = search === undefined ? lengthOfPost(request) : 0;
    if (length === undefined) return false;
    scope.route = GRAPHQL_PATH;
    if (search !== undefined) {
      find({ request, response, scope, bytes: search, next });
      return true;
    }
    const gone = (): void => {
      onEnd(scope, response, false);
    };
    readAhead(request, length, gone, (bytes, putBack) => {
      const nextWithBody = (): void => {
        putBack();
        next();
      };
      find({ request, response, scope, bytes, next: nextWithBody });
    });
    return true;
  };

  function find(asked: Asked): void {
    const { request, scope, bytes } = asked;
    let alias: Alias | undefined;
    if (responses.isOn && request.headers[DEBUGGING_HEADER] === undefined) {
      const found = responses.aliases.find(variantOf(request), bytes);
      scope.aliasName = found.name;
      if (!requestDirectives(request.headers['cache-control']).noCache) alias = found.alias;
    }
    withCaller(asked, (caller) => {
      if (alias === undefined) execute(asked);
      else findStored(asked, alias, caller);
    });
  }

  function withCaller({ request, scope, next }: Asked, goOn: (caller: Principal) => void): void {
    if (!hasCredentials(request.headers)) {
      scope.authenticated(ANONYMOUS);
      goOn(ANONYMOUS);
      return;
    }
    // Waited for again behind fastify, which answers where a credential isn't valid, or can't be checked.
    scope.authentication = authenticator.authenticate(request.headersDistinct, scope.cacheBudget);
    scope.authentication.then((caller) => {
      scope.authenticated(caller);
      goOn(caller);
    }, next);
  }

  function findStored(asked: Asked, alias: Alias, caller: Principal): void {
    const { scope } = asked;
    const hit = responses.inMemory(alias, caller);
    if (hit !== undefined) {
      answerStored(asked, alias, caller, hit);
      return;
    }
    void responses.inStore(alias, caller, scope.cacheBudget).then((stored) => {
      scope.missed = alias.canonical;
      if (stored === undefined) execute(asked);
      else answerStored(asked, alias, caller, stored);
    });
  }

  function answerStored(asked: Asked, { contentType, operationName }: Alias, caller: Principal, hit: BodyHit): void {
    const { request, scope, bytes } = asked;
    scope.operation = { type: 'query', name: operationName };
    const options = { request, contentType, nowMs: responses.nowMs(), status: undefined, publicMaxAgeSeconds };
    answers.push({ asked, answer: storedAnswer(hit, options) });
    // What a client says must not be stored is not what may stand in its place.
    const { noStore } = requestDirectives(request.headers['cache-control']);
    if (hit.isStale && !noStore && !isDraining())
      parts.revalidate(hit.entry, { request, bytes, caller, requestId: scope.requestId });
  }

  function execute(asked: Asked): void {
    const { request, response, scope, bytes, next } = asked;
    let body: unknown;
    try {
      if (typeof bytes !== 'string') body = parseJson(bytes);
    } catch {
      next();
      return;
    }
    const gone = (): void => {
      onEnd(scope, response, false);
    };
    response.once('close', gone);
    void endpoint.answer(request, scope, body).then((answer) => {
      if (response.destroyed) return;
      response.off('close', gone);
      answers.push({ asked, answer });
    });
  }

  function send({ request, response, scope }: Asked, answer: ReadyAnswer): void {
    if (response.destroyed) {
      onEnd(scope, response, false);
      return;
    }
    const headers = headersFor(request, scope);
    headers.push(...answer.headers);
    sendReady(response, { ...answer, headers }, scope.trace !== undefined);
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

const JSON_TYPES: ReadonlySet<string> = new Set(['application/json', 'application/json; charset=utf-8']);

/** How many bytes to read of a query by POST; undefined for one that fastify had better read itself. */
function lengthOfPost({ method, url, headers }: IncomingMessage): number | undefined {
  if (method !== 'POST' || url !== GRAPHQL_PATH || headers['transfer-encoding'] !== undefined) return undefined;
  if (headers['content-encoding'] !== undefined || !JSON_TYPES.has(headers['content-type'] ?? '')) return undefined;
  const length = Number(headers['content-length']);
  return length > 0 && length <= MAX_BODY_BYTES ? length : undefined;
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
