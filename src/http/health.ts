/**
 * `/livez` and `/readyz`, for Kubernetes. They only read what is known already and wait for nothing, so that they answer while
 * everything behind them is down. Registered by `server.ts`.
 */
import type { FastifyInstance } from 'fastify';

export interface HealthState {
  /** `ready`: the database has answered once; whatever becomes of it later. */
  readonly status: 'starting' | 'ready' | 'stopping';
  readonly mongodb: 'up' | 'down' | 'embedded';
  readonly redis: 'up' | 'down' | 'embedded';
  readonly cache: 'connected' | 'degraded' | 'embedded';
}

export interface Health {
  /** What is known at the moment. */
  state(): HealthState;
}

export const HEALTH_PATHS: readonly string[] = ['/livez', '/readyz'];

/** @param isStopping true from the moment the server was asked to stop. */
export function addHealthRoutes(app: FastifyInstance, health: Health, isStopping: () => boolean): void {
  app.get('/livez', (_request, reply) => reply.send({ status: 'alive' }));

  app.get('/readyz', (_request, reply) => {
    const state = health.state();
    const status = isStopping() ? 'stopping' : state.status;
    return reply.status(status === 'ready' ? 200 : 503).send({ ...state, status });
  });
}
