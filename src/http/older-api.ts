/**
 * The three routes of the older API, as its scripts and dashboards use them, over the one implementation of cache administration that
 * GraphQL has too. Only translates: permissions and patterns are checked behind `CacheAdmin`. Registered by `server.ts`.
 */
import type { FastifyInstance, FastifyReply, onRequestAsyncHookHandler } from 'fastify';
import type { Principal } from '../auth/principal.js';
import type { Invalidation } from '../cache/cache.js';
import { requirePermission } from '../cache-admin/operations.js';
import { CodedError } from '../errors.js';

/** What these routes need of cache administration. Each operation rejects with a CodedError for a missing permission or a bad pattern. */
export interface CacheAdmin {
  stats(principal: Principal): Promise<CacheFigures>;
  clear(principal: Principal): Promise<Invalidation>;
  invalidate(principal: Principal, pattern: string, options: { readonly dryRun: boolean }): Promise<Invalidation>;
}

/** The part of the statistics that the older API knew. */
export interface CacheFigures {
  readonly status: 'CONNECTED' | 'DEGRADED' | 'EMBEDDED';
  readonly keys: number | null;
  readonly redis: RedisFigures | null;
}

export interface RedisFigures {
  readonly version: string;
  /** As Redis prints it: `15.20M`. */
  readonly usedMemoryHuman: string;
  readonly connectedClients: number;
  readonly keyspaceHits: number;
  readonly keyspaceMisses: number;
  /** 0 to 1; null before the first look-up. */
  readonly hitRatio: number | null;
}

export function addOlderApiRoutes(app: FastifyInstance, cacheAdmin: CacheAdmin, authenticate: onRequestAsyncHookHandler): void {
  app.get('/cache/stats', { onRequest: authenticate }, async ({ scope }, reply) => {
    const { status, keys, redis } = await cacheAdmin.stats(scope.principal());
    return reply.send(status === 'CONNECTED' && redis !== null ? statsBody(keys, redis) : { status: 'unavailable' });
  });

  app.post('/cache/clear', { onRequest: authenticate }, async ({ scope }, reply) => {
    const { status, id } = await cacheAdmin.clear(scope.principal());
    if (status === 'APPLIED') return reply.send({ success: true, message: 'Cache cleared' });
    return reply.status(202).send({ success: false, message: 'Cache will be cleared as soon as Redis can be reached', id });
  });

  app.post('/cache/invalidate', { onRequest: authenticate }, async ({ scope, body }, reply) => {
    const principal = scope.principal();
    requirePermission(principal, 'cache:admin'); // before anything is said about the body
    const pattern = patternOf(body);
    // The older API kept these in the same cache; this server never has any.
    if (/^(pipeline|agg|fief_token):/.test(pattern)) return reply.send({ deleted_count: 0, pattern });
    const translated = pattern.startsWith('get_device_info_cached:') ? 'device_meta:*' : pattern;
    return answerInvalidation(reply, pattern, await cacheAdmin.invalidate(principal, translated, { dryRun: false }));
  });
}

function answerInvalidation(reply: FastifyReply, pattern: string, { status, matched, id }: Invalidation): FastifyReply {
  if (status === 'APPLIED' && matched !== null) return reply.send({ deleted_count: matched, pattern });
  return reply.status(202).send({ pattern, id });
}

function patternOf(body: unknown): string {
  const pattern = typeof body === 'object' && body !== null && 'pattern' in body ? body.pattern : body;
  if (typeof pattern === 'string') return pattern;
  throw new CodedError('BAD_USER_INPUT', 'The body must be {"pattern": "…"} or a JSON string, sent as application/json.');
}

function statsBody(keys: number | null, redis: RedisFigures) {
  return {
    status: 'connected',
    opensensor_keys: keys,
    redis_version: redis.version,
    used_memory: redis.usedMemoryHuman,
    connected_clients: redis.connectedClients,
    keyspace_hits: redis.keyspaceHits,
    keyspace_misses: redis.keyspaceMisses,
    hit_rate: `${(100 * (redis.hitRatio ?? 0)).toFixed(1)}%`,
  };
}
