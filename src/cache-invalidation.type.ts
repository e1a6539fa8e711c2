/**
 * What became of an invalidation, in GraphQL. Its source is the cache's own `Invalidation`, unchanged. Here and not in a domain,
 * because both the device mutations and the cache administration answer it.
 */
import 'reflect-metadata';
import { Field, Float, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { Invalidation } from './cache/cache.js';

export const InvalidationStatus = { APPLIED: 'APPLIED', PENDING: 'PENDING', DRY_RUN: 'DRY_RUN' } as const;

registerEnumType(InvalidationStatus, {
  name: 'InvalidationStatus',
  description: 'How far an invalidation has come.',
  valuesConfig: {
    APPLIED: { description: 'No pod can serve it any more.' },
    PENDING: { description: 'On record, and applied before the cache is trusted again.' },
    DRY_RUN: { description: 'Nothing was done.' },
  },
});

@ObjectType({
  description: 'The pods that an invalidation had to reach. When it is APPLIED, `live` is the sum of the other two.',
  simpleResolvers: true,
})
export class PodAcks {
  @Field(() => Int, { description: 'Pods that used the cache when the invalidation was put on record.' })
  live!: number;

  @Field(() => Int, { description: 'Of those, the pods that have said that they no longer serve what was invalidated.' })
  acknowledged!: number;

  @Field(() => Int, {
    description: 'Of those, the pods that did not answer but whose lease is over, so that they serve nothing from the cache.',
  })
  expired!: number;
}

@ObjectType('CacheInvalidation', {
  description: "One invalidation of cached answers: an admin's, or a device change's own.",
  simpleResolvers: true,
})
export class CacheInvalidationType implements Invalidation {
  @Field(() => ID, { description: "For asking again with `cacheInvalidation(id)`; a dry run's leads nowhere." })
  id!: string;

  @Field(() => InvalidationStatus, { description: 'How far it has come.' })
  status!: Invalidation['status'];

  @Field(() => String, { nullable: true, description: 'The glob over cache keys, for `invalidateCache` and `clearCache`.' })
  pattern!: string | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'Keys in Redis that matched, servable or not. Null for what is found by tag (`invalidateDevices`, device changes), while Redis ' +
      "can't be asked, and until the walk over the keys has ended.",
  })
  matched!: number | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'Of those, freed so far. A purge answers when its walk has ended, 5 s after APPLIED at the latest; freeing goes on after that.',
  })
  removed!: number | null;

  @Field(() => Date, { description: 'When it was asked for.' })
  requestedAt!: Date;

  @Field(() => Date, { nullable: true, description: 'When it was applied everywhere; null until APPLIED.' })
  appliedAt!: Date | null;

  @Field(() => Float, { description: 'Milliseconds from the request until it was applied, or until now.' })
  elapsedMs!: number;

  @Field(() => PodAcks, { nullable: true, description: "The pods that it had to reach; null while the fleet can't be counted." })
  pods!: Readonly<PodAcks> | null;

  @Field(() => String, {
    nullable: true,
    description: "Who asked for it: the id of the user or service. Null for a device change's own, and for a dry run.",
  })
  actor!: string | null;

  @Field(() => Int, { nullable: true, description: 'How many ids were named; null but for `invalidateDevices`.' })
  ids!: number | null;
}
