/**
 * A span for what Apollo Server does with a request: parsing, validation, limits, execution. A request that is answered by its known
 * bytes has none. Documents, variables and messages of errors don't get on it.
 */
import type { ApolloServer, BaseContext } from '@apollo/server';
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { operationAttributes } from './request-spans.js';
import type { Spans } from './spans.js';

export function traceGraphQL<Context extends BaseContext>(apollo: ApolloServer<Context>, spans: Spans): void {
  const execute = apollo.executeHTTPGraphQLRequest.bind(apollo);
  apollo.executeHTTPGraphQLRequest = (request) => spans.within('GraphQL', SpanKind.INTERNAL, {}, () => execute(request));
  apollo.addPlugin({
    requestDidStart: () =>
      Promise.resolve({
        didResolveOperation({ operation }) {
          // Clients choose the names, so that they are too many for the name of a span.
          if (operation !== undefined) {
            const { operation: type, name } = operation;
            trace.getActiveSpan()?.updateName(type).setAttributes(operationAttributes(type, name?.value));
          }
          return Promise.resolve();
        },
        willSendResponse({ response: { body } }) {
          const { errors } = body.kind === 'single' ? body.singleResult : body.initialResult;
          const code = errors?.[0]?.extensions?.code;
          if (typeof code === 'string') {
            trace.getActiveSpan()?.setAttribute('error.type', code).setStatus({ code: SpanStatusCode.ERROR });
          }
          return Promise.resolve();
        },
      }),
  });
}
