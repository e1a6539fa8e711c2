/**
 * Makes stored answers anew that were served past their time (RFC 5861, `stale-while-revalidate`): the request is executed once more
 * for its caller, as if nothing had been stored, and nobody waits for it. Begun by `graphql-requests.ts`.
 */
import { AsyncResource } from 'node:async_hooks';
import type { IncomingMessage } from 'node:http';
import type { ApolloServer, BaseContext } from '@apollo/server';
import type { Principal } from '../auth/principal.js';
import type { BodyEntry } from '../cache/cache.js';
import type { RequestScope } from '../request.js';
import { requestDirectives } from '../response-cache/request-directives.js';
import type { ResponseCache } from '../response-cache/response-cache.js';
import { headerMap, toFinished } from './apollo-http.js';
import { HttpRequestScope } from './request-scope.js';

export interface RevalidationParts<Context extends BaseContext> {
  readonly apollo: ApolloServer<Context>;
  readonly contextFor: (scope: RequestScope) => Context;
  readonly responses: ResponseCache;
  /** `CACHE_BUDGET_MS`. */
  readonly budgetMs: number;
}

/** A request that was answered by a stale answer. */
export interface StaleRequest {
  readonly request: IncomingMessage;
  /** Its body, or its query string with the `?`. */
  readonly bytes: Buffer | string;
  readonly caller: Principal;
  readonly requestId: string;
}

export class Revalidation<Context extends BaseContext> {
  readonly #parts: RevalidationParts<Context>;
  /** By the keys of what is made anew: one execution in this pod, and in the fleet as for any miss. */
  readonly #running = new Map<string, Promise<void>>();

  /** Begins in the next turn, unless it is under way. What fails leaves the stale answer in its place. */
  readonly begin: (stale: BodyEntry, request: StaleRequest) => void;

  constructor(parts: RevalidationParts<Context>) {
    this.#parts = parts;
    // Out of the context of whichever request comes first, whose trace has ended by then.
    this.begin = AsyncResource.bind((stale: BodyEntry, request: StaleRequest) => {
      this.#begin(stale, request);
    });
  }

  #begin(stale: BodyEntry, request: StaleRequest): void {
    if (this.#running.has(stale.k)) return;
    const turn = new Promise((resolve) => setImmediate(resolve));
    const work = turn
      .then(() => this.#execute(stale, request))
      .catch(() => undefined) // the next who asks begins it again
      .finally(() => this.#running.delete(stale.k));
    this.#running.set(stale.k, work);
  }

  /** Resolves when all that were begun have ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  async #execute(revalidated: BodyEntry, { request, bytes, caller, requestId }: StaleRequest): Promise<void> {
    const { apollo, contextFor, responses, budgetMs } = this.#parts;
    const scope = new HttpRequestScope(requestId, budgetMs);
    scope.authenticated(caller);
    const attempt = responses.attempt(scope, {
      directives: requestDirectives(undefined),
      aliasName: undefined,
      missed: undefined,
      isDebugged: false,
      revalidated,
    });
    try {
      const answer = await apollo.executeHTTPGraphQLRequest({
        httpGraphQLRequest: {
          method: typeof bytes === 'string' ? 'GET' : 'POST',
          headers: headerMap(request.headers),
          search: typeof bytes === 'string' ? bytes : '',
          body: typeof bytes === 'string' ? undefined : JSON.parse(bytes.toString()),
        },
        context: () => Promise.resolve(contextFor(scope)),
      });
      attempt.end(toFinished(answer));
    } finally {
      attempt.end(undefined);
    }
  }
}
