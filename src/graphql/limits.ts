/**
 * What a GraphQL request may ask for at most. Everything here is refused before the first resolver runs, with `LIMIT_EXCEEDED`,
 * status 400, and which limit it was. Used by `server.ts` only; the size of a request's body is `http/`'s to limit.
 */
import { HeaderMap } from '@apollo/server';
import { ApolloServerErrorCode, ApolloServerValidationErrorCode } from '@apollo/server/errors';
import { maxAliasesRule } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthRule } from '@escape.tech/graphql-armor-max-depth';
import { GraphQLError, type ASTNode, type GraphQLFormattedError, type ValidationContext, type ValidationRule } from 'graphql';
import { CodedError } from '../errors.js';

/** Each limit by the name that clients find in `extensions.limit`. */
export interface Limits {
  /** Levels of selections. Each inline fragment is a level as well, and each spread of a named one is two. */
  readonly depth: number;
  readonly aliases: number;
  /** Words, strings, numbers and punctuation marks of the document, commas and comments not counted. */
  readonly tokens: number;
  /** Fields and fragments selected in all, each fragment as often as it is spread. */
  readonly recursion: number;
  /** In fields times entries, as `operation-limits.ts` counts them. */
  readonly cost: number;
  /** Entries of an argument `ids`. */
  readonly ids: number;
  /** Value of an argument `first`. */
  readonly page: number;
  /** Bytes of an argument `pattern`. */
  readonly pattern: number;
}

export const LIMITS: Limits = {
  depth: 12,
  aliases: 30,
  tokens: 5_000,
  recursion: 1_000,
  cost: 20_000,
  ids: 1_000,
  page: 500,
  pattern: 1_024,
};

/** The limits that a document exceeds whatever its variables are. */
export function documentLimits(limits: Limits): ValidationRule[] {
  const rejecting = (limit: 'depth' | 'aliases', message: string) => ({
    n: limits[limit],
    // Thrown, as these rules do by default, the error would be a status 500.
    propagateOnRejection: false,
    onReject: [
      (context: ValidationContext | null) => {
        context?.reportError(limitError(limit, limits[limit], message));
      },
    ],
  });
  const depth = rejecting('depth', `The query is nested more than ${limits.depth} levels deep. Flatten it, or ask in two steps.`);
  const aliases = rejecting(
    'aliases',
    `The query has more than ${limits.aliases} aliases. Ask in several requests, or use \`devices\`.`,
  );
  return [maxDepthRule(depth), maxAliasesRule({ ...aliases, allowList: [] })];
}

/**
 * The limit behind an error that graphql-js or Apollo Server made without knowing our codes. Undefined for any other error.
 * @param formatted the error as Apollo Server would send it.
 * @param origin what was thrown first.
 */
export function limitBehind(formatted: GraphQLFormattedError, origin: Error, limits: Limits): CodedError | undefined {
  const { depth, tokens, recursion } = limits;
  const { code, validationErrorCode } = formatted.extensions ?? {};
  if (code === ApolloServerErrorCode.GRAPHQL_PARSE_FAILED) {
    // The parser's stack ends before the tokens do.
    if (origin instanceof RangeError) return exceeded('depth', depth, 'The document is nested too deep to be read.');
    if (/contains more tha[nt] \d+ tokens/.test(formatted.message)) {
      return exceeded('tokens', tokens, `The document has more than ${tokens} tokens. Pass lists as variables.`);
    }
  }
  if (validationErrorCode === ApolloServerValidationErrorCode.MAX_RECURSIVE_SELECTIONS_EXCEEDED) {
    return exceeded(
      'recursion',
      recursion,
      `The query selects more than ${recursion} fields and fragments. Ask in several requests.`,
    );
  }
  // graphql-js gives up where comparing selections with the same name would take too long: from about 700 of one name on.
  if (origin.message === 'Validation aborted.') {
    return exceeded('recursion', recursion, 'The query selects the same fields again and again. Ask in several requests.');
  }
  return undefined;
}

/** An error for a limit, with status 400 wherever Apollo Server meets it before the execution. */
export function limitError(limit: keyof Limits, max: number, message: string, node?: ASTNode): GraphQLError {
  return new GraphQLError(message, {
    ...(node && { nodes: node }),
    // Apollo Server writes its own code over that of a validation error; the formatting of errors finds ours here.
    originalError: exceeded(limit, max, message),
    extensions: { http: badRequest() },
  });
}

function exceeded(limit: keyof Limits, max: number, message: string): CodedError {
  return new CodedError('LIMIT_EXCEEDED', message, { details: { limit, max } });
}

/** What Apollo Server reads an error's status from. */
export function badRequest() {
  return { status: 400, headers: new HeaderMap() };
}
