/**
 * `/graphql` for requests of an unusual form: without a length, without a query, of another content type, with credentials that can't be
 * used. Fastify reads them, and says what is wrong with those that can't be read. Registered by `server.ts`.
 */
import type { FastifyInstance, FastifyReply, onRequestAsyncHookHandler } from 'fastify';
import { GRAPHQL_PATH, type GraphQLEndpoint } from './graphql-endpoint.js';
import type { ReadyAnswer } from './ready-answer.js';

export function addGraphQLRoute(
  app: FastifyInstance,
  endpoint: Pick<GraphQLEndpoint, 'answer'>,
  authenticate: onRequestAsyncHookHandler,
): void {
  app.route({
    method: ['GET', 'POST'],
    url: GRAPHQL_PATH,
    onRequest: authenticate,
    handler: async ({ raw, scope, body }, reply) => sendByFastify(reply, await endpoint.answer(raw, scope, body)),
  });
}

export function sendByFastify(reply: FastifyReply, { status, headers, body }: ReadyAnswer): FastifyReply {
  for (let i = 0; i < headers.length; i += 2) reply.header(headers[i] as string, headers[i + 1]);
  return reply.status(status).send(body);
}
