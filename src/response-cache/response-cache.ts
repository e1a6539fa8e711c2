/**
 * Whole responses: found before GraphQL runs where the request's bytes are known, else when Apollo Server has accepted the operation; and
 * stored with everything that they were made from. What makes a response whose it is, how long it lives and what ends it is derived
 * from what its resolvers did, never declared. `http/` calls it on both sides of Apollo Server, whose plugin is in `plugin.ts`.
 *
 *     known bytes → alias → memory → Redis → answered
 *     else → Apollo Server: parse, validate, limits → memory → Redis → an execution to join → executed → kept, alias learnt
 */
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Principal } from '../auth/principal.js';
import type { BodyHit, Budget } from '../cache/cache.js';
import { type Alias, Aliases } from './aliases.js';
import { Attempt, type AttemptOptions, type AttemptParts, type CacheableRequest, type ResponseCacheOptions } from './attempt.js';
import { Executions } from './executions.js';
import { responseKeys } from './response-keys.js';

/** Operations of which it is remembered whether their answers were somebody's own. */
const MAX_SCOPES = 10_000;

export class ResponseCache {
  readonly aliases = new Aliases();
  readonly options: ResponseCacheOptions;
  readonly #parts: AttemptParts;

  constructor(options: ResponseCacheOptions) {
    this.options = options;
    const { version, surrogateKeys, typeHints = {} } = options;
    this.#parts = {
      ...options,
      kind: hash('sha256', JSON.stringify([version, surrogateKeys?.digestOf('*'), typeHints]), 'base64url'),
      aliases: this.aliases,
      executions: new Executions(),
      scopes: new LRUCache({ max: MAX_SCOPES }),
    };
  }

  get isOn(): boolean {
    return this.options.ttlSeconds > 0;
  }

  /** Milliseconds of the clock by which stored responses age. */
  nowMs(): number {
    return this.options.bodies.nowMs();
  }

  /** What this pod's memory has for a request that is known by its bytes; stale only what is to be made anew meanwhile. */
  inMemory(alias: Alias, caller: Principal): BodyHit | undefined {
    const hit = this.options.bodies.inMemory(responseKeys(alias.canonical, caller), 'stale');
    if (hit !== undefined) this.options.counts[hit.isStale ? 'staleServed' : 'l1Hits']++;
    return hit;
  }

  /** The same in Redis, in one round trip. */
  async inStore(alias: Alias, caller: Principal, budget: Budget): Promise<BodyHit | undefined> {
    const hit = await this.options.bodies.inStore(responseKeys(alias.canonical, caller), budget, 'stale');
    if (hit !== undefined) this.options.counts[hit.isStale ? 'staleServed' : 'l2Hits']++;
    return hit;
  }

  /** Begins a request's way through Apollo Server. */
  attempt(request: CacheableRequest, options: AttemptOptions): Attempt {
    return (request.attempt = new Attempt(this.#parts, request, options));
  }
}
