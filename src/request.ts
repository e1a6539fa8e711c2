/**
 * What a domain may know of the request it serves. `http/` makes one per request; resolvers get it as their GraphQL context.
 * Asking for the principal is the only way to learn who asks, and marks the answer as that principal's own.
 */
import type { Principal } from './auth/principal.js';
import type { Budget } from './cache/cache.js';

export interface RequestScope {
  /** `x-request-id`, in every log line and error of this request. */
  readonly requestId: string;
  /** What Redis may still cost this request. */
  readonly cacheBudget: Budget;
  /** Who asks; from then on the answer is private to them. */
  principal(): Principal;
  /**
   * Records what the answer depends on.
   * @param deps cache keys and tags.
   * @param freshForMs milliseconds after which that is not fresh any more, nor the answer.
   * @param toldDeps what the client may know that it depends on; for what it may not see the same as if that were absent. Default: `deps`.
   */
  touched(deps: Iterable<string>, freshForMs: number, toldDeps?: Iterable<string>): void;
  /** Something in the answer was loaded so long ago, past its time, because the database is down. */
  servedStale(ageSeconds: number): void;
  /** The answer must not be served once it is not fresh any more, not even while it is made anew. */
  neverStale(): void;
  /** The answer must not be stored by anyone, as for `viewer` and cache administration. */
  noStore(): void;
}
