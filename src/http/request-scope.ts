/**
 * What this server knows of one request while it runs: the scope that resolvers get, and beside it what only `http/` and the response
 * cache read. Made by `server.ts` for every request; it must never outlive it.
 */
import type { Principal } from '../auth/principal.js';
import { Budget } from '../cache/cache.js';
import type { RequestScope } from '../request.js';
import type { Attempt } from '../response-cache/attempt.js';
import type { RequestTrace } from '../tracing/tracing.js';

/** The operation that a GraphQL request asked for. */
export interface RequestedOperation {
  readonly type: 'query' | 'mutation' | 'subscription';
  /** Undefined for an anonymous one. */
  readonly name: string | undefined;
}

const NOTHING: ReadonlySet<string> = new Set();

export class HttpRequestScope implements RequestScope {
  readonly requestId: string;
  /** On `performance.now()`'s scale. */
  readonly startedAt = performance.now();
  /** Undefined where it is not traced. */
  readonly trace: RequestTrace | undefined;
  /** The route that answered, for the log. Undefined when there is none at this path. */
  route: string | undefined;
  /** Undefined until it is known, so for a document that is not valid. */
  operation: RequestedOperation | undefined;
  /** The check of its credentials, where that has begun already. */
  authentication: Promise<Principal> | undefined;
  /** What the response cache knows it by. */
  aliasName: string | undefined;
  /** The operation that was looked up by that name and not found. */
  missed: string | undefined;
  /** Its way through the response cache, if it came to `/graphql`. */
  attempt: Attempt | undefined;
  #principal: Principal | undefined;
  #isPrivate = false;
  #isNoStore = false;
  #isNeverStale = false;
  #staleAgeSeconds: number | undefined;
  #freshForMs = Infinity;
  readonly #budgetMs: number;
  // Both made when they are needed, which is not for an answer out of memory.
  #cacheBudget: Budget | undefined;
  #deps: Set<string> | undefined;
  /** Undefined where the client may know of all of them. */
  #toldDeps: Set<string> | undefined;

  /** @param budgetMs `CACHE_BUDGET_MS`. */
  constructor(requestId: string, budgetMs: number, trace?: RequestTrace) {
    this.requestId = requestId;
    this.#budgetMs = budgetMs;
    this.trace = trace;
  }

  get cacheBudget(): Budget {
    return (this.#cacheBudget ??= new Budget(this.#budgetMs));
  }

  principal(): Principal {
    this.#isPrivate = true;
    if (this.#principal === undefined) throw new Error('The principal was asked for before the request was authenticated.');
    return this.#principal;
  }

  touched(deps: Iterable<string>, freshForMs: number, toldDeps = deps): void {
    this.#deps ??= new Set();
    if (toldDeps !== deps) this.#toldDeps ??= new Set(this.#deps);
    for (const dep of deps) this.#deps.add(dep);
    if (this.#toldDeps !== undefined) for (const dep of toldDeps) this.#toldDeps.add(dep);
    this.#freshForMs = Math.min(this.#freshForMs, freshForMs);
  }

  noStore(): void {
    this.#isNoStore = true;
  }

  neverStale(): void {
    this.#isNeverStale = true;
  }

  servedStale(ageSeconds: number): void {
    this.#staleAgeSeconds = Math.max(this.#staleAgeSeconds ?? 0, ageSeconds);
  }

  /** How old the oldest part of the answer is that stands in while the database is down; undefined when there is none. */
  get staleAgeSeconds(): number | undefined {
    return this.#staleAgeSeconds;
  }

  /** Says who asks, once the credentials are verified. */
  authenticated(principal: Principal): void {
    this.#principal = principal;
  }

  /** For the log and the response cache: asking this leaves no mark on the answer. Undefined before the request is authenticated. */
  get caller(): Principal | undefined {
    return this.#principal;
  }

  /** Whether a resolver asked who asks: then the answer is that principal's own. */
  get isPrivate(): boolean {
    return this.#isPrivate;
  }

  get isNeverStale(): boolean {
    return this.#isNeverStale;
  }

  get isNoStore(): boolean {
    return this.#isNoStore;
  }

  /** Milliseconds for which everything is fresh that the answer was made from; infinite when it was made from nothing. */
  get freshForMs(): number {
    return this.#freshForMs;
  }

  /** All keys and tags that the answer depends on. */
  get deps(): ReadonlySet<string> {
    return this.#deps ?? NOTHING;
  }

  /** What of that the client may know of. */
  get toldDeps(): ReadonlySet<string> {
    return this.#toldDeps ?? this.deps;
  }
}
