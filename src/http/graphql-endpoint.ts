/**
 * `/graphql`, from a request whose caller is known and whose body was read to the answer as it is sent: hands it to Apollo Server, and the
 * answer to the response cache. The same for whoever reads requests: `graphql-requests.ts` those of the usual form, `graphql-route.ts`
 * all others.
 */
import type { IncomingMessage } from 'node:http';
import { HeaderMap, type ApolloServer, type BaseContext, type HTTPGraphQLResponse } from '@apollo/server';
import { GraphQLError } from 'graphql';
import { hasPermission } from '../auth/principal.js';
import type { BodyEntry } from '../cache/cache.js';
import { withRequestId } from '../graphql/errors.js';
import type { Logger } from '../log.js';
import type { RequestScope } from '../request.js';
import { type Attempt, etagOf } from '../response-cache/attempt.js';
import { forwardedStatus } from '../response-cache/cache-status.js';
import { DEBUGGING_HEADER, withExplanation } from '../response-cache/debugging.js';
import { requestDirectives } from '../response-cache/request-directives.js';
import type { ResponseCache } from '../response-cache/response-cache.js';
import { headerMap, searchOf, toFinished } from './apollo-http.js';
import { toLoggedError } from './errors.js';
import { cacheControl, hasCredentials } from './headers.js';
import type { ReadyAnswer } from './ready-answer.js';
import type { HttpRequestScope } from './request-scope.js';
import { matchesEtag, storedAnswer } from './stored-answer.js';

export const GRAPHQL_PATH = '/graphql';

export interface GraphQLEndpointParts<Context extends BaseContext> {
  readonly apollo: ApolloServer<Context>;
  readonly contextFor: (scope: RequestScope) => Context;
  readonly responses: ResponseCache;
  readonly publicMaxAgeSeconds: number;
  readonly logger: Logger;
}

export class GraphQLEndpoint<Context extends BaseContext = BaseContext> {
  readonly #parts: GraphQLEndpointParts<Context>;

  constructor(parts: GraphQLEndpointParts<Context>) {
    this.#parts = parts;
  }

  /**
   * A browser gets the landing page here, which Apollo Server decides by `accept`.
   * @param body what its JSON says; undefined without one.
   * @returns the answer without the headers that every answer has. Never rejects: what nobody expected is an answer too.
   */
  async answer(request: IncomingMessage, scope: HttpRequestScope, body: unknown): Promise<ReadyAnswer> {
    const { headers } = request;
    const { aliasName, missed } = scope;
    const isDebugged =
      headers[DEBUGGING_HEADER] === 'true' && scope.caller !== undefined && hasPermission(scope.caller, 'cache:read');
    const directives = requestDirectives(headers['cache-control']);
    const attempt = this.#parts.responses.attempt(scope, { directives, aliasName, missed, isDebugged });
    try {
      return await this.#execute(attempt, request, scope, body, isDebugged);
    } catch (thrown) {
      return await this.answerThrown(thrown, request, scope);
    } finally {
      attempt.end(undefined);
    }
  }

  async #execute(
    attempt: Attempt,
    request: IncomingMessage,
    scope: HttpRequestScope,
    body: unknown,
    isDebugged: boolean,
  ): Promise<ReadyAnswer> {
    const { apollo, contextFor, responses, publicMaxAgeSeconds } = this.#parts;
    const { headers, method = 'GET', url } = request;
    const answered = await apollo.executeHTTPGraphQLRequest({
      httpGraphQLRequest: {
        // Whoever sends the answer to a HEAD leaves the body out.
        method: method === 'HEAD' ? 'GET' : method,
        headers: headerMap(headers),
        search: searchOf(url),
        body,
      },
      context: () => Promise.resolve(contextFor(scope)),
    });
    const answer = withRequestId(answered, scope.requestId);
    const finished = toFinished(answer);
    const entry = attempt.end(finished);
    if (isDebugged && finished.status === 200 && !isPage(answer)) {
      const bytes = attempt.hit === undefined ? finished.body : attempt.hit.entry.x.content.toString();
      const explained = withExplanation(bytes, attempt.explain(), { body, nowMs: responses.nowMs(), unixMs: Date.now() });
      const contentType = finished.contentType ?? '';
      const own = ['content-type', contentType, 'cache-control', 'no-store', 'cache-status', forwardedStatus(attempt.forwarded)];
      return complete(200, own, explained);
    }
    // Not 200: Apollo Server has found no content type that the client takes.
    if (attempt.hit !== undefined && finished.status === 200 && finished.contentType !== undefined) {
      const isHit = attempt.forwarded.fwd !== 'collapsed';
      return storedAnswer(attempt.hit, {
        request,
        contentType: finished.contentType,
        nowMs: responses.nowMs(),
        status: isHit ? undefined : forwardedStatus(attempt.forwarded),
        publicMaxAgeSeconds,
      });
    }
    const noStore = finished.status >= 400 || scope.isNoStore;
    const isForCdn = method !== 'POST' && !noStore && !hasCredentials(headers) && !isPage(answer);
    const surrogateKeys = isForCdn ? responses.options.surrogateKeys?.of(scope.toldDeps) : undefined;
    const own = [
      'cache-control',
      cacheControl({
        noStore,
        hasCredentials: hasCredentials(headers),
        publicMaxAgeSeconds: surrogateKeys === '' ? 0 : publicMaxAgeSeconds,
      }),
    ];
    if (surrogateKeys) own.push('surrogate-key', surrogateKeys);
    if (!isPage(answer)) own.push('cache-status', forwardedStatus(attempt.forwarded));
    if (!noStore && method !== 'POST') {
      const etag = entry?.x.meta.etag ?? etagOf(finished.body);
      own.push('etag', etag);
      if (matchesEtag(headers['if-none-match'], etag)) return { status: 304, headers: own, body: undefined, encoding: 'latin1' };
    }
    return complete(finished.status, withHeadersOf(answer, own), finished.body, entry);
  }

  /**
   * The answer to a request that failed before Apollo Server had it, or in a way that nobody expected. Apollo Server writes it, so that its
   * shape, its content type and what is logged of it are those of any other error.
   */
  async answerThrown(thrown: unknown, request: IncomingMessage, scope: HttpRequestScope): Promise<ReadyAnswer> {
    const error = toLoggedError(thrown, this.#parts.logger, request, scope);
    const { status, code, message, headers, details } = error;
    const http = { status, headers: new HeaderMap(Object.entries(headers)) };
    const answered = await this.#parts.apollo.executeHTTPGraphQLRequest({
      httpGraphQLRequest: {
        // A request that neither gets the landing page nor is refused for another reason than this error.
        method: 'POST',
        headers: new HeaderMap([
          ['accept', request.headers.accept ?? ''],
          ['apollo-require-preflight', 'true'],
        ]),
        search: '',
        body: undefined,
      },
      context: () => Promise.reject(new GraphQLError(message, { extensions: { ...details, code, http } })),
    });
    const answer = withRequestId(answered, scope.requestId);
    const finished = toFinished(answer);
    return complete(finished.status, withHeadersOf(answer, ['cache-control', 'no-store']), finished.body);
  }
}

/** @param entry that was made of the same body: it knows its length, and has it as it is sent. */
function complete(status: number, headers: string[], body: string, entry?: BodyEntry): ReadyAnswer {
  headers.push('content-length', String(entry === undefined ? Buffer.byteLength(body) : entry.x.content.length));
  return { status, headers, body: entry?.x.content ?? body, encoding: entry === undefined ? 'utf8' : 'latin1' };
}

/** `own`, and Apollo Server's headers of other names. */
function withHeadersOf({ headers }: HTTPGraphQLResponse, own: string[]): string[] {
  for (const [name, value] of headers) if (name !== 'content-length' && !own.includes(name)) own.push(name, value);
  return own;
}

/** The landing page is no answer to a query. */
function isPage({ headers }: HTTPGraphQLResponse): boolean {
  return headers.get('content-type')?.startsWith('text/html') === true;
}
