/** The `cache-status` header, RFC 9211, of this one cache. */

export type Forwarded =
  /** Executed because nothing was stored; `stored`: from now on something is. */
  | { readonly fwd: 'miss'; readonly stored: boolean }
  /** Answered by another request's execution. */
  | { readonly fwd: 'collapsed' }
  /** Not looked up: a mutation, `extensions`, the cache off or not trusted. */
  | { readonly fwd: 'bypass' }
  /** The client's `no-cache`. */
  | { readonly fwd: 'request'; readonly stored: boolean }
  /** Devices came from grace. */
  | { readonly fwd: 'stale' };

export function forwardedStatus(forwarded: Forwarded): string {
  switch (forwarded.fwd) {
    case 'collapsed':
      return 'opensensor; fwd=miss; collapsed';
    case 'miss':
    case 'request':
      return `opensensor; fwd=${forwarded.fwd}${forwarded.stored ? '; stored' : ''}`;
    default:
      return `opensensor; fwd=${forwarded.fwd}`;
  }
}

/** @param ttlSeconds whole seconds for which it is still fresh. */
export function hitStatus(ttlSeconds: number, tier: 'l1' | 'l2'): string {
  return `opensensor; hit; ttl=${String(ttlSeconds)}; detail=${tier}`;
}
