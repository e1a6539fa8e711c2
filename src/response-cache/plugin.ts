/**
 * Where Apollo Server meets the response cache: after it has accepted an operation, before it executes it. The last of its plugins, so
 * that whatever refuses an operation has done so. `app.ts` adds it.
 */
import { type ApolloServerPlugin, type GraphQLRequestListener, HeaderMap } from '@apollo/server';
import type { RequestScope } from '../request.js';
import type { CacheableRequest } from './attempt.js';
import type { Hints } from './hints.js';

export function responseCachePlugin(hints: Hints): ApolloServerPlugin<{ readonly request: RequestScope }> {
  return {
    requestDidStart: ({ contextValue }): Promise<GraphQLRequestListener<{ readonly request: RequestScope }>> => {
      const { attempt } = contextValue.request as Partial<CacheableRequest>;
      if (attempt === undefined) return Promise.resolve({}); // not a request by HTTP
      return Promise.resolve({
        async responseForOperation({ document, operation: known, queryHash, request }) {
          // Whatever its types say, it is undefined when the document has no operation of that name.
          const operation = known as typeof known | undefined;
          if (queryHash === undefined || operation === undefined) return null;
          const isFound = await attempt.find({
            type: operation.operation,
            documentHash: queryHash,
            name: operation.name?.value,
            variables: request.variables,
            extensions: request.extensions,
            hint: () => hints.of(document, operation),
          });
          // Only `http/` has the answer's bytes, and sends them in place of this.
          return isFound ? { http: { headers: new HeaderMap() }, body: { kind: 'single', singleResult: {} } } : null;
        },
      });
    },
  };
}
