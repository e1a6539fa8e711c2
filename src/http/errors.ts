/**
 * From anything thrown to the status, code and headers of an HTTP answer. What the answer's body looks like is the routes' business:
 * `graphql-endpoint.ts` has GraphQL's shape, all others the older API's `{detail, code}`.
 */
import type { IncomingMessage } from 'node:http';
import { CodedError, type ErrorCode, type ErrorDetails } from '../errors.js';
import type { Logger } from '../log.js';
import { hasCredentials } from './headers.js';
import type { HttpRequestScope } from './request-scope.js';

/** Bytes of a request's body. */
export const MAX_BODY_BYTES = 1_048_576;

/** When a client may try again after a 503. */
const RETRY_AFTER_SECONDS = 2;

interface HttpErrorOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
}

/** An answer that is not what was asked for. Its message is for the client; a cause is for the log. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  /** `BAD_REQUEST` is Apollo Server's code for a request that is malformed. */
  readonly code: ErrorCode | 'BAD_REQUEST';
  readonly headers: Readonly<Record<string, string>>;
  readonly details: ErrorDetails;

  constructor(status: number, code: HttpError['code'], message: string, options: HttpErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.status = status;
    this.code = code;
    this.headers = options.headers ?? {};
    this.details = options.details ?? {};
  }
}

/** The same, and a line in the log for what nobody expected. */
export function toLoggedError(
  thrown: unknown,
  logger: Logger,
  { headers }: IncomingMessage,
  { requestId, route }: HttpRequestScope,
): HttpError {
  const error = toHttpError(thrown, hasCredentials(headers));
  if (error.status === 500) logger.error({ requestId, route, err: error.cause }, 'unexpected error in an HTTP request');
  return error;
}

/**
 * What to answer for anything that was thrown. What nobody expected is a 500 that tells nothing, with the error as its cause.
 * @param hasCredentials whether the request had any: only then can they be invalid.
 */
export function toHttpError(error: unknown, hasCredentials: boolean): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof CodedError) return fromCodedError(error, hasCredentials);
  const { code, statusCode = 500 } = error as { readonly code?: string; readonly statusCode?: number };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    const details = { limit: 'body', max: MAX_BODY_BYTES };
    return new HttpError(413, 'LIMIT_EXCEEDED', `The body has more than ${String(MAX_BODY_BYTES)} bytes.`, { details });
  }
  // Fastify's own messages are written for whoever programs with it.
  if (statusCode >= 400 && statusCode < 500) return new HttpError(statusCode, 'BAD_REQUEST', unreadable(code));
  return new HttpError(500, 'INTERNAL_SERVER_ERROR', 'Internal server error', { cause: error });
}

function unreadable(code: string | undefined): string {
  if (code === 'FST_ERR_CTP_INVALID_JSON_BODY') return 'The body is not valid JSON.';
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return 'The content-type can not be read; send application/json.';
  return 'The request can not be read.';
}

const STATUS: Readonly<Record<ErrorCode, number>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  BAD_USER_INPUT: 400,
  DEVICE_EXISTS: 409,
  LIMIT_EXCEEDED: 400,
  CACHE_UNAVAILABLE: 503,
  DATABASE_UNAVAILABLE: 503,
  AUTH_UNAVAILABLE: 503,
  INTERNAL_SERVER_ERROR: 500,
};

function fromCodedError(error: CodedError, hasCredentials: boolean): HttpError {
  const { code, message, extensions } = error;
  const { code: _, ...details } = extensions;
  const status = STATUS[code];
  const headers: Record<string, string> = {};
  if (status === 401) headers['www-authenticate'] = hasCredentials ? 'Bearer error="invalid_token"' : 'Bearer';
  if (status === 503) headers['retry-after'] = String(RETRY_AFTER_SECONDS);
  return new HttpError(status, code, message, { headers, details, cause: error });
}
