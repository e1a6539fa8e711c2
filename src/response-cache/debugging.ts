/**
 * Why an answer was, or was not, cached: `extensions.apolloCacheDebugging`, for callers with `cache:read` who send
 * `apollo-cache-debugging: true`. The format is that of the cache debugger of Apollo Router 2 (`CacheKeyContext`, version 1.0), which
 * Apollo's tools read; what only this cache knows is in `opensensor`. Such an answer is never stored.
 */
import type { BodyEntry } from '../cache/cache.js';

export const DEBUGGING_HEADER = 'apollo-cache-debugging';

/** What an attempt knows of its answer. */
export interface Explanation {
  readonly source: 'cache' | 'subgraph';
  /** The entry that was found, or would have been stored. */
  readonly entry: BodyEntry | undefined;
  readonly isCallersOwn: boolean;
  /** What made it its caller's own, or everyone's. */
  readonly decidedBy: string;
  /** Why it is not stored; undefined for what is, or would be without debugging. */
  readonly reason: string | undefined;
  readonly tier: 'l1' | 'l2' | undefined;
}

export interface DebuggedRequest {
  readonly body: unknown;
  /** Of the journal's clock. */
  readonly nowMs: number;
  /** Milliseconds since 1970. */
  readonly unixMs: number;
}

/** The answer's body with the explanation in it. */
export function withExplanation(
  body: string,
  explanation: Explanation,
  { body: subgraphRequest, nowMs, unixMs }: DebuggedRequest,
): string {
  const { source, entry, isCallersOwn, decidedBy, reason, tier } = explanation;
  const answer = JSON.parse(body) as { data?: Record<string, unknown> | null; extensions?: Record<string, unknown> };
  const [key = null, ...invalidationKeys] = entry?.d ?? [];
  const ageSeconds = entry === undefined ? null : Math.max(0, (nowMs - entry.t) / 1000);
  const debugging = {
    version: '1.0',
    data: [
      {
        key,
        invalidationKeys,
        kind: { rootFields: Object.keys(answer.data ?? {}) },
        subgraphName: 'opensensor',
        subgraphRequest,
        source,
        cacheControl: {
          created: Math.floor(unixMs / 1000 - (ageSeconds ?? 0)),
          maxAge: entry === undefined ? 0 : Math.floor(entry.f),
          ...(entry !== undefined && entry.w > 0 ? { staleWhileRevalidate: entry.w } : {}),
          ...(isCallersOwn ? { private: true } : { public: true }),
          ...(reason === undefined ? {} : { noStore: true }),
        },
        data: { data: answer.data },
        opensensor: {
          scope: isCallersOwn ? 'PRIVATE' : 'PUBLIC',
          scopeDecidedBy: decidedBy,
          stamp: entry === undefined ? null : { epoch: entry.e, sequence: entry.s },
          ageSeconds,
          ttlSeconds: entry === undefined || ageSeconds === null ? null : Math.max(0, entry.f - ageSeconds),
          tier: tier ?? null,
          reasonNotStored: reason ?? null,
        },
      },
    ],
  };
  return `${JSON.stringify({ ...answer, extensions: { ...answer.extensions, apolloCacheDebugging: debugging } })}\n`;
}
