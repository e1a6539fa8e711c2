/**
 * What a client gets to read of an error. Errors that are meant for it keep their code, everything else becomes one fixed text and
 * a line in the log; no message of a driver or library, no stack and no field suggestion gets out. Called by Apollo Server.
 */
import { ApolloServerErrorCode } from '@apollo/server/errors';
import { GraphQLError, Kind, type GraphQLFormattedError } from 'graphql';
import type { Logger } from 'pino';
import { CodedError } from '../errors.js';
import { currentRequest } from '../request.js';
import { limitBehind, type Limits } from './limits.js';

/** Makes Apollo Server's `formatError`. Unexpected errors are logged, each once, however many fields fail with it. */
export function errorFormatter(logger: Pick<Logger, 'error'>, limits: Limits) {
  const logged = new WeakSet<Error>();
  return (formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError => {
    const requestId = currentRequest.getStore()?.requestId;
    const origin = originOf(error);
    const coded = origin instanceof CodedError ? origin : limitBehind(formatted, origin, limits);
    if (coded !== undefined) return { ...formatted, message: coded.message, extensions: { ...coded.extensions, requestId } };

    const code = origin instanceof GraphQLError ? codeOf(formatted, origin) : ApolloServerErrorCode.INTERNAL_SERVER_ERROR;
    if (code !== ApolloServerErrorCode.INTERNAL_SERVER_ERROR) {
      return {
        ...formatted,
        message: withoutSuggestion(formatted.message),
        extensions: { ...formatted.extensions, code, requestId },
      };
    }
    if (!logged.has(origin)) {
      logged.add(origin);
      logger.error({ requestId, path: formatted.path?.join('.'), err: origin }, 'unexpected error in a GraphQL request');
    }
    return { ...formatted, message: 'Internal server error', extensions: { code, requestId } };
  };
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
