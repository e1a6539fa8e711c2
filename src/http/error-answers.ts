/**
 * Answers what went wrong on the way: an error of GraphQL's shape on `/graphql`, the older API's `{detail, code}` everywhere else.
 * Registered by `server.ts`. Errors of resolvers don't come here; Apollo Server makes them part of its answer.
 */
import { METHODS } from 'node:http';
import type { ApolloServer, BaseContext } from '@apollo/server';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../log.js';
import { HttpError, toHttpError } from './errors.js';
import { answerGraphQLError, GRAPHQL_PATH } from './graphql-route.js';
import { hasCredentials } from './headers.js';

export interface ErrorAnswerParts<Context extends BaseContext> {
  readonly apollo: ApolloServer<Context>;
  readonly logger: Logger;
  readonly isDraining: () => boolean;
}

export function answerErrors<Context extends BaseContext>(app: FastifyInstance, parts: ErrorAnswerParts<Context>): void {
  app.setErrorHandler(async (thrown, request, reply) => {
    const error = toHttpError(thrown, hasCredentials(request.headers));
    // Fastify closes the connection when it hasn't read a body to its end. Left to itself, node reads the rest and drops it; cut off
    // while it still sends, a client would never see the answer.
    if (!parts.isDraining()) reply.removeHeader('connection');
    if (error.status === 500) {
      const { requestId, route } = request.scope;
      parts.logger.error({ requestId, route, err: error.cause }, 'unexpected error in an HTTP request');
    }
    if (pathOf(request) === GRAPHQL_PATH) return answerGraphQLError(parts.apollo, error, request, reply);
    return answerDetail(reply, error);
  });

  app.setNotFoundHandler((request) => {
    const allow = methodsAt(app, pathOf(request));
    if (allow.length === 0) throw nothingHere();
    const headers = { allow: allow.join(', ') };
    throw new HttpError(405, 'BAD_REQUEST', `This path takes only ${headers.allow}.`, { headers });
  });
}

export function nothingHere(): HttpError {
  return new HttpError(404, 'NOT_FOUND', 'There is nothing at this path. GraphQL is at /graphql.');
}

/** The older API's shape. It says 422 for whatever is wrong with a request's body. */
export function answerDetail(reply: FastifyReply, { status, code, message, headers }: HttpError): FastifyReply {
  const isBadInput = status === 400;
  return reply
    .status(isBadInput ? 422 : status)
    .headers(headers)
    .send({ detail: message, code: isBadInput && code === 'BAD_REQUEST' ? 'BAD_USER_INPUT' : code });
}

function methodsAt(app: FastifyInstance, url: string): string[] {
  return METHODS.filter((method) => app.hasRoute({ method, url }));
}

function pathOf(request: FastifyRequest): string {
  const [path = ''] = request.url.split('?', 1);
  return path;
}
