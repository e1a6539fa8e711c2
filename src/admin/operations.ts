/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** Whether a pod sends its reads to Redis. */
export type BreakerState =
  /** The pod holds its lease and Redis is in use. */
  | 'CLOSED'
  /** The first read after a pause is under way. */
  | 'HALF_OPEN'
  /** No lease, or reads are paused after one that failed. */
  | 'OPEN';

/** How the answering pod sees Redis. */
export type CacheStatus =
  /** The cache in Redis is in use. */
  | 'CONNECTED'
  /** Redis can't be reached or trusted now; answers come from the database. */
  | 'DEGRADED'
  /** No Redis is configured; the cache is in the memory of this process. */
  | 'EMBEDDED';

/** How far an invalidation has come. */
export type InvalidationStatus =
  /** No pod can serve it any more. */
  | 'APPLIED'
  /** Nothing was done. */
  | 'DRY_RUN'
  /** On record, and applied before the cache is trusted again. */
  | 'PENDING';

/** What kind of caller asks. */
export type ViewerKind =
  /** A device, by its API key. */
  | 'DEVICE'
  /** A program, by a bearer token with any other subject. Owns nothing. */
  | 'SERVICE'
  /** A person, by a bearer token whose subject is a UUID. May own devices. */
  | 'USER';

export type CacheEntriesQueryVariables = Exact<{
  pattern?: string;
  first?: number;
  after?: string | null | undefined;
}>;


export type CacheEntriesQuery = { cacheEntries: { edges: Array<{ cursor: string, node: { key: string, namespace: string, ttlSeconds: number, bytes: number } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null };

export type CacheInvalidationQueryVariables = Exact<{
  id: string;
}>;


export type CacheInvalidationQuery = { cacheInvalidation: { id: string, status: InvalidationStatus, pattern: string | null, matched: number | null, removed: number | null, requestedAt: string, appliedAt: string | null, elapsedMs: number, actor: string | null, ids: number | null, pods: { live: number, acknowledged: number, expired: number } | null } | null };

export type CacheInvalidationsQueryVariables = Exact<{
  first?: number;
}>;


export type CacheInvalidationsQuery = { cacheInvalidations: Array<{ id: string, status: InvalidationStatus, actor: string | null, pattern: string | null, ids: number | null, matched: number | null, removed: number | null, requestedAt: string, appliedAt: string | null, elapsedMs: number, pods: { live: number, acknowledged: number, expired: number } | null }> | null };

export type CacheStatsQueryVariables = Exact<{ [key: string]: never; }>;


export type CacheStatsQuery = { cacheStats: { status: CacheStatus, complete: boolean, since: string, prefix: string, keys: number | null, keysCountedAt: string | null, redis: { version: string, usedMemoryBytes: number, maxMemoryBytes: number | null, evictionPolicy: string | null, connectedClients: number, keyspaceHits: number, keyspaceMisses: number, hitRatio: number | null, evictedKeys: number, uptimeSeconds: number } | null, namespaces: Array<{ name: string, hits: number, l1Hits: number, l2Hits: number, misses: number, hitRatio: number | null, loads: number, coalesced: number, staleServed: number, bypassed: number, rejectedFills: number, errors: number }>, pods: Array<{ id: string, version: string, startedAt: string, l1Entries: number, l1Bytes: number, l1MaxBytes: number | null, leaseHeld: boolean, lagMs: number | null, breaker: BreakerState, namespaces: Array<{ name: string, hits: number, misses: number, hitRatio: number | null, loads: number, staleServed: number, bypassed: number }> }>, pendingInvalidations: Array<{ id: string, pattern: string | null, requestedAt: string, elapsedMs: number, actor: string | null, ids: number | null }> } | null };

export type ClearCacheMutationVariables = Exact<{ [key: string]: never; }>;


export type ClearCacheMutation = { clearCache: { id: string, status: InvalidationStatus, pattern: string | null, matched: number | null, removed: number | null, requestedAt: string, appliedAt: string | null, elapsedMs: number, actor: string | null, ids: number | null, pods: { live: number, acknowledged: number, expired: number } | null } | null };

export type ExplainCacheEntryQueryVariables = Exact<{
  key: string;
}>;


export type ExplainCacheEntryQuery = { explainCacheEntry: { key: string, servable: boolean, reason: string, inMemory: boolean, inRedis: boolean | null, absent: boolean | null, storedAt: string | null, freshUntil: string | null, staleUntil: string | null, sizeBytes: number | null, tags: Array<string> } | null };

export type InvalidateCacheMutationVariables = Exact<{
  pattern: string;
  dryRun?: boolean;
}>;


export type InvalidateCacheMutation = { invalidateCache: { id: string, status: InvalidationStatus, pattern: string | null, matched: number | null, removed: number | null, requestedAt: string, appliedAt: string | null, elapsedMs: number, actor: string | null, ids: number | null, pods: { live: number, acknowledged: number, expired: number } | null } | null };

export type InvalidateDevicesMutationVariables = Exact<{
  ids: Array<string>;
}>;


export type InvalidateDevicesMutation = { invalidateDevices: { id: string, status: InvalidationStatus, pattern: string | null, matched: number | null, removed: number | null, requestedAt: string, appliedAt: string | null, elapsedMs: number, actor: string | null, ids: number | null, pods: { live: number, acknowledged: number, expired: number } | null } | null };

export type PermissionsQueryVariables = Exact<{ [key: string]: never; }>;


export type PermissionsQuery = { viewer: { id: string, kind: ViewerKind, permissions: Array<string> } | null };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}

export const CacheEntriesDocument = new TypedDocumentString(`
    query CacheEntries($pattern: String! = "*", $first: Int! = 50, $after: String) {
  cacheEntries(pattern: $pattern, first: $first, after: $after) {
    edges {
      node {
        key
        namespace
        ttlSeconds
        bytes
      }
      cursor
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    `) as unknown as TypedDocumentString<CacheEntriesQuery, CacheEntriesQueryVariables>;
export const CacheInvalidationDocument = new TypedDocumentString(`
    query CacheInvalidation($id: ID!) {
  cacheInvalidation(id: $id) {
    id
    status
    pattern
    matched
    removed
    requestedAt
    appliedAt
    elapsedMs
    actor
    ids
    pods {
      live
      acknowledged
      expired
    }
  }
}
    `) as unknown as TypedDocumentString<CacheInvalidationQuery, CacheInvalidationQueryVariables>;
export const CacheInvalidationsDocument = new TypedDocumentString(`
    query CacheInvalidations($first: Int! = 50) {
  cacheInvalidations(first: $first) {
    id
    status
    actor
    pattern
    ids
    matched
    removed
    requestedAt
    appliedAt
    elapsedMs
    pods {
      live
      acknowledged
      expired
    }
  }
}
    `) as unknown as TypedDocumentString<CacheInvalidationsQuery, CacheInvalidationsQueryVariables>;
export const CacheStatsDocument = new TypedDocumentString(`
    query CacheStats {
  cacheStats {
    status
    complete
    since
    prefix
    keys
    keysCountedAt
    redis {
      version
      usedMemoryBytes
      maxMemoryBytes
      evictionPolicy
      connectedClients
      keyspaceHits
      keyspaceMisses
      hitRatio
      evictedKeys
      uptimeSeconds
    }
    namespaces {
      name
      hits
      l1Hits
      l2Hits
      misses
      hitRatio
      loads
      coalesced
      staleServed
      bypassed
      rejectedFills
      errors
    }
    pods {
      id
      version
      startedAt
      l1Entries
      l1Bytes
      l1MaxBytes
      leaseHeld
      lagMs
      breaker
      namespaces {
        name
        hits
        misses
        hitRatio
        loads
        staleServed
        bypassed
      }
    }
    pendingInvalidations {
      id
      pattern
      requestedAt
      elapsedMs
      actor
      ids
    }
  }
}
    `) as unknown as TypedDocumentString<CacheStatsQuery, CacheStatsQueryVariables>;
export const ClearCacheDocument = new TypedDocumentString(`
    mutation ClearCache {
  clearCache {
    id
    status
    pattern
    matched
    removed
    requestedAt
    appliedAt
    elapsedMs
    actor
    ids
    pods {
      live
      acknowledged
      expired
    }
  }
}
    `) as unknown as TypedDocumentString<ClearCacheMutation, ClearCacheMutationVariables>;
export const ExplainCacheEntryDocument = new TypedDocumentString(`
    query ExplainCacheEntry($key: String!) {
  explainCacheEntry(key: $key) {
    key
    servable
    reason
    inMemory
    inRedis
    absent
    storedAt
    freshUntil
    staleUntil
    sizeBytes
    tags
  }
}
    `) as unknown as TypedDocumentString<ExplainCacheEntryQuery, ExplainCacheEntryQueryVariables>;
export const InvalidateCacheDocument = new TypedDocumentString(`
    mutation InvalidateCache($pattern: String!, $dryRun: Boolean! = false) {
  invalidateCache(pattern: $pattern, dryRun: $dryRun) {
    id
    status
    pattern
    matched
    removed
    requestedAt
    appliedAt
    elapsedMs
    actor
    ids
    pods {
      live
      acknowledged
      expired
    }
  }
}
    `) as unknown as TypedDocumentString<InvalidateCacheMutation, InvalidateCacheMutationVariables>;
export const InvalidateDevicesDocument = new TypedDocumentString(`
    mutation InvalidateDevices($ids: [ID!]!) {
  invalidateDevices(ids: $ids) {
    id
    status
    pattern
    matched
    removed
    requestedAt
    appliedAt
    elapsedMs
    actor
    ids
    pods {
      live
      acknowledged
      expired
    }
  }
}
    `) as unknown as TypedDocumentString<InvalidateDevicesMutation, InvalidateDevicesMutationVariables>;
export const PermissionsDocument = new TypedDocumentString(`
    query Permissions {
  viewer {
    id
    kind
    permissions
  }
}
    `) as unknown as TypedDocumentString<PermissionsQuery, PermissionsQueryVariables>;