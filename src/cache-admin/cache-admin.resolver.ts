/** The cache's part of the GraphQL schema: arguments in, the operations' answers out. Decides nothing itself. */
import { Arg, Ctx, Extensions, ID, Int, Mutation, Query, Resolver } from 'type-graphql';
import { MAX_HISTORY } from '../cache/cache.js';
import { CacheInvalidationType } from '../cache-invalidation.type.js';
import type { Connection } from '../connection.js';
import type { RequestScope } from '../request.js';
import { CacheEntryExplanation } from './cache-entry-explanation.type.js';
import { type CacheEntry, CacheEntryConnection } from './cache-entry.type.js';
import { CacheStats, toCacheStats } from './cache-stats.type.js';
import type { CacheAdmin } from './operations.js';

/** What this domain needs of its GraphQL context. */
export interface CacheAdminContext {
  readonly request: RequestScope;
}

const PATTERN_DESCRIPTION =
  'A glob over cache keys as Redis reads it (`*`, `?`, `[…]`, `\\`), e.g. `device_meta:green*`; 1,024 bytes at most.';

@Resolver()
export class CacheAdminResolver {
  constructor(readonly operations: CacheAdmin) {}

  @Query(() => CacheStats, { nullable: true, description: 'How the cache is doing. Needs `cache:read`.' })
  async cacheStats(@Ctx() { request }: CacheAdminContext): Promise<CacheStats> {
    request.noStore();
    return toCacheStats(await this.operations.stats(request.principal()));
  }

  @Query(() => CacheEntryConnection, {
    nullable: true,
    description:
      'What is cached: keys, never values. Needs `cache:read`. An entry that stays cached during the whole walk is listed at least once; a page may be short.',
  })
  cacheEntries(
    @Arg('pattern', () => String, { defaultValue: '*', description: PATTERN_DESCRIPTION }) pattern: string,
    @Arg('first', () => Int, { defaultValue: 50, description: 'How many at most, 1 to 500.' }) first: number,
    @Arg('after', () => String, {
      nullable: true,
      description: 'Go on behind this cursor, which comes from a page with the same pattern.',
    })
    after: string | null | undefined,
    @Ctx() { request }: CacheAdminContext,
  ): Promise<Connection<CacheEntry>> {
    request.noStore();
    return this.operations.entries(request.principal(), { pattern, first, after: after ?? undefined });
  }

  @Query(() => CacheInvalidationType, {
    nullable: true,
    description: 'What became of an invalidation; kept for an hour after it was applied. Needs `cache:read`.',
  })
  cacheInvalidation(
    @Arg('id', () => ID, { description: 'The id that the invalidation was answered with.' }) id: string,
    @Ctx() { request }: CacheAdminContext,
  ): Promise<CacheInvalidationType | null> {
    request.noStore();
    return this.operations.findInvalidation(request.principal(), id);
  }

  @Extensions({ longestPage: MAX_HISTORY })
  @Query(() => [CacheInvalidationType], {
    nullable: true,
    description:
      'Administrative invalidations of the last day, newest first, what is still pending included; the last 1,000 are kept. Needs `cache:read`.',
  })
  cacheInvalidations(
    @Arg('first', () => Int, { defaultValue: 50, description: 'How many at most, 1 to 1,000.' }) first: number,
    @Ctx() { request }: CacheAdminContext,
  ): Promise<readonly CacheInvalidationType[]> {
    request.noStore();
    return this.operations.history(request.principal(), first);
  }

  @Query(() => CacheEntryExplanation, {
    nullable: true,
    description: 'Why a key is, or is not, answered from the cache. Loads nothing and counts as no look-up. Needs `cache:read`.',
  })
  explainCacheEntry(
    @Arg('key', () => String, {
      description: 'A cache key without the prefix, as `cacheEntries` lists them, e.g. `device_meta:greenhouse-7f3a`.',
    })
    key: string,
    @Ctx() { request }: CacheAdminContext,
  ): Promise<CacheEntryExplanation> {
    request.noStore();
    return this.operations.explain(request.principal(), key);
  }

  @Mutation(() => CacheInvalidationType, {
    nullable: true,
    description: 'Makes everything cached unservable on all pods, and frees it. Needs `cache:admin`.',
  })
  clearCache(@Ctx() { request }: CacheAdminContext): Promise<CacheInvalidationType> {
    request.noStore();
    return this.operations.clear(request.principal());
  }

  @Mutation(() => CacheInvalidationType, {
    nullable: true,
    description:
      'Makes what matches a pattern unservable on all pods, responses built from it included, and frees it. Needs `cache:admin`.',
  })
  invalidateCache(
    @Arg('pattern', () => String, { description: PATTERN_DESCRIPTION }) pattern: string,
    @Arg('dryRun', () => Boolean, { defaultValue: false, description: 'Only count what matches; nothing is done.' })
    dryRun: boolean,
    @Ctx() { request }: CacheAdminContext,
  ): Promise<CacheInvalidationType> {
    request.noStore();
    return this.operations.invalidate(request.principal(), pattern, { dryRun });
  }

  @Mutation(() => CacheInvalidationType, {
    nullable: true,
    description: 'Makes everything known about these devices unservable on all pods, responses included. Needs `cache:admin`.',
  })
  invalidateDevices(
    @Arg('ids', () => [ID], { description: '1 to 1,000 ids, as `devices` takes them.' }) ids: string[],
    @Ctx() { request }: CacheAdminContext,
  ): Promise<CacheInvalidationType> {
    request.noStore();
    return this.operations.invalidateDevices(request.principal(), ids);
  }
}
