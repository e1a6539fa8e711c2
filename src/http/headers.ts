/**
 * The headers of our answers, as pure functions of the request's, so that every path that answers can use them. CORS is in `cors.ts`.
 */
import { randomUUID } from 'node:crypto';

/** A short list, because nearly all answers are JSON. Pages have a content security policy of their own. */
const SECURITY_HEADERS = [
  'x-content-type-options',
  'nosniff',
  'referrer-policy',
  'strict-origin-when-cross-origin',
  'x-frame-options',
  'DENY',
];

/** What an answer of `/graphql` depends on beside the URL and the body. */
const VARY = 'authorization, x-api-key, accept';
const VARY_ORIGIN = `${VARY}, origin`;

/** Of this process; in place of the last 12 digits its requests are counted, which is cheaper than something random for each. */
const PROCESS_ID = randomUUID().slice(0, -12);
let requests = 0;

/** The client's `x-request-id` if it is 1 to 128 of `[A-Za-z0-9._-]`, else a new one. */
export function requestIdFrom(header: string | readonly string[] | undefined): string {
  if (typeof header === 'string' && /^[A-Za-z0-9._-]{1,128}$/.test(header)) return header;
  return PROCESS_ID + (++requests).toString(16).padStart(12, '0');
}

/** Whether the request carries credentials, good or bad. */
export function hasCredentials(headers: Readonly<Record<string, unknown>>): boolean {
  return headers.authorization !== undefined || headers['x-api-key'] !== undefined;
}

/** What every answer carries beside `cache-control`, whatever becomes of the request: names and values in turn. */
export function commonHeaders(requestId: string, options: { readonly varyOrigin: boolean }): string[] {
  const headers = SECURITY_HEADERS.slice();
  headers.push('x-request-id', requestId, 'vary', options.varyOrigin ? VARY_ORIGIN : VARY);
  return headers;
}

export interface Cacheability {
  /** A mutation, an error, a stale answer, or one of those that only concern the caller or the cache. */
  readonly noStore: boolean;
  readonly hasCredentials: boolean;
  /** `PUBLIC_MAX_AGE_SECONDS`. */
  readonly publicMaxAgeSeconds: number;
}

/** Depends on the request's credentials and never on what was found, since that would tell a hidden device from an absent one. */
export function cacheControl({ noStore, hasCredentials, publicMaxAgeSeconds }: Cacheability): string {
  if (noStore) return 'no-store';
  if (hasCredentials) return 'private, max-age=0, must-revalidate';
  return `public, max-age=${String(publicMaxAgeSeconds)}, must-revalidate`;
}
