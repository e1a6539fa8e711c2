/** What a client's `cache-control` asks of the response cache, RFC 9111 section 5.2.1. Other directives are for other caches. */

export interface RequestDirectives {
  /** The stored response is not wanted. */
  readonly noCache: boolean;
  /** The response must not be stored. */
  readonly noStore: boolean;
}

const NONE: RequestDirectives = { noCache: false, noStore: false };

export function requestDirectives(cacheControl: string | undefined): RequestDirectives {
  if (cacheControl === undefined) return NONE;
  const directives = cacheControl.split(',').map((directive) => directive.trim().toLowerCase());
  return {
    noCache: directives.some((directive) => directive === 'no-cache' || directive === 'max-age=0'),
    noStore: directives.includes('no-store'),
  };
}
