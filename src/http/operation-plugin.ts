/**
 * Tells the request's scope what Apollo Server found out: which operation it was, and that an answer must not be stored. `server.ts`
 * adds it as the last plugin, so that it sees what the others have put into the answer.
 */
import type { ApolloServerPlugin, GraphQLResponse } from '@apollo/server';
import type { RequestScope } from '../request.js';
import { HttpRequestScope } from './request-scope.js';

export function operationPlugin(): ApolloServerPlugin<{ readonly request: RequestScope }> {
  return {
    requestDidStart: ({ contextValue: { request } }) => {
      // Operations that are not executed for an HTTP request have another scope.
      if (!(request instanceof HttpRequestScope)) return Promise.resolve();
      return Promise.resolve({
        // Called for each answer that has a context, refusals before execution included.
        willSendResponse({ operation, response }) {
          if (operation !== undefined) request.operation = { type: operation.operation, name: operation.name?.value };
          markStale(response, request.staleAgeSeconds);
          if (request.operation?.type === 'mutation' || hasErrorsOrIsStale(response)) request.noStore();
          return Promise.resolve();
        },
      });
    },
  };
}

function hasErrorsOrIsStale({ body }: GraphQLResponse): boolean {
  const { errors, extensions } = body.kind === 'single' ? body.singleResult : body.initialResult;
  return errors !== undefined || extensions?.stale !== undefined;
}

/** Tells the client that the answer is older than it should be, and how old. */
function markStale({ body }: GraphQLResponse, maxAgeSeconds: number | undefined): void {
  if (maxAgeSeconds === undefined || body.kind !== 'single') return;
  const { singleResult } = body;
  singleResult.extensions = { ...singleResult.extensions, stale: { maxAgeSeconds } };
}
