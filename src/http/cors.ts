/**
 * Which web pages may read our answers: those of the exact origins in `CORS_ORIGINS`, without credentials mode. Pure functions of the
 * request's origin, computed for each request and never stored, so that every path that answers can use them.
 */

const EXPOSED_HEADERS = 'age, etag, cache-status, x-request-id, retry-after';
const ALLOWED_HEADERS =
  'authorization, x-api-key, content-type, apollo-require-preflight, apollo-cache-debugging, cache-control, if-none-match, x-request-id';
const ALLOWED_METHODS = 'GET, POST';
/** Two hours, the longest that Chromium remembers a preflight. */
const PREFLIGHT_MAX_AGE_SECONDS = 7_200;

/** Names and values in turn. */
type Headers = readonly string[];
const NONE: Headers = [];

export class Cors {
  readonly #origins: ReadonlySet<string>;

  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins);
  }

  /** Whether answers depend on the origin at all, and `vary` must say so. */
  get isEnabled(): boolean {
    return this.#origins.size > 0;
  }

  /** For every answer but a preflight's, errors included. None for an origin that is not allowed, and without one. */
  headers(origin: string | undefined): Headers {
    if (origin === undefined || !this.#origins.has(origin)) return NONE;
    return ['access-control-allow-origin', origin, 'access-control-expose-headers', EXPOSED_HEADERS];
  }

  preflightHeaders(origin: string | undefined): Headers {
    if (origin === undefined || !this.#origins.has(origin)) return NONE;
    return [
      ['access-control-allow-origin', origin],
      ['access-control-allow-methods', ALLOWED_METHODS],
      ['access-control-allow-headers', ALLOWED_HEADERS],
      ['access-control-max-age', String(PREFLIGHT_MAX_AGE_SECONDS)],
    ].flat();
  }
}

/** A browser's question whether it may send a request, which carries no credentials. */
export function isPreflight(method: string | undefined, headers: Readonly<Record<string, unknown>>): boolean {
  return method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
}
