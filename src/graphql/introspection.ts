/**
 * In production only callers with a valid credential may introspect the schema. Not a validation rule: documents are validated
 * once and remembered for everybody, and a rule can't see who asks.
 */
import { HeaderMap, type ApolloServerPlugin } from '@apollo/server';
import { ApolloServerErrorCode, ApolloServerValidationErrorCode } from '@apollo/server/errors';
import { GraphQLError, NoSchemaIntrospectionCustomRule, validate } from 'graphql';
import type { GraphQLContext } from './context.js';

/** Refuses anonymous introspection as Apollo Server does where introspection is off altogether. */
export function introspectionOnlyWhenVerified(): ApolloServerPlugin<GraphQLContext> {
  return {
    requestDidStart: () =>
      Promise.resolve({
        didResolveOperation({ source, schema, document, contextValue }) {
          // The cheap question first: names can't be written in any other way.
          if (!/__(schema|type)\b/.test(source)) return Promise.resolve();
          const [found] = validate(schema, document, [NoSchemaIntrospectionCustomRule]);
          if (found === undefined || contextValue.request.principal().kind !== 'ANONYMOUS') return Promise.resolve();
          throw new GraphQLError('Introspection needs a valid credential here, but the query contains __schema or __type.', {
            ...(found.nodes && { nodes: found.nodes }),
            extensions: {
              code: ApolloServerErrorCode.GRAPHQL_VALIDATION_FAILED,
              validationErrorCode: ApolloServerValidationErrorCode.INTROSPECTION_DISABLED,
              http: { status: 400, headers: new HeaderMap() },
            },
          });
        },
      }),
  };
}
