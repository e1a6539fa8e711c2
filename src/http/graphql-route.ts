/**
 * `/graphql`: hands an authenticated request to Apollo Server and its answer back, with our `cache-control`. Also answers HTTP errors
 * there. Registered by `server.ts`.
 */
import { Readable } from 'node:stream';
import { HeaderMap, type ApolloServer, type BaseContext, type HTTPGraphQLResponse } from '@apollo/server';
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { GraphQLError } from 'graphql';
import { hasPermission } from '../auth/principal.js';
import { withRequestId } from '../graphql/errors.js';
import type { RequestScope } from '../request.js';
import { etagOf, type FinishedAnswer } from '../response-cache/attempt.js';
import { forwardedStatus } from '../response-cache/cache-status.js';
import { DEBUGGING_HEADER, withExplanation } from '../response-cache/debugging.js';
import { requestDirectives } from '../response-cache/request-directives.js';
import type { ResponseCache } from '../response-cache/response-cache.js';
import { headerMap, searchOf, toFinished } from './apollo-http.js';
import { endOfTurn } from './end-of-turn.js';
import type { HttpError } from './errors.js';
import { cacheControl, hasCredentials } from './headers.js';
import { matchesEtag, storedAnswer } from './stored-answer.js';

export const GRAPHQL_PATH = '/graphql';

export interface GraphQLRouteParts<Context extends BaseContext> {
  readonly apollo: ApolloServer<Context>;
  readonly contextFor: (scope: RequestScope) => Context;
  readonly authenticate: onRequestAsyncHookHandler;
  readonly responses: ResponseCache;
  readonly publicMaxAgeSeconds: number;
}

export function addGraphQLRoute<Context extends BaseContext>(app: FastifyInstance, parts: GraphQLRouteParts<Context>): void {
  const { apollo, contextFor, authenticate, responses, publicMaxAgeSeconds } = parts;

  // A browser gets the landing page here, which Apollo Server decides by `accept`.
  app.route({
    method: ['GET', 'POST'],
    url: GRAPHQL_PATH,
    onRequest: authenticate,
    async handler(request, reply) {
      const { scope, headers, method, body, raw } = request;
      const { aliasName, missed } = scope;
      const directives = requestDirectives(headers['cache-control']);
      const isDebugged =
        headers[DEBUGGING_HEADER] === 'true' && scope.caller !== undefined && hasPermission(scope.caller, 'cache:read');
      const attempt = responses.attempt(scope, { directives, aliasName, missed, isDebugged });
      let finished: FinishedAnswer | undefined;
      try {
        const answered = await apollo.executeHTTPGraphQLRequest({
          httpGraphQLRequest: {
            // Fastify leaves the body out of the answer to a HEAD.
            method: method === 'HEAD' ? 'GET' : method,
            headers: headerMap(headers),
            search: searchOf(raw.url),
            body,
          },
          context: () => Promise.resolve(contextFor(scope)),
        });
        const answer = withRequestId(answered, scope.requestId);
        finished = toFinished(answer);
        attempt.end(finished);
        if (isDebugged && finished?.status === 200 && !isPage(answer)) {
          const bytes = attempt.hit === undefined ? finished.body : attempt.hit.entry.x.content.toString();
          const explained = { body, nowMs: responses.nowMs(), unixMs: Date.now() };
          return await reply
            .headers({
              'content-type': finished.contentType,
              'cache-control': 'no-store',
              'cache-status': forwardedStatus(attempt.forwarded),
            })
            .send(withExplanation(bytes, attempt.explain(), explained));
        }
        // Not 200: Apollo Server has found no content type that the client takes.
        if (attempt.hit !== undefined && finished?.status === 200 && finished.contentType !== undefined) {
          const isHit = attempt.forwarded.fwd !== 'collapsed';
          const stored: string[] = [];
          const { status, body: bytes } = storedAnswer(attempt.hit, stored, {
            request: raw,
            contentType: finished.contentType,
            nowMs: responses.nowMs(),
            status: isHit ? undefined : forwardedStatus(attempt.forwarded),
            publicMaxAgeSeconds,
          });
          for (let i = 0; i < stored.length; i += 2) reply.header(stored[i] as string, stored[i + 1]);
          return await reply.status(status).send(bytes);
        }
        const noStore = (answer.status ?? 200) >= 400 || scope.isNoStore;
        const isForCdn = method !== 'POST' && !noStore && !hasCredentials(headers) && !isPage(answer);
        const surrogateKeys = isForCdn ? responses.options.surrogateKeys?.of(scope.toldDeps) : undefined;
        await endOfTurn();
        return await send(reply, answer, {
          'cache-control': cacheControl({
            noStore,
            hasCredentials: hasCredentials(headers),
            publicMaxAgeSeconds: surrogateKeys === '' ? 0 : publicMaxAgeSeconds,
          }),
          ...(surrogateKeys && { 'surrogate-key': surrogateKeys }),
          ...(isPage(answer) ? {} : { 'cache-status': forwardedStatus(attempt.forwarded) }),
          ...(finished === undefined || noStore || method === 'POST' ? {} : { etag: etagOf(finished.body) }),
        });
      } finally {
        attempt.end(undefined);
      }
    },
  });
}

/**
 * Answers with an error in place of a result. Apollo Server writes it, so that its shape, its content type and what is logged of it
 * are those of any other error.
 */
export async function answerGraphQLError<Context extends BaseContext>(
  apollo: ApolloServer<Context>,
  error: HttpError,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { accept = '' } = request.headers;
  const answered = await apollo.executeHTTPGraphQLRequest({
    httpGraphQLRequest: {
      // A request that neither gets the landing page nor is refused for another reason than this error.
      method: 'POST',
      headers: new HeaderMap([
        ['accept', accept],
        ['apollo-require-preflight', 'true'],
      ]),
      search: '',
      body: undefined,
    },
    context: () => Promise.reject(toGraphQLError(error)),
  });
  return send(reply, withRequestId(answered, request.scope.requestId), { 'cache-control': 'no-store' });
}

function toGraphQLError({ status, code, message, headers, details }: HttpError): GraphQLError {
  const http = { status, headers: new HeaderMap(Object.entries(headers)) };
  return new GraphQLError(message, { extensions: { ...details, code, http } });
}

function send(reply: FastifyReply, answer: HTTPGraphQLResponse, headers: Readonly<Record<string, string>>): FastifyReply {
  const { body } = answer;
  if (headers.etag !== undefined && matchesEtag(reply.request.headers['if-none-match'], headers.etag)) {
    return reply.status(304).headers(headers).send();
  }
  return reply
    .status(answer.status ?? 200)
    .headers({ ...Object.fromEntries(answer.headers), ...headers })
    .send(body.kind === 'complete' ? body.string : Readable.from(body.asyncIterator));
}

/** The landing page is no answer to a query. */
function isPage({ headers }: HTTPGraphQLResponse): boolean {
  return headers.get('content-type')?.startsWith('text/html') === true;
}
