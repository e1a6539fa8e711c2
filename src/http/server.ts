/**
 * The HTTP server: puts the steps of a request together and owns nothing else. It knows no GraphQL, device or cache; `app.ts` hands
 * it the parts that do, and says when to listen and when to drain.
 *
 * The steps of a request:
 *
 *     1  scope          request id and budget for the cache; all below belongs to this request    request-scope.ts
 *     2  GraphQL        `/graphql` in the usual form: caller, stored answer or execution, sent    graphql-requests.ts
 *     3  log, metrics   written when the answer is out, here and there                            request-log.ts
 *     4  headers        request id, vary, no-store, security, CORS: on every answer, errors too   headers.ts, cors.ts
 *     5  preflight      answered here
 *     6  route          `/graphql`, `/cache/*`, `/admin`, probes, `/`; else 404 or 405
 *     7  authenticate   `/graphql` and `/cache/*`: credentials → principal, or 401, or 503
 *     8  body           JSON of 1 MiB at most                                                     body.ts
 *     9  answer         by Apollo Server, the older API's routes, the page                        graphql-route.ts, …
 *    10  errors         whatever step 6 to 9 has thrown                                           error-answers.ts
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import type { ApolloServer } from '@apollo/server';
import { fastify, type FastifyRequest } from 'fastify';
import type { Authenticator } from '../auth/authenticator.js';
import type { HttpConfig } from '../config.js';
import type { Logger } from '../log.js';
import type { RequestScope } from '../request.js';
import type { ResponseCache } from '../response-cache/response-cache.js';
import { addAdminRoutes, type AdminPage } from './admin-page.js';
import type { HttpTracing } from '../tracing/tracing.js';
import { readJsonBodies } from './body.js';
import { Connections } from './connections.js';
import { Cors, isPreflight } from './cors.js';
import { answerDetail, answerErrors, nothingHere } from './error-answers.js';
import { MAX_BODY_BYTES } from './errors.js';
import { GRAPHQL_PATH, GraphQLEndpoint } from './graphql-endpoint.js';
import { answerGraphQLRequests } from './graphql-requests.js';
import { addGraphQLRoute } from './graphql-route.js';
import { commonHeaders, requestIdFrom } from './headers.js';
import { addHealthRoutes, type Health } from './health.js';
import { answerUnreadableRequest, createListener, listen } from './listener.js';
import { addOlderApiRoutes, type CacheAdmin } from './older-api.js';
import { addMetricsRoute, type HttpMetrics } from './metrics-route.js';
import { operationPlugin } from './operation-plugin.js';
import { logEnded, logWhenClosed, PROBE_PATHS } from './request-log.js';
import { HttpRequestScope } from './request-scope.js';
import { Revalidation } from './revalidation.js';

export interface HttpParts<Context extends { readonly request: RequestScope }> {
  /** `budgetMs` is `CACHE_BUDGET_MS`. */
  readonly config: HttpConfig & { readonly budgetMs: number };
  readonly logger: Logger;
  readonly authenticator: Pick<Authenticator, 'authenticate'>;
  /** Not started yet; it gets one more plugin here. */
  readonly apollo: ApolloServer<Context>;
  /** Called once for each GraphQL request, after its caller is known. */
  readonly contextFor: (scope: RequestScope) => Context;
  readonly cacheAdmin: CacheAdmin;
  readonly adminPage: AdminPage;
  readonly health: Health;
  readonly metrics: HttpMetrics;
  readonly responses: ResponseCache;
  /** Undefined: no traces. */
  readonly tracing?: HttpTracing | undefined;
}

export interface HttpServer {
  /** Resolves with the URL, once requests are answered. Apollo Server must have been started. */
  listen(): Promise<string>;
  /**
   * `/readyz` fails at once, requests are served for `SHUTDOWN_DELAY_SECONDS`, then connections end without losing one. Resolves when
   * all have ended; the parts must work until then.
   */
  drain(): Promise<void>;
}

declare module 'fastify' {
  interface FastifyRequest {
    readonly scope: HttpRequestScope;
  }
}

/** A property, because a WeakMap of all requests under way costs more than all else that is done with it. */
type ScopedRequest = IncomingMessage & { scope?: HttpRequestScope };

export function createHttpServer<Context extends { readonly request: RequestScope }>(parts: HttpParts<Context>): HttpServer {
  const { config, logger, authenticator, apollo, contextFor, cacheAdmin, adminPage, health, metrics, responses, tracing } = parts;
  const cors = new Cors(config.corsOrigins);
  let drained: Promise<void> | undefined;

  const varyOrigin = { varyOrigin: cors.isEnabled };
  const headersFor = (request: IncomingMessage, scope: HttpRequestScope): string[] => {
    const headers = commonHeaders(scope.requestId, varyOrigin);
    if (request.headers.origin !== undefined) headers.push(...cors.headers(request.headers.origin));
    return headers;
  };

  // Steps 1 to 5, before fastify, whose hooks don't run for everything that it answers.
  const beforeRouting =
    (route: RequestListener): RequestListener =>
    (request, response) => {
      const requestId = requestIdFrom(request.headers['x-request-id']);
      const scope = new HttpRequestScope(requestId, config.budgetMs, tracing?.traceOf(request));
      const goOn = (): void => {
        (request as ScopedRequest).scope = scope;
        response.once('close', () => {
          connections.answered(response);
        });
        logWhenClosed(logger, metrics, scope, response);
        setHeaders(response, headersFor(request, scope).concat('cache-control', 'no-store')); // until something better is known
        if (isPreflight(request.method, request.headers)) {
          setHeaders(response, cors.preflightHeaders(request.headers.origin));
          response.writeHead(204).end();
          return;
        }
        route(request, response);
      };
      connections.expect(response);
      if (!answerGraphQL(request, response, scope, goOn)) goOn();
    };

  const traced = (listener: RequestListener): RequestListener =>
    tracing?.traced(listener, (url) => !PROBE_PATHS.includes(url)) ?? listener;

  const app = fastify({
    serverFactory: (route) => createListener(traced(beforeRouting(route))),
    clientErrorHandler: answerUnreadableRequest,
    bodyLimit: MAX_BODY_BYTES,
    // No route has a schema, and the compilers for them cost a tenth of the start.
    schemaController: {
      compilersFactory: { buildValidator: (() => () => () => true) as never, buildSerializer: () => () => JSON.stringify },
    },
    // Draining is ours, see connections.ts.
    return503OnClosing: false,
    // A path that is no path, like `/%`.
    frameworkErrors: (_error, _request, reply) => void answerDetail(reply, nothingHere()),
  });
  const connections = new Connections(app.server);

  // Step 6: the routes are below. 404 and 405 are errors like others.
  app.decorateRequest('scope', {
    getter(this: FastifyRequest) {
      const { scope } = this.raw as ScopedRequest;
      if (scope === undefined) throw new Error('A request came to fastify without a scope.');
      return scope;
    },
  });
  app.addHook('onRequest', (request, _reply, done) => {
    request.scope.route = request.routeOptions.url;
    done();
  });

  // Step 7, for the routes that name it.
  const authenticate = async ({ raw, scope }: FastifyRequest) => {
    scope.authentication ??= authenticator.authenticate(raw.headersDistinct, scope.cacheBudget);
    scope.authenticated(await scope.authentication);
  };

  // Step 8.
  const parseJson = readJsonBodies(app);

  // Steps 2 and 9.
  apollo.addPlugin(operationPlugin());
  const { publicMaxAgeSeconds } = config;
  const endpoint = new GraphQLEndpoint({ apollo, contextFor, responses, publicMaxAgeSeconds, logger });
  const revalidation = new Revalidation({ apollo, contextFor, responses, budgetMs: config.budgetMs });
  const answerGraphQL = answerGraphQLRequests({
    endpoint,
    responses,
    authenticator,
    parseJson,
    publicMaxAgeSeconds,
    headersFor,
    isDraining: () => connections.isDraining,
    revalidate: revalidation.begin,
    onEnd: (scope, response, isAnswered) => {
      connections.answered(response);
      logEnded(logger, metrics, scope, response, isAnswered);
    },
  });
  addGraphQLRoute(app, endpoint, authenticate);
  addOlderApiRoutes(app, cacheAdmin, authenticate);
  addAdminRoutes(app, adminPage);
  addHealthRoutes(app, health, () => drained !== undefined);
  addMetricsRoute(app, metrics);
  app.get('/', (_request, reply) => reply.redirect(GRAPHQL_PATH));

  // Step 10.
  answerErrors(app, { endpoint, logger, isDraining: () => connections.isDraining });

  async function drain(): Promise<void> {
    if (config.shutdownDelaySeconds > 0) await setTimeout(1_000 * config.shutdownDelaySeconds);
    await connections.drain();
    await revalidation.settled();
    await app.close();
  }

  return {
    async listen() {
      await app.ready();
      return await listen(app.server, config);
    },
    drain: () => (drained ??= drain()),
  };
}

/** @param headers names and values in turn. */
function setHeaders(response: ServerResponse, headers: readonly string[]): void {
  for (let i = 0; i < headers.length; i += 2) response.setHeader(headers[i] as string, headers[i + 1] as string);
}
