/**
 * Answers what went wrong on the way: an error of GraphQL's shape on `/graphql`, the older API's `{detail, code}` everywhere else.
 * Registered by `server.ts`. Errors of resolvers don't come here; Apollo Server makes them part of its answer.
 */
import { METHODS } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../log.js';
import { HttpError, toLoggedError } from './errors.js';
import { GRAPHQL_PATH, type GraphQLEndpoint } from './graphql-endpoint.js';
import { sendByFastify } from './graphql-route.js';

export interface ErrorAnswerParts {
  readonly endpoint: Pick<GraphQLEndpoint, 'answerThrown'>;
  readonly logger: Logger;
  readonly isDraining: () => boolean;
}

export function answerErrors(app: FastifyInstance, { endpoint, logger, isDraining }: ErrorAnswerParts): void {
  app.setErrorHandler(async (thrown, request, reply) => {
    // Fastify closes the connection when it hasn't read a body to its end. Left to itself, node reads the rest and drops it; cut off
    // while it still sends, a client would never see the answer.
    if (!isDraining()) reply.removeHeader('connection');
    if (pathOf(request) === GRAPHQL_PATH)
      return sendByFastify(reply, await endpoint.answerThrown(thrown, request.raw, request.scope));
    return answerDetail(reply, toLoggedError(thrown, logger, request.raw, request.scope));
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
