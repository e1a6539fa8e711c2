/**
 * Every error code a client can meet, once. Domains throw {@link CodedError}; `graphql/` and `http/` only translate it.
 * Codes that Apollo Server makes itself (`GRAPHQL_PARSE_FAILED`, ...) pass unchanged and are not listed here.
 */

/** Each code of `extensions.code` that is ours, with what it means to the caller. */
export const ERROR_CODES = {
  UNAUTHENTICATED: 'No credential where one is needed, or a credential that is not valid.',
  FORBIDDEN: 'The principal is known but lacks the permission or does not own the device.',
  NOT_FOUND: 'There is no such device, or the caller may not see it.',
  BAD_USER_INPUT: 'An argument is out of range or malformed; the message says which and why.',
  DEVICE_EXISTS: 'Somebody, perhaps the caller, already holds this pair of device id and name.',
  LIMIT_EXCEEDED: 'The request is larger than a limit allows; `limit` and `max` say which.',
  CACHE_UNAVAILABLE: 'An invalidation could be neither applied nor put on record; the message says what was done.',
  DATABASE_UNAVAILABLE: 'The database could not be asked; trying again later may work.',
  AUTH_UNAVAILABLE: 'The token issuer could not be asked; trying again later may work.',
  INTERNAL_SERVER_ERROR: 'A defect of the server; the log has the details under the request id.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** What a coded error may say beside its code; reaches the client as `extensions`. */
export interface ErrorDetails {
  readonly limit?: string;
  readonly max?: number;
}

/** An error whose message and code are meant for the client. Anything else becomes `INTERNAL_SERVER_ERROR` without a message. */
export class CodedError extends Error {
  override readonly name = 'CodedError';
  readonly code: ErrorCode;
  /** Read by graphql-js, which copies it onto the GraphQLError that it makes of this one. */
  readonly extensions: ErrorDetails & { readonly code: ErrorCode };

  constructor(code: ErrorCode, message: string, options: { readonly details?: ErrorDetails; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.extensions = { ...options.details, code };
  }
}
