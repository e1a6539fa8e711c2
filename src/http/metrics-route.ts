/** `GET /metrics`, for Prometheus. Registered by `server.ts`. */
import type { FastifyInstance } from 'fastify';

export interface HttpMetrics {
  /** `route` undefined: none of ours. */
  requestEnded(route: string | undefined, status: number, milliseconds: number): void;
  /** What `/metrics` answers. */
  text(): Promise<{ readonly contentType: string; readonly body: string }>;
}

export const METRICS_PATH = '/metrics';

export function addMetricsRoute(app: FastifyInstance, metrics: HttpMetrics): void {
  app.get(METRICS_PATH, async (_request, reply) => {
    const { contentType, body } = await metrics.text();
    return await reply.type(contentType).send(body);
  });
}
