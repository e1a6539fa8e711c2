/** The log's one line for each request. Only what is named here gets in: no header, query string, body or path as sent. */
import type { ServerResponse } from 'node:http';
import type { Logger } from '../log.js';
import { HEALTH_PATHS } from './health.js';
import { type HttpMetrics, METRICS_PATH } from './metrics-route.js';
import type { HttpRequestScope } from './request-scope.js';

export const PROBE_PATHS: readonly string[] = [...HEALTH_PATHS, METRICS_PATH];
const MAX_OPERATION_NAME_CHARACTERS = 128;

/** Has {@link logEnded} called when the answer was sent or the client has gone. */
export function logWhenClosed(logger: Logger, metrics: HttpMetrics, scope: HttpRequestScope, response: ServerResponse): void {
  response.once('close', () => {
    logEnded(logger, metrics, scope, response, response.writableFinished);
  });
}

/**
 * Ends a request for those who watch: writes the line, tells the metrics, ends the trace. Probes are logged at level debug.
 * @param isAnswered false: the client has gone before.
 */
export function logEnded(
  logger: Logger,
  metrics: HttpMetrics,
  scope: HttpRequestScope,
  response: ServerResponse,
  isAnswered: boolean,
): void {
  const { requestId, route, operation, caller, startedAt } = scope;
  const milliseconds = performance.now() - startedAt;
  metrics.requestEnded(route, response.statusCode, milliseconds);
  scope.trace?.ended({ requestId, route, operation, isAnswered });
  const isProbe = route !== undefined && PROBE_PATHS.includes(route);
  const level = isProbe ? 'debug' : 'info';
  if (!logger.isLevelEnabled(level)) return;
  logger[level](
    {
      requestId,
      traceId: scope.trace?.traceId,
      route,
      operation: operation?.name?.slice(0, MAX_OPERATION_NAME_CHARACTERS),
      operationType: operation?.type,
      principal: caller?.kind,
      status: response.statusCode,
      milliseconds: Math.round(10 * milliseconds) / 10,
    },
    isAnswered ? 'request' : 'request whose client has gone',
  );
}
