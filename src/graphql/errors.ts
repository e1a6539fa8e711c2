/**
 * What a client gets to read of an error. Errors that are meant for it keep their code, everything else becomes one fixed text and
 * a line in the log; no message of a driver or library, no stack and no field suggestion gets out. Called by Apollo Server, which
 * doesn't say for which request: so the id of that is added afterwards, here for results, in `http/` for refusals without a context.
 */
import type { ApolloServerPlugin, HTTPGraphQLResponse } from '@apollo/server';
import { ApolloServerErrorCode } from '@apollo/server/errors';
import { type FormattedExecutionResult, GraphQLError, type GraphQLFormattedError, Kind } from 'graphql';
import type { Logger } from 'pino';
import { CodedError } from '../errors.js';
import type { RequestScope } from '../request.js';
import { limitBehind, type Limits } from './limits.js';

export interface ErrorFormatting {
  /** Apollo Server's `formatError`. */
  readonly formatError: (formatted: GraphQLFormattedError, error: unknown) => GraphQLFormattedError;
  /** Adds the request's id to each error of a result, and logs the unexpected ones, each once, however many fields fail with it. */
  readonly plugin: ApolloServerPlugin<{ readonly request: Pick<RequestScope, 'requestId'> }>;
}

export function errorFormatting(logger: Pick<Logger, 'error'>, limits: Limits): ErrorFormatting {
  const logged = new WeakSet<Error>();

  function formatError(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
    const origin = originOf(error);
    const coded = origin instanceof CodedError ? origin : limitBehind(formatted, origin, limits);
    if (coded !== undefined) return { ...formatted, message: coded.message, extensions: { ...coded.extensions } };

    const code = origin instanceof GraphQLError ? codeOf(formatted, origin) : ApolloServerErrorCode.INTERNAL_SERVER_ERROR;
    if (code === ApolloServerErrorCode.INTERNAL_SERVER_ERROR) {
      return { ...formatted, message: 'Internal server error', extensions: { code } };
    }
    return { ...formatted, message: withoutSuggestion(formatted.message), extensions: { ...formatted.extensions, code } };
  }

  function log(requestId: string, path: string | undefined, error: Error): void {
    if (logged.has(error)) return;
    logged.add(error);
    logger.error({ requestId, path, err: error }, 'unexpected error in a GraphQL request');
  }

  return {
    formatError,
    plugin: {
      unexpectedErrorProcessingRequest({ requestContext, error }) {
        log(requestContext.contextValue.request.requestId, undefined, originOf(error));
        return Promise.resolve();
      },
      requestDidStart: ({ contextValue: { request } }) =>
        Promise.resolve({
          willSendResponse({ errors: thrown, response: { body } }) {
            if (body.kind !== 'single' || body.singleResult.errors === undefined) return Promise.resolve();
            const { requestId } = request;
            body.singleResult.errors = body.singleResult.errors.map((error, i) => {
              const isUnexpected = error.extensions?.code === ApolloServerErrorCode.INTERNAL_SERVER_ERROR;
              if (isUnexpected) log(requestId, error.path?.join('.'), originOf(thrown?.[i]));
              return { ...error, extensions: { ...error.extensions, requestId } };
            });
            return Promise.resolve();
          },
        }),
    },
  };
}

/** Adds the request's id to the errors of a refusal, which most often had no context to take it from. */
export function withRequestId(answer: HTTPGraphQLResponse, requestId: string): HTTPGraphQLResponse {
  const { status = 200, headers, body } = answer;
  if (status < 400 || body.kind !== 'complete' || headers.get('content-type')?.includes('json') !== true) return answer;
  const { errors = [], ...rest } = JSON.parse(body.string) as FormattedExecutionResult;
  const named = errors.map((error) => ({ ...error, extensions: { ...error.extensions, requestId } }));
  const string = `${JSON.stringify({ errors: named, ...rest })}\n`;
  headers.set('content-length', String(Buffer.byteLength(string)));
  return { ...answer, body: { kind: 'complete', string } };
}

/** What was thrown first. graphql-js wraps it once to add the path, Apollo Server once more to add a code. */
function originOf(error: unknown): Error {
  if (error instanceof GraphQLError && error.originalError) return originOf(error.originalError);
  return error instanceof Error ? error : new Error(`not an error was thrown: ${typeof error}`);
}

/** Apollo Server's own code, where it gives one. A few errors are about the request but have none. */
function codeOf(formatted: GraphQLFormattedError, origin: GraphQLError): unknown {
  const code = formatted.extensions?.code;
  if (code !== ApolloServerErrorCode.INTERNAL_SERVER_ERROR || origin.extensions.code !== undefined) return code;
  // A persisted query with another hash than its text's, or of an unknown version.
  const { http } = origin.extensions as { readonly http?: { readonly status?: number } };
  if (http?.status === 400) return ApolloServerErrorCode.BAD_REQUEST;
  // Before any field: too many invalid variables. At a field: a null in a variable for an argument that can't be null.
  const isAboutVariables = formatted.path === undefined || origin.nodes?.[0]?.kind === Kind.VARIABLE;
  return isAboutVariables ? ApolloServerErrorCode.BAD_USER_INPUT : code;
}

/** Apollo Server removes them from validation errors, but not from those about the values of variables. */
function withoutSuggestion(message: string): string {
  return message.replace(/ ?Did you mean [^?]*\?$/, '');
}
