/**
 * Executes queries that are asked for again as code compiled for them, by graphql-jit: a third of the time for one device, a twentieth
 * for a hundred. Parsing, validation and limits stay Apollo Server's; so do mutations, errors and whatever can't be compiled, which
 * are executed by graphql-js. Added by `app.ts`, behind the response cache.
 */
import { type ApolloServerPlugin, HeaderMap } from '@apollo/server';
import { OperationTypeNode } from 'graphql';
import type { CompiledQuery } from 'graphql-jit';
import { LRUCache } from 'lru-cache';
import type { GraphQLContext } from './context.js';

/** Compiled queries that are kept, and queries of which it is remembered that they were asked for once. */
const MAX_COMPILED = 500;
const MAX_SEEN = 5_000;
/** Longer documents are not compiled: that takes time in proportion, while everybody waits. */
const MAX_SOURCE_CHARACTERS = 10_000;

export function compiledQueries(): ApolloServerPlugin<GraphQLContext> {
  const seen = new LRUCache<string, true>({ max: MAX_SEEN });
  const compiled = new LRUCache<string, CompiledQuery | 'can not be compiled'>({ max: MAX_COMPILED });

  return {
    requestDidStart: () =>
      Promise.resolve({
        async responseForOperation({ schema, document, operation: known, source, queryHash = '', request, contextValue }) {
          // Whatever its types say, it is undefined when the document has no operation of that name.
          const operation = known as typeof known | undefined;
          if (operation?.operation !== OperationTypeNode.QUERY || source.length > MAX_SOURCE_CHARACTERS) return null;
          const name = operation.name?.value;
          const key = `${queryHash} ${name ?? ''}`;
          let query = compiled.get(key);
          if (query === undefined) {
            if (!seen.has(key)) {
              seen.set(key, true);
              return null;
            }
            // Only now, because loading it takes longer than all the rest of GraphQL.
            const { compileQuery, isCompiledQuery } = await import('graphql-jit');
            const outcome = compileQuery(schema, document, name, { disablingCapturingStackErrors: true });
            query = isCompiledQuery(outcome) ? outcome : 'can not be compiled';
            compiled.set(key, query);
          }
          if (query === 'can not be compiled') return null;
          const { data, errors } = await query.query(undefined, contextValue, request.variables ?? {});
          // Only Apollo Server formats errors. What was loaded is not loaded again: the request's loaders remember it, failures as well.
          if (errors !== undefined || data === undefined) return null;
          return { http: { headers: new HeaderMap() }, body: { kind: 'single', singleResult: { data } } };
        },
      }),
  };
}
