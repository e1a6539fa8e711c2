/** The log's one line for each request. Only what is named here gets in: no header, query string, body or path as sent. */
import type { ServerResponse } from 'node:http';
import type { Logger } from '../log.js';
import { HEALTH_PATHS } from './health.js';
import type { HttpRequestScope } from './request-scope.js';

const MAX_OPERATION_NAME_CHARACTERS = 128;

/** Writes the line when the answer was sent or the client has gone. Probes are logged at level debug. */
export function logWhenClosed(logger: Logger, scope: HttpRequestScope, response: ServerResponse): void {
  const startedAt = performance.now();
  response.once('close', () => {
    const { requestId, route, operation, principalKind } = scope;
    const isProbe = route !== undefined && HEALTH_PATHS.includes(route);
    logger[isProbe ? 'debug' : 'info'](
      {
        requestId,
        route,
        operation: operation?.name?.slice(0, MAX_OPERATION_NAME_CHARACTERS),
        operationType: operation?.type,
        principal: principalKind,
        status: response.statusCode,
        milliseconds: Math.round(10 * (performance.now() - startedAt)) / 10,
      },
      response.writableFinished ? 'request' : 'request whose client has gone',
    );
  });
}
